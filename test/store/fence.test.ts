/** The store over a disk that fails: what writers are told, what memory says afterwards, and that nothing is lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_LIMITS, isNatterError, utf8 } from '../../src/base/index.js'
import { createDatabase, openLevelDisk } from '../../src/disk/classic-disk.js'
import type { Disk } from '../../src/disk/index.js'
import type { AppliedBatch, PeerRecord, Store } from '../../src/store/index.js'
import { logKey, peerKey } from '../../src/store/keys.js'
import { Faults, faultyLevel } from '../disk/faulty-level.js'
import { ManualClock } from '../disk/manual-clock.js'
import { until } from '../support/until.js'
import { batchesOf } from './exchange.js'
import { closeStore, put, read, SeededRandom, storeOf, temporaryFolder } from './harness.js'

interface Bench {
  readonly disk: Disk
  readonly faults: Faults
  readonly clock: ManualClock
  readonly store: Store
  readonly applied: AppliedBatch[]
  recover(): Promise<void>
}

async function withStore(run: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = await temporaryFolder()
  const location = `${folder.path}/db`
  await createDatabase(location)
  const faults = new Faults()
  const clock = new ManualClock()
  const level = faultyLevel(faults)
  const disk = await openLevelDisk({ location, durability: 'fsync', limits: DEFAULT_LIMITS, clock, level })
  const store = await storeOf(1, { disk, clock, random: new SeededRandom(3) })
  const applied: AppliedBatch[] = []
  store.onCommit(notice => applied.push(...notice.applied))
  const recover = (): Promise<void> =>
    new Promise(resolve => {
      const stop = store.onEvent('storage', ({ state }) => {
        if (state !== 'open') return
        stop()
        resolve()
      })
      clock.advance(60_000)
    })
  try {
    await run({ disk, faults, clock, store, applied, recover })
  } finally {
    await closeStore(store)
    await folder.remove()
  }
}

const account: PeerRecord = {
  acked: 0,
  ackedAtMs: 0,
  durable: true,
  kind: 'peer',
  blocked: false,
  addrs: []
}

async function codesOf(writes: readonly Promise<unknown>[]): Promise<string[]> {
  const codes: string[] = []
  for (const { status, ...result } of await Promise.allSettled(writes)) {
    if (status === 'fulfilled') codes.push('made')
    else
      codes.push(
        isNatterError((result as { reason: unknown }).reason)
          ? (result as PromiseRejectedResult).reason.code
          : '?'
      )
  }
  return codes
}

test('a commit that failed without trace was not made; the store goes on in a new epoch', () =>
  withStore(async ({ faults, store, applied, recover }) => {
    const before = await store.write({ ops: [put('a', 1)] })
    faults.writes = 'before'
    const held = faults.holdWrite()
    const first = store.write({ ops: [put('a', 2)] })
    await held.reached
    const codes = codesOf([first, store.write({ ops: [put('a', 3)] })])
    held.release()
    assert.deepEqual(await codes, ['INDETERMINATE', 'STORE_FENCED'])
    await assert.rejects(store.write({ ops: [put('a', 4)] }), { code: 'STORE_FENCED' })
    await assert.rejects(store.apply([]), { code: 'STORE_FENCED' })
    assert.equal(await read(store, 'a'), 1, 'reads go on')
    faults.writes = 'no'
    await recover()
    assert.equal(store.mark.position, 1)
    assert.equal(applied.length, 1)
    const after = await store.write({ ops: [put('a', 5)] })
    assert.notEqual(after.ops[0]!.epoch, before.ops[0]!.epoch)
    assert.equal(after.position, 2)
    assert.equal((await store.get(new TextEncoder().encode('a')))!.heads.length, 1)
    assert.deepEqual((await store.verify()).damage, [])
  }))

test('a commit that was made although it failed is found, announced once, and its id is known', () =>
  withStore(async ({ faults, store, applied, recover }) => {
    await store.write({ ops: [put('a', 1)] })
    faults.writes = 'after'
    await assert.rejects(store.write({ ops: [put('a', 2)], id: 'w' }), { code: 'INDETERMINATE' })
    assert.equal(applied.length, 1, 'nobody hears of it before it is known to be on disk')
    faults.writes = 'no'
    await recover()
    assert.deepEqual(
      applied.map(({ mark, local }) => [mark.position, local]),
      [
        [1, true],
        [2, true]
      ]
    )
    assert.equal(await read(store, 'a'), 2)
    assert.equal((await store.write({ ops: [put('a', 2)], id: 'w' })).repeated, true)
    const { ops } = await store.write({ ops: [put('b', 1)] })
    assert.equal(store.frontier.size, 1)
    assert.equal(ops[0]!.seq, 1)
    assert.deepEqual((await store.verify()).damage, [])
    assert.equal((await batchesOf(store)).length, 3)
  }))

test('what an interrupted commit made is announced also when the first recovery fails', () =>
  withStore(async ({ disk, clock, faults, store, applied, recover }) => {
    await store.write({ ops: [put('a', 1)] })
    faults.writes = 'after'
    await assert.rejects(store.write({ ops: [put('a', 2)] }), { code: 'INDETERMINATE' })
    // Memory is built anew, and then the newest batch cannot be written once more.
    faults.writes = 'before'
    const held = faults.holdWrite()
    clock.advance(60_000)
    await held.reached
    held.release()
    await until('the recovery is tried again', 5_000, () => clock.pending.some(ms => ms < 60_000))
    assert.equal(disk.state, 'fenced')
    faults.writes = 'no'
    await recover()
    assert.deepEqual(
      applied.map(({ mark }) => mark.position),
      [1, 2]
    )
  }))

test('what an interrupted commit made is announced also when a repair was asked for meanwhile', () =>
  withStore(async ({ faults, store, applied, recover }) => {
    await store.write({ ops: [put('a', 1)] })
    faults.writes = 'after'
    await assert.rejects(store.write({ ops: [put('a', 2)] }), { code: 'INDETERMINATE' })
    await assert.rejects(store.verify({ repair: true }), { code: 'STORE_FENCED' })
    assert.equal(store.mark.position, 1, 'the commit in doubt is no part of memory')
    faults.writes = 'no'
    await recover()
    assert.deepEqual(
      applied.map(({ mark }) => mark.position),
      [1, 2]
    )
  }))

test('batches of other nodes are applied again after a fence', () =>
  withStore(async ({ faults, store, recover }) => {
    const other = await storeOf(2)
    for (let i = 0; i < 5; i++) await other.write({ ops: [put(`k${i}`, i)] })
    const batches = await batchesOf(other)
    await store.apply(batches.slice(0, 2))
    faults.writes = 'after'
    await assert.rejects(store.apply(batches.slice(2, 4)), { code: 'INDETERMINATE' })
    faults.writes = 'no'
    await recover()
    const statuses = (await store.apply(batches)).map(result => result.status)
    assert.deepEqual(statuses, ['duplicate', 'duplicate', 'duplicate', 'duplicate', 'applied'])
    assert.equal(store.stateDigest(), other.stateDigest())
    await closeStore(other)
  }))

test('accounts are in memory what they are on disk, and what was not saved is saved later', () =>
  withStore(async ({ disk, faults, store, recover }) => {
    const { ops } = await store.write({ ops: [put('a', 1), put('b', 2)] })
    await store.ackFromProgram('prog', [ops[1]!])
    store.savePeer('peer', { ...account, acked: 1 })
    faults.writes = 'before'
    await assert.rejects(store.ackFromProgram('prog', [ops[0]!]), { code: 'INDETERMINATE' })
    assert.equal(store.peer('prog')!.acked, 0)
    await assert.rejects(store.forgetPeer('prog'), { code: 'STORE_FENCED' })
    await assert.rejects(store.keepPeer('bad', { ...account, blocked: true }), { code: 'STORE_FENCED' })
    assert.equal(store.peer('prog')!.kind, 'program')
    assert.equal(store.peer('bad')!.blocked, true)
    faults.writes = 'no'
    await recover()
    faults.writes = 'after'
    await assert.rejects(store.ackFromProgram('prog', [ops[0]!]), { code: 'INDETERMINATE' })
    faults.writes = 'no'
    await recover()
    assert.equal(store.peer('prog')!.acked, 1, 'it was made, and memory follows the disk')
    await store.ackFromProgram('prog', ops)
    const again = await storeOf(1, { disk })
    assert.deepEqual(
      ['prog', 'peer', 'bad'].map(name => [again.peer(name)!.acked, again.peer(name)!.blocked]),
      [
        [1, false],
        [1, false],
        [0, true]
      ]
    )
    await again.close()
  }))

test('a peer that is kept is on disk when that is said', () =>
  withStore(async ({ disk, store }) => {
    store.savePeer('peer', account)
    await store.keepPeer('peer', { ...account, blocked: true })
    const again = await storeOf(1, { disk })
    assert.equal(again.peer('peer')!.blocked, true)
    await again.close()
  }))

test('a damaged account of a peer does not keep the disk from recovering: memory has it', () =>
  withStore(async ({ disk, faults, store, recover }) => {
    await store.keepPeer('12D3KooWa', { ...account, acked: 7 })
    const write = disk.write()
    write.put(peerKey(utf8('12D3KooWa')), new Uint8Array(9))
    await disk.commit(write)
    faults.writes = 'before'
    await assert.rejects(store.write({ ops: [put('a', 1)] }), { code: 'INDETERMINATE' })
    faults.writes = 'no'
    await recover()
    await store.write({ ops: [put('a', 2)] })
    assert.equal(store.peer('12D3KooWa')?.acked, 7)
    assert.deepEqual((await store.verify()).damage, [])
  }))

test('a newest batch that is found damaged in a recovery is asked of peers from then on', () =>
  withStore(async ({ disk, faults, store, recover }) => {
    await store.write({ ops: [put('a', 1)] })
    const { batch, position } = await store.write({ ops: [put('a', 2)] })
    const key = logKey(position)
    const damaged = (await disk.get(key))!.slice()
    damaged[damaged.length - 1]! ^= 1
    const write = disk.write()
    write.put(key, damaged)
    await disk.commit(write)
    assert.deepEqual(await store.missing(), [])
    faults.writes = 'before'
    await assert.rejects(store.write({ ops: [put('b', 1)] }), { code: 'INDETERMINATE' })
    faults.writes = 'no'
    const asked = new Promise<void>(resolve => store.onMissing(resolve))
    await recover()
    await asked
    assert.deepEqual(
      (await store.missing()).map(hole => hole.batch),
      [batch]
    )
    assert.equal(await read(store, 'a'), 2)
  }))

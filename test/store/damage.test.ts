/** Damage is found: at open, when a record is read, and by verification. A wrong value is never given. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { isNatterError, toHex } from '../../src/base/index.js'
import type { Disk } from '../../src/disk/index.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import { clientIdHash } from '../../src/log/index.js'
import type { Store } from '../../src/store/index.js'
import { clientIdKey, META_KEY, SPACE, spaceRange } from '../../src/store/keys.js'
import { seal } from '../../src/store/records.js'
import { carry } from './exchange.js'
import { closeStore, del, key, put, read, SeededRandom, storeOf } from './harness.js'

async function filled(): Promise<Disk> {
  const disk = await openMemoryDisk()
  const store = await storeOf(1, { disk })
  const other = await storeOf(2)
  for (let i = 0; i < 6; i++) {
    await store.write({ ops: [put(`k${i}`, i), put('shared', i)], id: `w${i}` })
    const { batch } = await other.write({ ops: [put('shared', `o${i}`), del('gone')] })
    const run = other.openRun()
    await run.add({ type: 'want', tip: [...other.frontier][0]!, have: [], offset: 0 })
    const { batches } = await run.next(1 << 20)
    await store.apply(batches.filter(({ id }) => id === batch))
    await run.close()
  }
  await store.close()
  await closeStore(other)
  return disk
}

async function entriesOf(disk: Disk, space: number): Promise<[Uint8Array, Uint8Array][]> {
  const iterator = disk.iterate(spaceRange(space))
  const entries: [Uint8Array, Uint8Array][] = []
  for (let page = await iterator.next(100); page.length > 0; page = await iterator.next(100))
    entries.push(...page)
  await iterator.close()
  return entries
}

async function flip(disk: Disk, at: Uint8Array, value: Uint8Array, bit: number): Promise<void> {
  const changed = value.slice()
  changed[bit >> 3]! ^= 1 << (bit & 7)
  const write = disk.write()
  write.put(at, changed)
  await disk.commit(write)
}

async function restore(disk: Disk, at: Uint8Array, value: Uint8Array): Promise<void> {
  const write = disk.write()
  write.put(at, value)
  await disk.commit(write)
}

const spaces = Object.entries(SPACE).filter(([name]) => !['peer', 'programAck', 'cover'].includes(name))

for (const [name, space] of spaces) {
  test(`a flipped bit in a record of ${name} is found, never served`, async () => {
    const seed = 11
    const random = new SeededRandom(seed)
    const disk = await filled()
    const entries = (await entriesOf(disk, space)).filter(([, value]) => value.length > 0)
    for (let round = 0; round < 12 && entries.length > 0; round++) {
      const [at, value] = entries[random.below(entries.length)]!
      const what = `seed ${seed}, round ${round}`
      await flip(disk, at, value, random.below(value.length * 8))
      const store = await storeOf(1, { disk }).catch(error => {
        assert.ok(isNatterError(error, 'STORE_DAMAGED'), `${what}: ${error}`)
        return undefined
      })
      if (store !== undefined) {
        const report = await store.verify()
        assert.equal(report.ok, false, `${what}: verification found nothing`)
        for (let i = 0; i < 6; i++) {
          const shown: unknown = await read(store, `k${i}`).catch(error => {
            assert.ok(isNatterError(error, 'STORE_DAMAGED'), String(error))
            return i
          })
          assert.equal(shown, i, what)
        }
        await store.close()
      }
      await restore(disk, at, value)
    }
    const whole = await storeOf(1, { disk })
    assert.deepEqual((await whole.verify()).damage, [])
    await closeStore(whole)
  })

  test(`a record of ${name} that is missing is found`, async () => {
    const random = new SeededRandom(12)
    const disk = await filled()
    const entries = await entriesOf(disk, space)
    for (let round = 0; round < 4 && entries.length > 0; round++) {
      const [at, value] = entries[random.below(entries.length)]!
      const write = disk.write()
      write.del(at)
      await disk.commit(write)
      const store = await storeOf(1, { disk }).catch(error => {
        assert.ok(isNatterError(error, 'STORE_DAMAGED'), String(error))
        return undefined
      })
      if (store !== undefined) {
        assert.equal((await store.verify()).ok, false, `round ${round}`)
        await store.close()
      }
      await restore(disk, at, value)
    }
    await disk.close()
  })
}

async function recordAt(disk: Disk, at: Uint8Array): Promise<string> {
  return toHex((await disk.get(at))!)
}

test('a damaged cell is made again from the log, by reads, ranges, writes and batches of others', async () => {
  const disk = await filled()
  const cells = await entriesOf(disk, SPACE.cell)
  assert.equal(cells.length, 8)
  const ways: readonly ((store: Store, name: Uint8Array) => Promise<unknown>)[] = [
    (store, name) => store.get(name),
    (store, name) => store.getMany([key('k0'), name]),
    (store, name) => store.iterate({ gte: name }).next(1)
  ]
  for (const [at, value] of cells) {
    for (const way of ways) {
      await flip(disk, at, value, 99)
      const store = await storeOf(1, { disk })
      const unreadable: string[] = []
      store.onEvent('unreadable', event => unreadable.push(event.key))
      await way(store, at.subarray(1))
      await store.close()
      assert.deepEqual(unreadable, [])
      assert.equal(await recordAt(disk, at), toHex(value), 'the record is what it was')
    }
  }
  for (const [at, value] of cells) await flip(disk, at, value, 40)
  const store = await storeOf(1, { disk, random: new SeededRandom(9) })
  const other = await storeOf(3)
  await carry(store, other)
  await other.write({ ops: [put('k0', 'theirs'), put('shared', 'theirs')] })
  await carry(other, store)
  const { heads } = (await store.get(key('shared')))!
  assert.equal(heads.length, 1)
  assert.equal(await read(store, 'k0'), 'theirs')
  await Promise.all(cells.map(([at]) => store.get(at.subarray(1))))
  await store.write({ ops: [put('k1', 'mine')] })
  await carry(store, other)
  assert.equal(store.stateDigest(), other.stateDigest())
  assert.deepEqual((await store.verify()).damage, [])
  await closeStore(store)
  await closeStore(other)
})

test('a cell whose log is damaged as well is out of use alone, and right again when the log is', async () => {
  const disk = await filled()
  const other = await storeOf(3)
  let store = await storeOf(1, { disk, random: new SeededRandom(8) })
  await carry(store, other)
  await other.write({ ops: [put('shared', 'theirs'), put('k4', 'theirs')], id: 'w9' })
  const cell = (await entriesOf(disk, SPACE.cell)).find(
    ([at]) => new TextDecoder().decode(at.subarray(1)) === 'shared'
  )!
  const log = (await entriesOf(disk, SPACE.log))[4]!
  await flip(disk, cell[0], cell[1], 99)
  await flip(disk, log[0], log[1], 400)
  const told: string[] = []
  store.onEvent('unreadable', event => told.push(event.key))
  await assert.rejects(store.get(key('shared')), { code: 'STORE_DAMAGED' })
  assert.deepEqual(told, ['shared'])
  for (let round = 0; round < 2; round++) {
    await carry(other, store)
    assert.equal(await read(store, 'k4'), round === 0 ? 'theirs' : 'again')
    const [bad, good] = await Promise.allSettled([
      store.write({ ops: [put('shared', 'mine'), put('k2', 'no')] }),
      store.write({ ops: [put('k5', `mine${round}`)] })
    ])
    assert.ok(bad.status === 'rejected' && isNatterError(bad.reason, 'STORE_DAMAGED'))
    assert.equal(good.status, 'fulfilled')
    assert.equal(await read(store, 'k2'), 2)
    await assert.rejects(store.get(key('shared')), { code: 'STORE_DAMAGED' })
    await other.write({ ops: [put('shared', `theirs${round}`), put('k4', 'again')] })
    await store.close()
    store = await storeOf(1, { disk, random: new SeededRandom(20 + round) })
  }
  await restore(disk, log[0], log[1])
  await carry(other, store)
  assert.equal(await read(store, 'shared'), 'theirs1')
  await carry(store, other)
  assert.equal(store.stateDigest(), other.stateDigest())
  assert.equal(store.status().keys, other.status().keys)
  assert.deepEqual((await store.verify()).damage, [])
  await closeStore(store)
  await closeStore(other)
})

test('a damaged record of a client id holds up nothing but writes with that id', async () => {
  const disk = await filled()
  const source = await storeOf(1, { disk })
  const other = await storeOf(3)
  await other.write({ ops: [put('k0', 0), put('shared', 0)], id: 'w0' })
  const at = clientIdKey(clientIdHash('w0', nodeCrypto))
  await flip(disk, at, (await disk.get(at))!, 60)
  await carry(other, source)
  assert.equal((await source.get(key('k0')))!.heads.length, 1, 'the two copies are one version')
  await assert.rejects(source.write({ ops: [put('k0', 0), put('shared', 0)], id: 'w0' }), {
    code: 'STORE_DAMAGED'
  })
  await closeStore(source)
  await closeStore(other)
})

test('a newer format is told from a damaged version by its checksum', async () => {
  const disk = await filled()
  const value = (await disk.get(META_KEY))!
  const newer = value.slice()
  newer[0] = 2
  await restore(disk, META_KEY, newer)
  await assert.rejects(storeOf(1, { disk }), { code: 'STORE_DAMAGED' })
  await restore(disk, META_KEY, seal(META_KEY, newer, nodeCrypto))
  await assert.rejects(storeOf(1, { disk }), { code: 'FORMAT_UNKNOWN' })
  await restore(disk, META_KEY, value)
  await closeStore(await storeOf(1, { disk }))
})

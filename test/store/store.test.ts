/** The store by itself: writes, reads, ranges, history, ids, conditions, reopening. On memory and on LevelDB. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNatterError, utf8 } from '../../src/base/index.js'
import type { Disk } from '../../src/disk/index.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import type { Batch, Epoch } from '../../src/log/index.js'
import { NO_BATCH, OP_FLAG } from '../../src/log/index.js'
import type { CommitNotice, LoggedOp, Store } from '../../src/store/index.js'
import { forge } from './exchange.js'
import {
  closeStore,
  del,
  HandClock,
  key,
  levelDisk,
  put,
  read,
  SeededRandom,
  START_MS,
  storeOf,
  temporaryFolder
} from './harness.js'

interface Case {
  readonly name: string
  open(): Promise<{ disk: Disk; remove: () => Promise<void> }>
}

const cases: Case[] = [
  { name: 'memory', open: async () => ({ disk: await openMemoryDisk(), remove: async () => undefined }) },
  {
    name: 'LevelDB',
    async open() {
      const folder = await temporaryFolder()
      return { disk: await levelDisk(folder.path), remove: folder.remove }
    }
  }
]

for (const { name, open } of cases) {
  const onStore = (what: string, run: (store: Store) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      const { disk, remove } = await open()
      const store = await storeOf(1, { disk })
      try {
        await run(store)
        const report = await store.verify()
        assert.deepEqual(report.damage, [])
      } finally {
        await closeStore(store)
        await remove()
      }
    })
  }

  onStore('what was written is read', async store => {
    const committed = await store.write({ ops: [put('a', 1), put('b', { x: [1, 2] })] })
    assert.equal(committed.position, 1)
    assert.equal(committed.repeated, false)
    assert.deepEqual(
      committed.ops.map(op => [op.seq, op.index]),
      [
        [1, 0],
        [1, 1]
      ]
    )
    assert.equal(await read(store, 'a'), 1)
    assert.deepEqual(await read(store, 'b'), { x: [1, 2] })
    assert.equal(await store.get(key('c')), undefined)
    await store.write({ ops: [put('a', 2)] })
    await store.write({ ops: [del('b')] })
    assert.equal(await read(store, 'a'), 2)
    assert.equal(await read(store, 'b'), undefined)
    assert.deepEqual(store.status(), { ops: 4, keys: 1, bytes: store.status().bytes })
    assert.equal((await store.get(key('a')))!.heads.length, 1)
  })

  onStore('a key written twice in one write is at the later value', async store => {
    await store.write({ ops: [put('a', 1), put('a', 2), put('b', 1), del('b')] })
    assert.equal(await read(store, 'a'), 2)
    assert.equal(await read(store, 'b'), undefined)
    assert.equal((await store.get(key('a')))!.heads.length, 1)
    assert.equal(store.status().keys, 1)
  })

  onStore('ranges walk present keys in byte order', async store => {
    for (const name of ['b', 'a', 'd', 'c', 'é']) await store.write({ ops: [put(name, name)] })
    await store.write({ ops: [del('c')] })
    const walk = async (range: Parameters<Store['iterate']>[0], seek?: string): Promise<string[]> => {
      const iterator = store.iterate(range)
      const found: string[] = []
      if (seek !== undefined) iterator.seek(key(seek))
      for (let page = await iterator.next(2); page.length > 0; page = await iterator.next(2)) {
        for (const entry of page) found.push(new TextDecoder().decode(entry.key))
      }
      await iterator.close()
      return found
    }
    assert.deepEqual(await walk({}), ['a', 'b', 'd', 'é'])
    assert.deepEqual(await walk({ reverse: true }), ['é', 'd', 'b', 'a'])
    assert.deepEqual(await walk({ gt: key('a'), lte: key('d') }), ['b', 'd'])
    assert.deepEqual(await walk({ gte: key('b'), lt: key('d') }), ['b'])
    assert.deepEqual(await walk({}, 'c'), ['d', 'é'])
  })

  onStore('history, replay and findOp give the ops of the log', async store => {
    const first = await store.write({ ops: [put('a', 1), put('b', 1)], id: 'w1' })
    await store.write({ ops: [{ ...put('a', 2), writerTimeMs: 42 }] })
    await store.write({ ops: [del('a')] })
    const history: LoggedOp[] = []
    for await (const op of store.history(key('a'))) history.push(op)
    assert.deepEqual(
      history.map(op => [op.position, op.kind, op.writerTimeMs, op.clientId]),
      [
        [3, 2, undefined, undefined],
        [2, 1, 42, undefined],
        [1, 1, undefined, 'w1']
      ]
    )
    const replayed: number[] = []
    for await (const op of store.replay(1)) replayed.push(op.position)
    assert.deepEqual(replayed, [2, 3])
    assert.deepEqual((await store.findOp(first.ops[1]!))!.key, key('b'))
    assert.equal(await store.findOp({ ...first.ops[1]!, index: 7 }), undefined)
    assert.deepEqual(
      (await store.findClientId('w1'))!.map(op => op.name),
      first.ops
    )
    assert.equal(await store.findClientId('w2'), undefined)
  })

  onStore('conditions hold against earlier writes of the same commit', async store => {
    const { ops } = await store.write({ ops: [put('a', 1)] })
    const [won, lost] = await Promise.allSettled([
      store.write({ ops: [put('a', 2)], conditions: [{ key: key('a'), at: ops[0]! }] }),
      store.write({ ops: [put('a', 3)], conditions: [{ key: key('a'), at: ops[0]! }] })
    ])
    assert.equal(won.status, 'fulfilled')
    assert.ok(lost.status === 'rejected' && isNatterError(lost.reason, 'PRECONDITION_FAILED'))
    assert.equal(await read(store, 'a'), 2)
    await store.write({ ops: [put('b', 1)], conditions: [{ key: key('b'), at: null }] })
    await assert.rejects(store.write({ ops: [put('b', 2)], conditions: [{ key: key('b'), at: null }] }), {
      code: 'PRECONDITION_FAILED'
    })
    await store.write({ ops: [del('b')] })
    await store.write({ ops: [put('b', 3)], conditions: [{ key: key('b'), at: null }] })
  })

  onStore('a known id is answered without writing, before its conditions', async store => {
    const write = { ops: [put('a', 1), put('b', 2)], id: 'w', conditions: [{ key: key('a'), at: null }] }
    const [first, second] = await Promise.all([store.write(write), store.write(write)])
    assert.equal(second.repeated, true)
    assert.deepEqual(second.ops, first.ops)
    const third = await store.write(write)
    assert.deepEqual(third, { ...first, repeated: true })
    await assert.rejects(store.write({ ops: [put('a', 2)], id: 'w' }), { code: 'ID_REUSED' })
    assert.equal(store.status().ops, 2)
  })

  onStore('64 callers of one turn share one commit', async store => {
    const notices: CommitNotice[] = []
    store.onCommit(notice => notices.push(notice))
    const results = await Promise.all(
      Array.from({ length: 64 }, (_, i) => store.write({ ops: [put(`k${i}`, i)] }))
    )
    assert.equal(notices.length, 1)
    assert.equal(new Set(results.map(result => result.position)).size, 1)
    assert.equal(notices[0]!.applied[0]!.batch.header.opCount, 64)
  })

  onStore('a write over the format is refused and nothing is written', async store => {
    const many = Array.from({ length: 65_537 }, (_, i) => put(`k${i}`, i))
    await assert.rejects(store.write({ ops: many }), { code: 'BATCH_TOO_LARGE' })
    const big = { kind: 1, key: utf8('a'), value: new Uint8Array(8 * 1024 * 1024 + 1) }
    await assert.rejects(store.write({ ops: [big] }), { code: 'BATCH_TOO_LARGE' })
    await assert.rejects(store.write({ ops: [{ kind: 1, key: new Uint8Array(9000), value: utf8('1') }] }), {
      code: 'KEY_TOO_LARGE'
    })
    assert.equal(store.mark.position, 0)
  })

  onStore('changesAfter gives each key once, where it last changed', async store => {
    await store.write({ ops: [put('a', 1), put('b', 1)] })
    await store.write({ ops: [put('a', 2)] })
    await store.write({ ops: [del('zero')] })
    const page = await store.changesAfter(0, 10)
    assert.equal(page.upTo, 3)
    assert.deepEqual(
      page.keys.map(change => [new TextDecoder().decode(change.key), change.op.position]),
      [
        ['b', 1],
        ['a', 2]
      ]
    )
    assert.deepEqual(await store.changesAfter(3, 10), { upTo: 3, keys: [] })
  })
}

test('a store opens again as it was', async () => {
  const folder = await temporaryFolder()
  try {
    const clock = new HandClock()
    let store = await storeOf(1, { disk: await levelDisk(folder.path), clock })
    for (let i = 0; i < 10; i++) await store.write({ ops: [put(`k${i}`, i)], id: `w${i}` })
    store.savePeer('somebody', {
      acked: 7,
      ackedAtMs: 5,
      durable: true,
      kind: 'peer',
      blocked: false,
      name: 'n',
      addrs: ['/ip4/127.0.0.1/tcp/1'],
      theirs: { store: store.storeId, position: 3, check: '0123456789abcdef' }
    })
    const before = {
      mark: store.mark,
      frontier: store.frontierDigest(),
      state: store.stateDigest(),
      status: store.status(),
      storeId: store.storeId,
      peers: [...store.peers()]
    }
    await closeStore(store)
    clock.ms -= 5_000 // the wall clock goes back
    store = await storeOf(1, { disk: await levelDisk(folder.path), clock, storeId: before.storeId })
    assert.deepEqual(
      {
        mark: store.mark,
        frontier: store.frontierDigest(),
        state: store.stateDigest(),
        status: store.status(),
        storeId: store.storeId,
        peers: [...store.peers()]
      },
      before
    )
    const old = await store.findClientId('w9')
    const { ops, time } = await store.write({ ops: [put('k9', 'again')] })
    assert.notEqual(ops[0]!.epoch, old![0]!.name.epoch)
    assert.ok(time.ms >= old![0]!.time.ms)
    assert.equal(await read(store, 'k9'), 'again')
    assert.equal((await store.get(key('k9')))!.heads.length, 1)
    assert.equal(store.frontier.size, 1)
    assert.deepEqual((await store.verify()).damage, [])
    await closeStore(store)
    const random = new SeededRandom(77)
    store = await storeOf(1, { disk: await levelDisk(folder.path), storeId: 'ffffffffffffffff', random })
    assert.notEqual(store.storeId, before.storeId)
    await closeStore(store)
    const disk = await levelDisk(folder.path)
    await assert.rejects(storeOf(1, { disk, network: 'other' }), { code: 'NETWORK_MISMATCH' })
    await disk.close()
  } finally {
    await folder.remove()
  }
})

test('a write that is given up before its commit is not made; one after close is refused', async () => {
  const store = await storeOf(1)
  const { signal } = new AbortController()
  const giveUp = new AbortController()
  const kept = store.write({ ops: [put('a', 1)] }, { signal })
  const given = store.write({ ops: [put('a', 2)] }, { signal: giveUp.signal })
  giveUp.abort()
  await assert.rejects(given, { code: 'ABORTED' })
  await kept
  assert.equal(await read(store, 'a'), 1)
  await assert.rejects(store.write({ ops: [put('a', 3)] }, { signal: giveUp.signal }), { code: 'ABORTED' })
  await assert.rejects(store.write({ ops: [put('a', 3)], id: '' }), { code: 'INVALID_ARGUMENT' })
  await assert.rejects(store.write({ ops: [{ ...put('a', 3), writerTimeMs: -1 }] }), {
    code: 'INVALID_ARGUMENT'
  })
  await store.close()
  await assert.rejects(store.write({ ops: [put('a', 4)] }), { code: 'STORE_CLOSED' })
  await store.disk.close()
})

/** Batches of `count` authors, each with one op on the key. */
function rivals(database: Store['database'], from: number, count: number, name: string): Batch[] {
  const batches: Batch[] = []
  for (let author = from; author < from + count; author++) {
    const time = { ms: START_MS + author, counter: 0 }
    const epoch = '0000000100000001' as Epoch
    const flags = OP_FLAG.head | OP_FLAG.value
    const op = { kind: 1, flags, key: key(name), value: utf8(String(author)), over: [], extensions: [] }
    batches.push(forge(author, { epoch, seq: 1, previous: NO_BATCH, time, database }, [op]))
  }
  return batches
}

test('more heads than one write may name are overwritten by two', async () => {
  const reader = await storeOf(1)
  const deps = 1024
  await reader.apply(rivals(reader.database, 0, deps + 5, 'a'))
  assert.equal((await reader.get(key('a')))!.heads.length, deps + 5)
  assert.equal(await read(reader, 'a'), deps + 4)
  await reader.write({ ops: [put('a', 'first')] })
  assert.equal((await reader.get(key('a')))!.heads.length, 6)
  assert.equal(await read(reader, 'a'), 'first')
  await reader.write({ ops: [put('a', 'second')] })
  assert.equal((await reader.get(key('a')))!.heads.length, 1)
  assert.deepEqual((await reader.verify()).damage, [])
  await closeStore(reader)
})

test('ops that fit alone and not together are refused together, whole', async () => {
  const store = await storeOf(1)
  await store.apply(rivals(store.database, 2, 600, 'a'))
  await store.apply(rivals(store.database, 602, 600, 'b'))
  const { position } = store.mark
  const [together, a, b] = await Promise.allSettled([
    store.write({ ops: [put('a', 1), put('b', 1)] }),
    store.write({ ops: [put('a', 2)] }),
    store.write({ ops: [put('b', 2)] })
  ])
  assert.ok(together.status === 'rejected' && isNatterError(together.reason, 'BATCH_TOO_LARGE'))
  assert.equal(a.status, 'fulfilled')
  assert.equal(b.status, 'fulfilled')
  assert.equal(store.mark.position, position + 2, 'each took a batch of its own')
  assert.deepEqual([await read(store, 'a'), await read(store, 'b')], [2, 2])
  assert.deepEqual(
    [(await store.get(key('a')))!.heads.length, (await store.get(key('b')))!.heads.length],
    [1, 1]
  )
  assert.deepEqual((await store.verify()).damage, [])
  await closeStore(store)
})

/** Epochs, copies and forks: nothing acknowledged is lost, and no name is signed twice. */
import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import type { NodeEvents } from '../../src/base/index.js'
import { utf8 } from '../../src/base/index.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import type { Author, BatchId, Epoch, OpName, OverRef } from '../../src/log/index.js'
import { databaseIdOf, formatOpId, NO_BATCH, OP_FLAG, shortId } from '../../src/log/index.js'
import { branchKey, branchNameKey } from '../../src/store/keys.js'
import { encodeBranch } from '../../src/store/records.js'
import { batchesOf, carry, exchange, forge } from './exchange.js'
import {
  closeStore,
  HandClock,
  key,
  levelDisk,
  put,
  read,
  repairOf,
  SeededRandom,
  START_MS,
  storeOf,
  temporaryFolder
} from './harness.js'

const database = databaseIdOf('test', nodeCrypto)
const EPOCH = '0000000100000001' as Epoch

function wild(
  name: string,
  value: string,
  over: readonly OverRef[] = []
): Parameters<typeof forge>[2][number] {
  const flags = OP_FLAG.head | OP_FLAG.value
  return { kind: 1, flags, key: key(name), value: key(value), over, extensions: [] }
}

test('a copied directory that writes on both sides loses nothing and forks nothing', async () => {
  const [left, right] = [await temporaryFolder(), await temporaryFolder()]
  try {
    const clock = new HandClock()
    let original = await storeOf(1, { disk: await levelDisk(left.path), clock, random: new SeededRandom(1) })
    for (let i = 0; i < 5; i++) await original.write({ ops: [put(`old${i}`, i), put('shared', i)] })
    await closeStore(original)
    await cp(left.path, right.path, { recursive: true })
    original = await storeOf(1, { disk: await levelDisk(left.path), clock, random: new SeededRandom(2) })
    const copy = await storeOf(1, { disk: await levelDisk(right.path), clock, random: new SeededRandom(3) })
    const forks: NodeEvents['fork'][] = []
    original.onEvent('fork', event => forks.push(event))
    await original.write({ ops: [put('left', 1), put('shared', 'left')] })
    await copy.write({ ops: [put('right', 1), put('shared', 'right')] })
    await copy.write({ ops: [put('right', 2)] })
    await exchange(original, copy)
    assert.equal(original.frontierDigest(), copy.frontierDigest())
    assert.equal(original.stateDigest(), copy.stateDigest())
    assert.deepEqual([await read(original, 'left'), await read(original, 'right')], [1, 2])
    assert.equal((await original.get(key('shared')))!.heads.length, 2)
    assert.deepEqual(forks, [])
    // The next write names both tips; the other side sees one log again.
    await original.write({ ops: [put('shared', 'both')] })
    await exchange(original, copy)
    assert.equal((await copy.get(key('shared')))!.heads.length, 1)
    assert.equal(await read(copy, 'shared'), 'both')
    for (const store of [original, copy]) assert.deepEqual((await store.verify()).damage, [])
    await closeStore(original)
    await closeStore(copy)
  } finally {
    await left.remove()
    await right.remove()
  }
})

test('both branches of a fork are kept, told of, and go on', async () => {
  const store = await storeOf(2)
  const forks: NodeEvents['fork'][] = []
  store.onEvent('fork', event => forks.push(event))
  const fields = { epoch: EPOCH, database, time: { ms: START_MS, counter: 0 } }
  const first = forge(9, { ...fields, seq: 1, previous: NO_BATCH }, [wild('x', '1')])
  const left = forge(9, { ...fields, seq: 2, previous: first.id }, [wild('x', '2', [{ seq: 1, index: 0 }])])
  const right = forge(9, { ...fields, seq: 2, previous: first.id }, [wild('y', '3')])
  const leftOn = forge(9, { ...fields, seq: 3, previous: left.id }, [wild('x', '4', [{ seq: 2, index: 0 }])])
  const rightOn = forge(9, { ...fields, seq: 3, previous: right.id }, [
    wild('x', '5', [{ seq: 1, index: 0 }])
  ])
  for (const batch of [first, left, right, leftOn, rightOn]) {
    assert.equal((await store.apply([batch]))[0]!.status, 'applied')
  }
  assert.equal(forks.length, 1)
  assert.deepEqual(forks[0]!.batches, [left.id, right.id])
  // Each branch overwrote what it had seen: version 1 is gone, 4 and 5 are concurrent.
  const heads = (await store.get(key('x')))!.heads.map(head => head.id).sort()
  assert.deepEqual(heads, [leftOn, rightOn].map(batch => shortId(batch.id)).sort())
  const { author } = first.header
  await assert.rejects(store.findOp({ author, epoch: EPOCH, seq: 2, index: 0 }), { code: 'AMBIGUOUS_OP_ID' })
  const found = await store.findOp({ author, epoch: EPOCH, seq: 2, index: 0, branch: right.id.slice(0, 8) })
  assert.equal(found!.batch, right.id)
  const reader = await storeOf(3)
  await carry(store, reader)
  assert.equal(reader.stateDigest(), store.stateDigest())
  assert.equal((await batchesOf(reader)).length, 5)
  await closeStore(store)
  await closeStore(reader)
})

test('a node whose current epoch is written by somebody else goes on in a new one', async () => {
  const store = await storeOf(1)
  const { ops } = await store.write({ ops: [put('a', 1)] })
  const { epoch } = ops[0]!
  const time = { ms: START_MS + 5, counter: 0 }
  const rival = forge(1, { epoch, seq: 1, previous: NO_BATCH, time, database }, [wild('a', '2')])
  await store.apply([rival])
  const next = await store.write({ ops: [put('a', 3)] })
  assert.notEqual(next.ops[0]!.epoch, epoch)
  assert.equal(store.frontier.size, 1, 'the new epoch names both branches')
  assert.equal(await read(store, 'a'), 3)
  assert.equal((await store.get(key('a')))!.heads.length, 1)
  assert.deepEqual((await store.verify()).damage, [])
  await closeStore(store)
})

test('an entry of over that the batch cannot have seen has no effect', async () => {
  const store = await storeOf(2)
  const { batch } = await store.write({ ops: [put('a', 1)] })
  const fields = {
    epoch: EPOCH,
    database,
    time: { ms: START_MS + 9, counter: 0 },
    seq: 1,
    previous: NO_BATCH
  }
  const blind = forge(9, fields, [wild('a', '2', [{ batch: shortId(batch), index: 0 }])])
  await store.apply([blind])
  assert.equal((await store.get(key('a')))!.heads.length, 2)
  const own = (await batchesOf(store)).find(other => other.id === batch)!
  const dep = { author: own.header.author, epoch: own.header.epoch, seq: 1, id: own.id }
  const later = { ...fields, seq: 2, previous: blind.id, deps: [dep] }
  await store.apply([forge(9, later, [wild('a', '3', [{ batch: shortId(batch), index: 0 }])])])
  const heads = (await store.get(key('a')))!.heads
  assert.equal(
    heads.some(head => head.id === shortId(batch)),
    false
  )
  await closeStore(store)
})

test('a clock that leaps is told of and drags the local one only so far', async () => {
  const clock = new HandClock()
  const store = await storeOf(2, { clock })
  const leaps: NodeEvents['clock'][] = []
  store.onEvent('clock', event => leaps.push(event))
  const time = { ms: START_MS + 3_600_000, counter: 0 }
  const ahead = forge(9, { epoch: EPOCH, database, time, seq: 1, previous: NO_BATCH }, [wild('a', '1')])
  await store.apply([ahead])
  assert.equal(leaps.length, 1)
  assert.equal(leaps[0]!.aheadMs, 3_600_000)
  const first = await store.write({ ops: [put('b', 1)] })
  assert.ok(first.time.ms >= START_MS + 60_000 && first.time.ms <= START_MS + 60_001)
  clock.ms -= 120_000
  const second = await store.write({ ops: [put('b', 2)] })
  assert.equal(second.time.ms, clock.ms)
  assert.notEqual(
    second.ops[0]!.epoch,
    first.ops[0]!.epoch,
    'the bound was too far ahead: a new epoch at wall time'
  )
  assert.equal(await read(store, 'b'), 2)
  await closeStore(store)
})

test('what lacks its chain or a dep is missing, by name; what cannot be read is applied all the same', async () => {
  const store = await storeOf(2)
  const fields = { epoch: EPOCH, database, time: { ms: START_MS, counter: 0 } }
  const first = forge(9, { ...fields, seq: 1, previous: NO_BATCH }, [wild('x', '1')])
  const second = forge(9, { ...fields, seq: 2, previous: first.id }, [wild('x', '2')])
  const { author } = first.header
  const dep = { author, epoch: EPOCH, seq: 2, id: second.id }
  const third = forge(8, { ...fields, seq: 1, previous: NO_BATCH, deps: [dep] }, [wild('y', '1')])
  const [gap, blocked] = await store.apply([second, third])
  assert.ok(gap?.status === 'missing' && blocked?.status === 'missing')
  assert.deepEqual(gap.missing, [{ author, epoch: EPOCH, seq: 1, id: shortId(first.id) }])
  assert.deepEqual(blocked.missing, [{ author, epoch: EPOCH, seq: 2, id: shortId(second.id) }])
  assert.deepEqual(
    (await store.apply([first, second, third, first])).map(({ status }) => status),
    ['applied', 'applied', 'applied', 'duplicate']
  )
  const unknown = {
    kind: 77,
    flags: OP_FLAG.head | OP_FLAG.value,
    key: key('z'),
    value: key('?'),
    over: [],
    extensions: []
  }
  const unreadable: string[] = []
  store.onEvent('unreadable', event => unreadable.push(event.key))
  await store.apply([forge(9, { ...fields, seq: 3, previous: second.id }, [unknown])])
  assert.deepEqual(unreadable, ['z'])
  const broken = forge(8, { ...fields, seq: 2, previous: third.id }, [], utf8('no body'))
  assert.equal((await store.apply([broken]))[0]!.status, 'applied')
  assert.equal((await store.get(key('y')))!.heads.length, 1)
  const cell = (await store.get(key('z')))!
  assert.equal(cell.winner, undefined)
  assert.match(cell.unreadable!, /kind 77/)
  assert.deepEqual((await store.verify()).damage, [])
  await closeStore(store)
})

test('a dep on what is applied under another name or another id is said to be impossible', async () => {
  const store = await storeOf(2)
  for (const value of [1, 2]) await store.write({ ops: [put('a', value)] })
  const [old, tip] = await batchesOf(store)
  const name = ({
    header,
    id
  }: typeof tip & {}): { author: Author; epoch: Epoch; seq: number; id: BatchId } => ({
    author: header.author,
    epoch: header.epoch,
    seq: header.seq,
    id
  })
  const otherId = (id: BatchId): BatchId => (id.slice(0, 32) + '0'.repeat(32)) as BatchId
  const fields = { epoch: EPOCH, database, time: { ms: START_MS, counter: 0 }, seq: 1, previous: NO_BATCH }
  const wrong: readonly [string, ReturnType<typeof name>][] = [
    ['another seq', { ...name(tip!), seq: 999 }],
    ['another epoch', { ...name(tip!), epoch: EPOCH }],
    ['another author', { ...name(tip!), author: 'ab'.repeat(32) as Author }],
    ['another id', { ...name(tip!), id: otherId(tip!.id) }],
    ['another id of one that is no tip', { ...name(old!), id: otherId(old!.id) }]
  ]
  for (const [what, dep] of wrong) {
    const [result] = await store.apply([forge(9, { ...fields, deps: [dep] }, [wild('x', '1')])])
    assert.ok(result?.status === 'missing' && result.impossible, what)
  }
  const first = forge(9, fields, [wild('x', '1')])
  await store.apply([first])
  const behind = forge(9, { ...fields, seq: 2, previous: otherId(first.id) }, [])
  const [result] = await store.apply([behind])
  assert.ok(result?.status === 'missing' && result.impossible, 'another previous id')
  const unknown = { ...name(tip!), seq: 999, id: 'cd'.repeat(32) as BatchId }
  const [open] = await store.apply([forge(9, { ...fields, seq: 2, previous: first.id, deps: [unknown] }, [])])
  assert.ok(open?.status === 'missing' && open.impossible === undefined, 'what may come yet')
  await closeStore(store)
})

test('where an epoch is forked every node names an op the same, by its batch', async () => {
  const fields = { epoch: EPOCH, database, time: { ms: START_MS, counter: 0 } }
  const first = forge(9, { ...fields, seq: 1, previous: NO_BATCH }, [wild('a', '0')])
  const left = forge(9, { ...fields, seq: 2, previous: first.id }, [wild('x', '1'), wild('y', '1')])
  const right = forge(9, { ...fields, seq: 2, previous: first.id }, [wild('x', '2')])
  const rightOn = forge(9, { ...fields, seq: 3, previous: right.id }, [wild('z', '2')])
  const orders = [
    [first, left, right, rightOn],
    [first, right, rightOn, left]
  ]
  const shown: string[][] = []
  for (const order of orders) {
    const { disk } = await storeOf(2)
    const made = await storeOf(2, { disk })
    for (const batch of order) await made.apply([batch])
    const store = await storeOf(2, { disk })
    for (const now of [made, store]) {
      const names: string[] = []
      for await (const op of now.replay(0)) names.push(formatOpId(op.name))
      for (const name of ['a', 'x', 'y', 'z']) {
        for (const head of (await now.get(key(name)))!.heads) names.push(`${name} ${formatOpId(head)}`)
      }
      shown.push(names.sort())
    }
    const winner = (await store.get(key('x')))!.winner!
    assert.equal(winner.branch, winner.id.slice(0, 8))
    const short = { author: winner.author, epoch: winner.epoch, seq: 2, index: 0 }
    const write = (at: OpName): Promise<unknown> =>
      store.write({ ops: [put('x', 'new')], conditions: [{ key: key('x'), at }] })
    await assert.rejects(write(short), { code: 'PRECONDITION_FAILED' }, 'it names two')
    await write(winner)
    assert.deepEqual((await store.verify()).damage, [])
    await closeStore(store)
  }
  for (const names of shown) assert.deepEqual(names, shown[0])
  assert.equal(shown[0]!.filter(name => name.includes('~')).length, 8)
  assert.ok(shown[0]!.some(name => name.startsWith('a ') && !name.includes('~')))
})

test('two machines resumed from one snapshot sign one name twice: both branches are kept, told of and go on, and each author moves to a new epoch', async () => {
  // The same randomness at the same time: what a snapshot of memory brings back.
  const [random, again] = [new SeededRandom(7), new SeededRandom(7)]
  const [left, right] = [await storeOf(1, { random }), await storeOf(1, { random: again })]
  const third = await storeOf(2)
  const forks = new Map([left, right, third].map(store => [store, [] as NodeEvents['fork'][]]))
  for (const [store, told] of forks) store.onEvent('fork', fork => told.push(fork))
  for (let i = 0; i < 3; i++) {
    await left.write({ ops: [put('shared', `left ${i}`), put(`left ${i}`, i)] })
    await right.write({ ops: [put('shared', `right ${i}`), put(`right ${i}`, i)] })
  }
  const epoch = left.frontier.of(left.author)[0]!.epoch
  assert.equal(right.frontier.of(right.author)[0]!.epoch, epoch, 'they drew the same epoch')
  await carry(left, third)
  // One that is still alone goes on in the forked epoch, along its branch.
  await right.write({ ops: [put('right 3', 3)] })
  await exchange(right, third)
  await exchange(left, third)
  await exchange(right, third)
  for (const store of [left, right, third]) {
    assert.equal(store.frontierDigest(), third.frontierDigest())
    assert.equal(store.stateDigest(), third.stateDigest())
    assert.equal((await batchesOf(store)).length, 7, 'nothing of either branch is missing')
    assert.equal((await store.get(key('shared')))!.heads.length, 2)
    assert.ok(forks.get(store)!.length > 0)
    assert.ok(forks.get(store)!.every(fork => fork.epoch === epoch))
    assert.equal(store.frontier.of(left.author).length, 2)
  }
  // By now something else has come in from outside.
  again.bytes(1)
  const { ops } = await left.write({ ops: [put('shared', 'both')] })
  assert.notEqual(ops[0]!.epoch, epoch)
  const other = await right.write({ ops: [put('other', 1)] })
  assert.notEqual(other.ops[0]!.epoch, epoch)
  assert.notEqual(other.ops[0]!.epoch, ops[0]!.epoch, 'each its own')
  for (const store of [left, right]) await exchange(store, third)
  await exchange(left, third)
  for (const store of [left, right, third]) {
    assert.equal(await read(store, 'shared'), 'both')
    assert.equal((await store.get(key('shared')))!.heads.length, 1)
    assert.equal(store.frontierDigest(), third.frontierDigest())
    assert.equal(store.stateDigest(), third.stateDigest())
    assert.deepEqual((await store.verify()).damage, [])
    await closeStore(store)
  }
})

for (const [where, offMs] of [
  ['back', -365 * 86_400_000],
  ['ahead', 365 * 86_400_000]
] as const) {
  test(`a copy put back on a machine whose clock is a year ${where} writes in a new epoch, over what it has seen, and drags nobody along`, async () => {
    const [path, copied] = [await temporaryFolder(), await temporaryFolder()]
    try {
      const clock = new HandClock()
      let store = await storeOf(1, { disk: await levelDisk(path.path), clock, random: new SeededRandom(1) })
      await store.write({ ops: [put('seen', 'old')] })
      await closeStore(store)
      await cp(path.path, copied.path, { recursive: true })
      store = await storeOf(1, { disk: await levelDisk(path.path), clock, random: new SeededRandom(2) })
      await store.write({ ops: [put('lost', 1)] })
      const peer = await storeOf(2, { clock })
      await carry(store, peer)
      await closeStore(store)
      const off = new HandClock()
      off.ms += offMs
      const restored = await storeOf(1, {
        disk: await levelDisk(copied.path),
        clock: off,
        random: new SeededRandom(3)
      })
      const { ops } = await restored.write({ ops: [put('seen', 'new')] })
      const next = await restored.write({ ops: [put('seen', 'newer')] })
      assert.equal(next.ops[0]!.epoch, ops[0]!.epoch)
      await exchange(restored, peer)
      for (const node of [restored, peer]) {
        assert.equal(
          await read(node, 'seen'),
          'newer',
          'who has seen a version overwrites it whatever its time'
        )
        assert.equal(await read(node, 'lost'), 1)
        assert.equal((await node.get(key('seen')))!.heads.length, 1)
      }
      const after = await peer.write({ ops: [put('seen', 'of the peer')] })
      assert.ok(Math.abs(after.time.ms - clock.ms) <= 60_001, 'no more than 60 s past its wall clock')
      await exchange(restored, peer)
      const last = await restored.write({ ops: [put('seen', 'last')] })
      assert.ok(last.time.ms <= Math.max(off.ms, START_MS) + 60_001)
      await exchange(restored, peer)
      assert.equal(await read(peer, 'seen'), 'last')
      assert.equal(peer.stateDigest(), restored.stateDigest())
      assert.equal(peer.frontier.of(restored.author).length, 2, 'the lost life, until the next one names it')
      for (const node of [restored, peer]) {
        assert.deepEqual((await node.verify()).damage, [])
        await closeStore(node)
      }
    } finally {
      await path.remove()
      await copied.remove()
    }
  })
}

test('many forks of one epoch: what one more costs does not grow, and any number of them is taken', async () => {
  const disk = await openMemoryDisk()
  let reads = 0
  const get = disk.get.bind(disk)
  disk.get = (key, options) => {
    reads++
    return get(key, options)
  }
  const store = await storeOf(2, { disk })
  const fields = { epoch: EPOCH, database, time: { ms: START_MS, counter: 0 }, seq: 1, previous: NO_BATCH }
  const fork = (number: number): ReturnType<typeof forge> => forge(9, fields, [wild(`fork ${number}`, '1')])
  const costs = []
  for (const [from, to] of [
    [0, 100],
    [100, 500],
    [500, 600]
  ] as const) {
    reads = 0
    for (let at = from; at < to; at += 50) {
      const some = Array.from({ length: 50 }, (_, i) => fork(at + i))
      for (const { status } of await store.apply(some)) assert.equal(status, 'applied')
      // Each goes on, and is known when it comes again.
      const next = some.map(({ id }) => forge(9, { ...fields, seq: 2, previous: id }, [wild('on', '2')]))
      for (const { status } of await store.apply(next)) assert.equal(status, 'applied')
      for (const { status } of await store.apply(some)) assert.equal(status, 'duplicate')
    }
    costs.push(reads / (to - from))
  }
  assert.ok(costs[2]! < costs[0]! + 20, `reads for each fork: ${costs.join()}`)
  assert.deepEqual((await store.verify()).damage, [])
  const copy = await storeOf(3)
  await carry(store, copy)
  assert.equal(copy.frontierDigest(), store.frontierDigest())
  assert.equal(copy.stateDigest(), store.stateDigest())
  await closeStore(store)
  await closeStore(copy)
})

test('a branch with a number above 65,535 is stored, read and served like any other', async () => {
  const disk = await openMemoryDisk()
  const store = await storeOf(2, { disk })
  const fields = { epoch: EPOCH, database, time: { ms: START_MS, counter: 0 }, seq: 1, previous: NO_BATCH }
  const first = forge(9, fields, [wild('first', '1')])
  await store.apply([first])
  const author = 0
  // Where so many branches begin is all that the numbering rests on.
  const write = disk.write()
  for (let branch = 1; branch < 65_540; branch++) {
    const key = branchKey({ author, epoch: EPOCH, branch })
    write.put(key, encodeBranch(key, { deps: [] }, nodeCrypto))
  }
  await disk.commit(write)
  await store.close()
  const again = await storeOf(2, { disk })
  const honest = forge(8, fields, [wild('honest', '1')])
  const late = forge(9, fields, [wild('late', '1')])
  const on = forge(9, { ...fields, seq: 2, previous: late.id }, [wild('on', '1')])
  const results = await again.apply([late, on, honest])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['applied', 'applied', 'applied']
  )
  assert.deepEqual([await read(again, 'late'), await read(again, 'on')], [1, 1])
  assert.equal((await batchesOf(again)).length, 4)
  assert.equal((await again.apply([late]))[0]!.status, 'duplicate')
  await closeStore(again)
})

test('the name of a batch beside the first branch is checked and made again', async () => {
  const disk = await openMemoryDisk()
  const store = await storeOf(2, { disk })
  const fields = { epoch: EPOCH, database, time: { ms: START_MS, counter: 0 }, seq: 1, previous: NO_BATCH }
  const [one, other] = [forge(9, fields, [wild('a', '1')]), forge(9, fields, [wild('b', '1')])]
  await store.apply([one, other])
  await store.close()
  const name = branchNameKey({ author: 0, epoch: EPOCH }, 1, shortId(other.id))
  const value = (await disk.get(name))!
  const stray = branchNameKey({ author: 0, epoch: EPOCH }, 7, shortId(one.id))
  for (const harm of ['missing', 'flipped', 'one too many'] as const) {
    const write = disk.write()
    if (harm === 'missing') write.del(name)
    else if (harm === 'flipped')
      write.put(
        name,
        value.map(byte => byte ^ 4)
      )
    else write.put(stray, value)
    await disk.commit(write)
    const report = await repairOf(2, { disk })
    assert.equal(report.repaired.length, 1, harm)
    assert.deepEqual(report.damage, [])
    assert.deepEqual(await disk.get(name), value)
    assert.equal(await disk.get(stray), undefined)
  }
  await disk.close()
})

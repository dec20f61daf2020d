/** One client id takes effect once: on both sides of a partition, overwritten in between, in any order of arrival. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeEvents } from '../../src/base/index.js'
import type { Batch } from '../../src/log/index.js'
import type { Store } from '../../src/store/index.js'
import { applyAll, batchesOf, carry, exchange } from './exchange.js'
import { closeStore, del, HandClock, key, put, read, SeededRandom, storeOf } from './harness.js'

async function both(run: (a: Store, b: Store) => Promise<void>): Promise<void> {
  const clock = new HandClock()
  const [a, b] = [await storeOf(1, { clock }), await storeOf(2, { clock })]
  await run(a, b)
  await exchange(a, b)
  assert.equal(a.stateDigest(), b.stateDigest())
  const random = new SeededRandom(5)
  const batches = new Map<string, Batch>()
  for (const store of [a, b]) for (const batch of await batchesOf(store)) batches.set(batch.id, batch)
  for (let round = 0; round < 10; round++) {
    const reader = await storeOf(3)
    await applyAll(reader, random.shuffle([...batches.values()]), () => 1 + random.below(3))
    assert.equal(reader.stateDigest(), a.stateDigest())
    assert.deepEqual(await reader.get(key('k')), {
      ...(await a.get(key('k')))!,
      changedAt: (await reader.get(key('k')))!.changedAt
    })
    assert.deepEqual((await reader.verify()).damage, [])
    await closeStore(reader)
  }
  for (const store of [a, b]) {
    assert.deepEqual((await store.verify()).damage, [])
    await closeStore(store)
  }
}

test('the same write at both sides is one version', () =>
  both(async (a, b) => {
    await a.write({ ops: [put('k', 'v')], id: 'w' })
    await b.write({ ops: [put('k', 'v')], id: 'w' })
    await exchange(a, b)
    for (const store of [a, b]) {
      assert.equal(await read(store, 'k'), 'v')
      assert.equal((await store.get(key('k')))!.heads.length, 1)
      for await (const conflict of store.conflicts()) assert.fail(`no conflict expected on ${conflict.key}`)
      assert.equal((await store.write({ ops: [put('k', 'v')], id: 'w' })).repeated, true)
    }
  }))

test('a copy that comes after the other was overwritten does not bring the value back', () =>
  both(async (a, b) => {
    await a.write({ ops: [put('k', 'v')], id: 'w' })
    await a.write({ ops: [put('k', 'newer')] })
    await b.write({ ops: [put('k', 'v')], id: 'w' })
    await exchange(a, b)
    for (const store of [a, b]) assert.equal(await read(store, 'k'), 'newer')
  }))

test('nor after it was deleted, even when the copy has the later time', () =>
  both(async (a, b) => {
    await a.write({ ops: [put('k', 'v')], id: 'w' })
    await a.write({ ops: [del('k')] })
    await b.write({ ops: [put('other', 1)] })
    for (let i = 0; i < 5; i++) await b.write({ ops: [put('other', i)] })
    await b.write({ ops: [put('k', 'v')], id: 'w' })
    await exchange(a, b)
    for (const store of [a, b]) assert.equal(await read(store, 'k'), undefined)
  }))

test('overwritten on one side by a third writer, the copy of the other side stays below', () =>
  both(async (a, b) => {
    const c = await storeOf(4)
    await a.write({ ops: [put('k', 'v'), put('l', 'v')], id: 'w' })
    await carry(a, c)
    await c.write({ ops: [put('k', 'c')] })
    await b.write({ ops: [put('k', 'v'), put('l', 'v')], id: 'w' })
    await carry(c, b)
    assert.equal(await read(b, 'k'), 'c')
    assert.equal(await read(b, 'l'), 'v')
    await closeStore(c)
  }))

test('the same id with other content applies on both sides and is told', async () => {
  const [a, b] = [await storeOf(1), await storeOf(2)]
  const told: NodeEvents['conflict'][] = []
  b.onEvent('conflict', event => told.push(event))
  await a.write({ ops: [put('x', 1)], id: 'w' })
  await b.write({ ops: [put('y', 2)], id: 'w' })
  await exchange(a, b)
  assert.deepEqual(told, [{ key: 'x', versions: 1, reason: 'id-reused' }])
  assert.deepEqual([await read(b, 'x'), await read(b, 'y')], [1, 2])
  assert.equal(a.stateDigest(), b.stateDigest())
  await closeStore(a)
  await closeStore(b)
})

test('what a program acknowledged is kept, in any order and over its position', async () => {
  const store = await storeOf(1)
  const names = []
  for (let i = 0; i < 4; i++) names.push((await store.write({ ops: [put(`k${i}`, i)] })).ops[0]!)
  await store.ackFromProgram('app', [names[2]!, names[0]!])
  assert.equal(store.peer('app')!.acked, 1)
  assert.equal(store.peer('app')!.kind, 'program')
  assert.deepEqual(await Promise.all(names.map(name => store.programHas('app', name))), [
    true,
    false,
    true,
    false
  ])
  await store.ackFromProgram('app', [names[1]!])
  assert.equal(store.peer('app')!.acked, 3)
  assert.deepEqual(await store.backlog(3, () => false).then(({ ops }) => ops), 1)
  await store.forgetPeer('app')
  assert.equal(store.peer('app'), undefined)
  assert.equal(await store.programHas('app', names[0]!), false)
  await closeStore(store)
})

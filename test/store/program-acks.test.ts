/** What programs acknowledge: in any order, at a cost of what is new, within a bound. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Disk } from '../../src/disk/index.js'
import type { OpName } from '../../src/log/index.js'
import type { Store } from '../../src/store/index.js'
import { SPACE, spaceRange } from '../../src/store/keys.js'
import { keptMarks } from '../../src/store/program-acks.js'
import { closeStore, put, SeededRandom, storeOf } from './harness.js'

async function marksOf(disk: Disk): Promise<number> {
  const iterator = disk.iterate(spaceRange(SPACE.programAck))
  let count = 0
  for (let page = await iterator.next(10_000); page.length > 0; page = await iterator.next(10_000)) {
    count += page.length
  }
  await iterator.close()
  return count
}

async function writeMany(store: Store, name: string, count: number): Promise<readonly OpName[]> {
  const ops = Array.from({ length: count }, (_, i) => put(`${name}${i}`, i))
  return (await store.write({ ops })).ops
}

test('acknowledgements in any order join up, and leave nothing behind', async () => {
  const seed = 5
  const random = new SeededRandom(seed)
  const disk = (await storeOf(1)).disk
  let store = await storeOf(1, { disk })
  const ops: OpName[] = []
  for (const count of [1, 7, 1, 3, 20, 1]) ops.push(...(await writeMany(store, 'k', count)))
  const order = random.shuffle(ops)
  while (order.length > 0) {
    const some = order.splice(0, 1 + random.below(5))
    await Promise.all([store.ackFromProgram('prog', some), store.ackFromProgram('other', some)])
    for (const name of ops) {
      assert.equal(await store.programHas('prog', name), !order.includes(name), `seed ${seed}`)
    }
    if (order.length === 15) {
      await store.close()
      store = await storeOf(1, { disk })
    }
  }
  assert.equal(store.peer('prog')!.acked, 6)
  assert.equal(await marksOf(disk), 0)
  await store.ackFromProgram('prog', [...ops, { ...ops[0]!, index: 9 }, { ...ops[0]!, seq: 99 }])
  assert.equal(await marksOf(disk), 0)
  await store.forgetPeer('prog')
  assert.equal(store.peer('prog'), undefined)
  assert.equal(await store.programHas('prog', ops[0]!), false)
  assert.equal(await store.programHas('other', ops[0]!), true)
  await closeStore(store)
})

test('a further acknowledgement costs what it brings, however many marks stand', async () => {
  const store = await storeOf(1)
  const { disk } = store
  await writeMany(store, 'first', 1)
  const ops = await writeMany(store, 'k', 6000)
  await store.ackFromProgram('prog', ops.slice(0, 5000))
  let read = 0
  let batches = 0
  const { get, getMany, iterate } = disk
  disk.get = async (key, options) => {
    read++
    if (key[0] === SPACE.log) batches++
    return get.call(disk, key, options)
  }
  disk.getMany = async (keys, options) => {
    read += keys.length
    return getMany.call(disk, keys, options)
  }
  disk.iterate = (range, options) => {
    const iterator = iterate.call(disk, range, options)
    const next = iterator.next.bind(iterator)
    iterator.next = async count => {
      const page = await next(count)
      read += page.length
      return page
    }
    return iterator
  }
  for (let i = 5000; i < 5010; i++) await store.ackFromProgram('prog', [ops[i]!])
  assert.ok(read < 10 * 10, `${read} records were read`)
  assert.ok(batches < 10, `${batches} batches were read`)
  read = 0
  await store.ackFromProgram('prog', ops.slice(5010, 6000))
  assert.ok(read < 2 * 1000, `${read} records were read`)
  assert.equal(await marksOf(disk), 6000)
  await closeStore(store)
})

test('marks are bounded, and a program that begins at the first gap gets through', async () => {
  const store = await storeOf(1)
  const first = await writeMany(store, 'first', 2)
  const many = await writeMany(store, 'many', keptMarks)
  const last = await writeMany(store, 'last', 10)
  await store.ackFromProgram('prog', [...many, ...last])
  assert.equal(await marksOf(store.disk), keptMarks)
  assert.equal(await store.programHas('prog', many[keptMarks - 1]!), true)
  assert.equal(await store.programHas('prog', last[0]!), false, 'it would have to come again')
  await store.ackFromProgram('prog', [first[1]!])
  await store.ackFromProgram('prog', [first[0]!])
  assert.equal(store.peer('prog')!.acked, 2)
  assert.equal(await marksOf(store.disk), 0)
  await store.ackFromProgram('prog', last)
  assert.equal(store.peer('prog')!.acked, 3)
  await closeStore(store)
})

/** Where a batch goes that comes back, and what its neighbours keep, when they are damaged as well. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import type { Disk } from '../../src/disk/index.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import { shortId } from '../../src/log/index.js'
import type { Store } from '../../src/store/index.js'
import { logKey, positionOfKey, SPACE } from '../../src/store/keys.js'
import { decodeLog } from '../../src/store/log-record.js'
import { decodeIndex } from '../../src/store/records.js'
import { until } from '../support/until.js'
import { batchesOf, carry, refetch } from './exchange.js'
import { closeStore, entriesOf, put, repairOf, storeOf } from './harness.js'

async function flip(disk: Disk, keys: readonly Uint8Array[]): Promise<void> {
  const write = disk.write()
  for (const key of keys) {
    const value = (await disk.get(key))!.slice()
    value[9]! ^= 4
    write.put(key, value)
  }
  await disk.commit(write)
}

async function indexKeyOf(disk: Disk, position: number): Promise<Uint8Array> {
  const entries = await entriesOf(disk, SPACE.index)
  return entries.find(([at, value]) => decodeIndex(at, value, nodeCrypto).position === position)![0]
}

async function checksOf(disk: Disk): Promise<string[]> {
  const entries = await entriesOf(disk, SPACE.log)
  return entries.map(([at, value]) => decodeLog(at, value, positionOfKey(at), nodeCrypto).check)
}

async function assertWhole(store: Store, peer: Store): Promise<void> {
  assert.deepEqual(await store.missing(), [])
  assert.deepEqual((await store.verify()).damage, [])
  await carry(store, peer)
  assert.equal(store.stateDigest(), peer.stateDigest())
}

test('a batch that neither its record nor the index names comes back with the one behind it', async () => {
  const disk = await openMemoryDisk()
  const peer = await storeOf(2)
  let store = await storeOf(1, { disk })
  await peer.write({ ops: [put('p', 1)] })
  await carry(peer, store)
  await store.write({ ops: [put('k', 1)] })
  await peer.write({ ops: [put('p', 2)] })
  await carry(peer, store)
  const checks = await checksOf(disk)
  await store.close()
  // The one behind it, which names it, is damaged as well: nothing here tells what stood at position 1.
  await flip(disk, [logKey(1), await indexKeyOf(disk, 1), logKey(3)])
  await repairOf(1, { disk })
  store = await storeOf(1, { disk })
  assert.deepEqual(
    (await store.missing()).map(({ position }) => position),
    [3]
  )
  await refetch(store, peer)
  await assertWhole(store, peer)
  assert.deepEqual(await checksOf(disk), checks)
  await closeStore(store)
  await closeStore(peer)
})

test('what comes back at the end before what stood before it is counted right', async () => {
  const [one, other] = [await storeOf(2), await storeOf(3)]
  await one.write({ ops: [put('p', 1), put('q', 1)] })
  await other.write({ ops: [put('r', 1)] })
  const [[before], [end]] = [await batchesOf(one), await batchesOf(other)]
  const disk = await openMemoryDisk()
  const store = await storeOf(1, { disk })
  await store.write({ ops: [put('k', 1)] })
  await store.apply([before!])
  await store.apply([end!])
  const counts = store.status()
  await flip(disk, [logKey(2), logKey(3)])
  await store.verify({ repair: true })
  await store.apply([end!])
  assert.deepEqual(store.status(), counts)
  await store.apply([before!])
  assert.deepEqual(store.status(), counts)
  assert.deepEqual((await store.verify()).damage, [])
  for (const each of [store, one, other]) await closeStore(each)
})

test('what comes back within a branch leaves the proof of its unsigned end', async () => {
  const peer = await storeOf(2)
  for (let i = 0; i < 5; i++) await peer.write({ ops: [put('p', i)] })
  const [first, second, third, ...rest] = await batchesOf(peer)
  const disk = await openMemoryDisk()
  const store = await storeOf(1, { disk })
  const unsigned = [second!, third!].map(({ header, headerBytes, id, body }) => ({
    header,
    headerBytes,
    id,
    body
  }))
  await store.apply([first!, ...unsigned], rest)
  await flip(disk, [logKey(2)])
  await store.verify({ repair: true })
  assert.equal((await store.missing()).length, 1)
  await refetch(store, peer)
  assert.deepEqual((await store.verify()).damage, [])
  const run = store.openRun()
  for (const tip of store.frontier) await run.add({ type: 'want', tip, have: [], offset: 0 })
  const { batches } = await run.next(1 << 20)
  assert.equal(batches.length, 3)
  await run.close()
  await closeStore(store)
  await closeStore(peer)
})

test('what comes back unsigned at the end of a branch is proved by what follows it in the same commit', async () => {
  const peer = await storeOf(2)
  for (let i = 0; i < 3; i++) await peer.write({ ops: [put('p', i)] })
  const [first, second, third] = await batchesOf(peer)
  const disk = await openMemoryDisk()
  const store = await storeOf(1, { disk })
  await store.apply([first!, second!])
  await flip(disk, [logKey(2)])
  await store.verify({ repair: true })
  const { header, headerBytes, id, body } = second!
  const results = await store.apply([{ header, headerBytes, id, body }, third!])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['duplicate', 'applied']
  )
  await assertWhole(store, peer)
  await closeStore(store)
  await closeStore(peer)
})

test('what comes back before an end that is there already is not taken for the end', async () => {
  const peer = await storeOf(2)
  for (let i = 0; i < 5; i++) await peer.write({ ops: [put('p', i)] })
  const all = await batchesOf(peer)
  const disk = await openMemoryDisk()
  let store = await storeOf(1, { disk })
  await store.apply(all)
  await store.close()
  // What stood at position 3 nothing tells.
  await flip(disk, [logKey(2), logKey(3), await indexKeyOf(disk, 3), logKey(4)])
  await repairOf(1, { disk })
  store = await storeOf(1, { disk })
  const unsigned = all
    .slice(1, 4)
    .map(({ header, headerBytes, id, body }) => ({ header, headerBytes, id, body }))
  await store.apply(unsigned, [all[4]!])
  await assertWhole(store, peer)
  await closeStore(store)
  await closeStore(peer)
})

test('what comes back behind damage that nobody noticed waits for it, and running checks stay', async () => {
  const disk = await openMemoryDisk()
  const peer = await storeOf(2)
  let store = await storeOf(1, { disk })
  for (let i = 0; i < 5; i++) await peer.write({ ops: [put(`p${i}`, i)] })
  await carry(peer, store)
  const checks = await checksOf(disk)
  const mark = store.mark
  await store.close()
  await flip(disk, [logKey(1), logKey(2)])
  store = await storeOf(1, { disk })
  const [first, second] = await batchesOf(peer)
  const tipOf = ({ header: { author, epoch, seq }, id }: typeof first & {}) => ({
    author,
    epoch,
    seq,
    id: shortId(id)
  })
  const run = store.openRun()
  await run.add({ type: 'want', tip: tipOf(second!), have: [tipOf(first!)], offset: 0 })
  await run.next(1 << 20)
  await run.close()
  const missing = async (): Promise<string> => (await store.missing()).map(({ position }) => position).join()
  await until('the damage is noted', 5_000, async () => (await missing()) === '2')
  await refetch(store, peer)
  await until('that before it is noted', 5_000, async () => (await missing()) === '1,2')
  await refetch(store, peer)
  assert.deepEqual(await checksOf(disk), checks)
  assert.deepEqual(store.mark, mark)
  await assertWhole(store, peer)
  await closeStore(store)
  await closeStore(peer)
})

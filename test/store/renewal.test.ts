/** Running checks behind batches that come back into positions without a name, in whatever order they come. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import type { Disk } from '../../src/disk/index.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import type { Store } from '../../src/store/index.js'
import { checksWereRenewed } from '../../src/store/index.js'
import { historyKey, indexKey, logKey, RENEWAL_KEY } from '../../src/store/keys.js'
import { decodeLog, encodeLog } from '../../src/store/log-record.js'
import { remoteOps } from '../../src/store/prepare.js'
import { testSeed } from '../support/random.js'
import { carry, refetch } from './exchange.js'
import { closeStore, put, repairOf, SeededRandom, storeOf } from './harness.js'

const ROUNDS = 8
/** Answers after which everything is back. */
const ANSWERS = 12

interface Lost {
  readonly disk: Disk
  readonly peer: Store
}

/** A store that lost a run of batches of three authors, as with a table of the database, and a peer that has them. */
async function withRunLost(random: SeededRandom): Promise<Lost> {
  const disk = await openMemoryDisk()
  const store = await storeOf(1, { disk })
  const peer = await storeOf(2)
  const third = await storeOf(3)
  for (let i = 0; i < 8; i++) {
    await store.write({ ops: [put(`k${i}`, i)] })
    await peer.write({ ops: [put(`p${i}`, i)] })
    await third.write({ ops: [put(`t${i}`, i)] })
    await carry(peer, store)
    await carry(third, store)
  }
  await carry(store, peer)
  const first = 4 + random.below(8)
  const count = 2 + random.below(4)
  const write = disk.write()
  for (let position = first; position < first + count; position++) {
    const key = logKey(position)
    const { batch, branch } = decodeLog(key, (await disk.get(key))!, position, nodeCrypto)
    const { epoch, seq } = batch.header
    write.del(key)
    // An epoch is of one author, whichever number that has here.
    for (let author = 0; author < 3; author++) write.del(indexKey({ author, epoch, branch }, seq))
    for (const [index, { op }] of remoteOps(batch, nodeCrypto).entries())
      write.del(historyKey(op.key, position, index))
  }
  await store.close()
  await disk.commit(write)
  await closeStore(third)
  return { disk, peer }
}

test('what comes back in any order leaves running checks that fit, at once and after a cut', async () => {
  const seed = testSeed('renewal')
  const random = new SeededRandom(seed)
  for (let round = 0; round < ROUNDS; round++) {
    const what = `seed ${seed}, round ${round}`
    const { disk, peer } = await withRunLost(random)
    await repairOf(1, { disk })
    let store = await storeOf(1, { disk })
    for (let again = 0; again < ANSWERS && (await store.missing()).length > 0; again++) {
      await refetch(store, peer, holes => random.shuffle(holes).slice(0, 1), 1 + random.below(2000))
      // Closed before the checks are made anew: the note outlives it.
      if (random.below(2) > 0) continue
      await store.close()
      store = await storeOf(1, { disk })
    }
    await carry(peer, store)
    const { damage } = await store.verify()
    assert.deepEqual(damage, [], what)
    assert.equal(store.stateDigest(), peer.stateDigest(), what)
    await store.write({ ops: [put('more', round)] })
    const after = store.mark
    await store.close()
    store = await storeOf(1, { disk })
    assert.deepEqual(store.mark, after, what)
    assert.deepEqual((await store.verify()).damage, [], what)
    await closeStore(store)
    await closeStore(peer)
  }
})

/** Checks that do not fit from a position on, as a fill leaves them with its note. */
async function brokenFrom(disk: Disk, position: number): Promise<void> {
  const store = await storeOf(1, { disk })
  // A piece is 4 MiB: this makes three.
  for (let i = 0; i < 200; i++) await store.write({ ops: [put(`k${i % 7}`, 'x'.repeat(1 << 16))] })
  await store.close()
  const key = logKey(position)
  const record = decodeLog(key, (await disk.get(key))!, position, nodeCrypto)
  const write = disk.write()
  write.put(key, encodeLog(key, { ...record, check: 'ab'.repeat(8) }, nodeCrypto))
  write.put(RENEWAL_KEY, new Uint8Array([1]))
  await disk.commit(write)
}

test('a renewal goes on where it was cut, takes writes between, and a damaged note is one of the whole log', async () => {
  const disk = await openMemoryDisk()
  await brokenFrom(disk, 40)
  // Each life is closed after a piece or so.
  for (let life = 0; life < 3; life++) {
    const store = await storeOf(1, { disk, random: new SeededRandom(70 + life) })
    await store.write({ ops: [put('life', life)] })
    await store.close()
  }
  const store = await storeOf(1, { disk, random: new SeededRandom(80) })
  const [report] = await Promise.all([store.verify(), store.write({ ops: [put('meanwhile', 1)] })])
  assert.deepEqual(report.damage, [])
  assert.equal(await checksWereRenewed(disk, nodeCrypto), true, 'until the manifest has a new sentinel')
  await closeStore(store)
})

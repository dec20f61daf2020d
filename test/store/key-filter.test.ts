/**
 * The filter of known keys: writes to new keys look for nothing, and no key that has a cell is ever taken for a new one,
 * however the filter came about. A write to a key taken for a new one would not name the version it overwrites: the log
 * then has two for it, and verification finds one in its cell.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import type { Disk } from '../../src/disk/index.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import { BloomFilter } from '../../src/store/bloom-filter.js'
import type { Store } from '../../src/store/index.js'
import { encodeKeyList } from '../../src/store/key-lists.js'
import { keyListKey, SPACE } from '../../src/store/keys.js'
import { until } from '../support/until.js'
import type { Entry, StoreOptions } from './harness.js'
import { commit, entriesOf, flipped, put, repairOf, SeededRandom, storeOf } from './harness.js'

/** Lists of ten keys, and a filter after three cells that were not there. */
const SMALL = { listKeys: 10, listBytes: 1024 * 1024, missed: 3 }
/** No list is ever written. */
const UNLISTED = { ...SMALL, listKeys: 1_000_000 }

/** A disk that counts the cells it is asked for by commits, and lets a test stand in the way of commits and of lists. */
class Watched {
  readonly disk: Disk
  cells = 0
  beforeCommit: (() => Promise<void>) | undefined
  beforeList: (() => Promise<void>) | undefined

  constructor(disk: Disk) {
    const get = disk.get.bind(disk)
    const getMany = disk.getMany.bind(disk)
    const commit = disk.commit.bind(disk)
    this.disk = Object.assign(disk, {
      get: async (...args: Parameters<Disk['get']>) => {
        if (args[0][0] === SPACE.keyList) await this.beforeList?.()
        return get(...args)
      },
      getMany: (...args: Parameters<Disk['getMany']>) => {
        this.cells += args[0].filter(([space]) => space === SPACE.cell).length
        return getMany(...args)
      },
      commit: async (write: Parameters<Disk['commit']>[0]) => {
        await this.beforeCommit?.()
        return commit(write)
      }
    })
  }
}

/** A promise and what settles it. */
function gate(): { passed: Promise<void>; open: () => void } {
  let open = (): void => undefined
  const passed = new Promise<void>(resolve => {
    open = resolve
  })
  return { passed, open }
}

async function watched(): Promise<Watched> {
  return new Watched(await openMemoryDisk())
}

async function putEach(store: Store, prefix: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await store.write({ ops: [put(`${prefix}${n}`, n)] })
}

let lives = 0

/** Closes the store, and opens another one on its disk. */
async function reopened(store: Store, options: StoreOptions): Promise<Store> {
  await store.close()
  return storeOf(1, { ...options, disk: store.disk, random: new SeededRandom(++lives) })
}

/** Writes new keys until none of them is looked for. */
async function filtered(store: Store, watch: Watched, prefix = 'new'): Promise<void> {
  let n = 0
  await until('no new key is looked for', 10_000, async () => {
    const before = watch.cells
    await store.write({ ops: [put(`${prefix}${n++}`, 0)] })
    return watch.cells === before
  })
}

async function overwriteEach(store: Store, prefix: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await store.write({ ops: [put(`${prefix}${n}`, 'again')] })
  assert.deepEqual((await store.verify()).damage, [])
}

function listsOf(disk: Disk): Promise<Entry[]> {
  return entriesOf(disk, SPACE.keyList)
}

test('a set of hashes never denies one, and seldom takes another for one', () => {
  const random = new SeededRandom(7)
  const filter = new BloomFilter()
  const draw = (): number => Math.floor(random.fraction() * 2 ** 32) | 0
  const given = Array.from({ length: 300_000 }, draw)
  for (const hash of given) filter.add(hash)
  assert.ok(given.every(hash => filter.mayHold(hash)))
  const others = Array.from({ length: 100_000 }, draw)
  const taken = others.filter(hash => filter.mayHold(hash)).length
  assert.ok(taken < 500, `${taken} of 100,000 others`)
})

test('a store looks for a key that it knows, and for no new one', async () => {
  const watch = await watched()
  const store = await storeOf(1, { disk: watch.disk })
  await putEach(store, 'k', 50)
  assert.equal(watch.cells, 0)
  await overwriteEach(store, 'k', 50)
  assert.equal(watch.cells, 50)
  await store.close()
})

for (const [what, keyFilter] of [
  ['its lists', SMALL],
  ['its log alone', UNLISTED]
] as const) {
  test(`a store that is opened again knows its keys from ${what}`, async () => {
    const watch = await watched()
    let store = await storeOf(1, { disk: watch.disk, keyFilter })
    await putEach(store, 'a', 37)
    store = await reopened(store, { keyFilter })
    await putEach(store, 'b', 2)
    await filtered(store, watch)
    await overwriteEach(store, 'a', 37)
    await overwriteEach(store, 'b', 2)
    store = await reopened(store, { keyFilter })
    await filtered(store, watch, 'newer')
    await overwriteEach(store, 'a', 37)
    await overwriteEach(store, 'new', 3)
    assert.equal((await listsOf(watch.disk)).length > 3, keyFilter === SMALL)
    assert.deepEqual((await store.verify()).damage, [])
    await store.close()
  })
}

test('lists are written again as the log is read where they are gone', async () => {
  const watch = await watched()
  let store = await storeOf(1, { disk: watch.disk, keyFilter: SMALL })
  await putEach(store, 'a', 45)
  await store.close()
  const [, ...gone] = await listsOf(watch.disk)
  await commit(watch.disk, write => {
    for (const [name] of gone) write.del(name)
  })
  store = await reopened(store, { keyFilter: SMALL })
  await filtered(store, watch)
  assert.ok((await listsOf(watch.disk)).length >= 4)
  await overwriteEach(store, 'a', 45)
  await store.close()
})

test('lists that were made of another log are not believed', async () => {
  const other = await storeOf(1, { keyFilter: SMALL })
  await putEach(other, 'other', 30)
  const watch = await watched()
  let store = await storeOf(1, { disk: watch.disk, keyFilter: UNLISTED })
  await putEach(store, 'a', 60)
  await store.close()
  const lists = await listsOf(other.disk)
  await commit(watch.disk, write => {
    for (const [name, value] of lists) write.put(name, value)
  })
  store = await reopened(store, { keyFilter: SMALL })
  await filtered(store, watch)
  await overwriteEach(store, 'a', 60)
  await store.close()
  await other.close()
})

test('a key whose commit is on its way while the filter is made is known', async () => {
  const watch = await watched()
  let store = await storeOf(1, { disk: watch.disk, keyFilter: UNLISTED })
  await putEach(store, 'a', 20)
  store = await reopened(store, { keyFilter: UNLISTED })
  await putEach(store, 'b', 2)
  const [drafted, durable] = [gate(), gate()]
  watch.beforeList = () => drafted.passed
  await store.write({ ops: [put('b2', 2)] }) // has the filter made
  watch.beforeCommit = () => {
    drafted.open()
    return durable.passed
  }
  const late = store.write({ ops: [put('late', 1)] })
  const { mark } = store
  for (let turn = 0; turn < 100; turn++) await new Promise(resolve => setImmediate(resolve))
  assert.equal(store.mark, mark, 'the commit waits')
  durable.open()
  await late
  await filtered(store, watch)
  await store.write({ ops: [put('late', 2)] })
  assert.deepEqual((await store.verify()).damage, [])
  await store.close()
})

test('a damaged list is found and removed, and the keys are known all the same', async () => {
  const watch = await watched()
  let store = await storeOf(1, { disk: watch.disk, keyFilter: SMALL })
  await putEach(store, 'a', 45)
  await store.close()
  const [name, value] = (await listsOf(watch.disk))[2]!
  await commit(watch.disk, write => write.put(name, flipped(value, 160)))
  store = await reopened(store, { keyFilter: SMALL })
  assert.deepEqual(
    (await store.verify()).damage.map(({ where }) => where),
    ['list 2 of the keys']
  )
  await store.close()
  assert.equal((await repairOf(1, { disk: watch.disk })).repaired.length, 1)
  store = await reopened(store, { keyFilter: SMALL })
  assert.deepEqual((await store.verify()).damage, [])
  await filtered(store, watch)
  await overwriteEach(store, 'a', 45)
  await store.close()
})

test('lists that lack a key are found, and made again by a repair', async () => {
  const watch = await watched()
  let store = await storeOf(1, { disk: watch.disk, keyFilter: UNLISTED })
  await putEach(store, 'a', 20)
  await store.close()
  const list = { number: 0, from: 0, mark: store.mark, keys: [] }
  await commit(watch.disk, write => write.put(keyListKey(0), encodeKeyList(list, nodeCrypto)))
  store = await reopened(store, { keyFilter: SMALL })
  assert.deepEqual(
    (await store.verify()).damage.map(({ where }) => where),
    ['the lists of keys']
  )
  assert.equal((await store.verify({ repair: true })).repaired.length, 1)
  await filtered(store, watch)
  await overwriteEach(store, 'a', 20)
  await store.close()
})

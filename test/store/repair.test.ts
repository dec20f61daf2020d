/** Damage is mended: what follows from the log from the log, and batches of the log from a peer that has them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNatterError, NatterError, toHex } from '../../src/base/index.js'
import type { Disk } from '../../src/disk/index.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import type { Store } from '../../src/store/index.js'
import { SPACE } from '../../src/store/keys.js'
import { testSeed } from '../support/random.js'
import { carry, refetch } from './exchange.js'
import type { Entry } from './harness.js'
import {
  closeStore,
  commit,
  del,
  entriesOf,
  flipped,
  key,
  put,
  read,
  repairOf,
  SeededRandom,
  storeOf
} from './harness.js'

/** Rounds of repair and of what peers send after which a store of any damage is whole. */
const mendingRounds = 6

/** Two stores with the same batches of both, with ids, conflicts, deletes and a fork of the second author's epoch. */
async function filled(): Promise<{ disk: Disk; peer: Store }> {
  const disk = await openMemoryDisk()
  const store = await storeOf(1, { disk })
  const peer = await storeOf(2, { random: new SeededRandom(7) })
  const twin = await storeOf(2, { random: new SeededRandom(7) })
  await twin.write({ ops: [put('twin', 1), put('shared', 't')] })
  for (let i = 0; i < 4; i++) {
    await store.write({ ops: [put(`k${i}`, i), put('shared', i)], id: `w${i}` })
    // The first write of the one has a copy at the other.
    if (i === 0) await peer.write({ ops: [put('k0', 0), put('shared', 0)], id: 'w0' })
    await peer.write({ ops: [put('shared', `o${i}`), del('gone')], id: `p${i}` })
    if (i === 1) await carry(twin, store)
    if (i % 2 === 0) await carry(peer, store)
    if (i > 0) await carry(store, peer)
  }
  await carry(peer, store)
  await carry(store, peer)
  assert.equal(store.stateDigest(), peer.stateDigest())
  await store.close()
  await closeStore(twin)
  return { disk, peer }
}

async function assertSame(store: Store, peer: Store, what: string): Promise<void> {
  const report = await store.verify()
  assert.deepEqual(report.damage, [], what)
  assert.equal(store.stateDigest(), peer.stateDigest(), what)
  assert.equal(store.frontierDigest(), peer.frontierDigest(), what)
  assert.equal(store.status().keys, peer.status().keys, what)
  for (let i = 0; i < 4; i++) assert.equal(await read(store, `k${i}`), i, what)
}

/** Opens, repairs and refetches; a store that cannot open is repaired without opening it. */
async function mend(disk: Disk, peer: Store, what: string): Promise<void> {
  const report = await repairOf(1, { disk })
  const store = await storeOf(1, { disk })
  assert.deepEqual(
    report.damage.filter(({ where }) => !/position|cell|client id/.test(where)),
    [],
    what
  )
  await refetch(store, peer)
  await assertSame(store, peer, what)
  await closeAll(store)
}

async function closeAll(store: Store): Promise<void> {
  await store.close()
}

const named = Object.entries(SPACE).filter(
  ([name]) => !['peer', 'programAck', 'hole', 'repair', 'renewal'].includes(name)
)

for (const [name, space] of named) {
  test(`a flipped or missing record of ${name} is mended, and everything is as it was`, async () => {
    const seed = testSeed(`repair of ${name}`)
    const random = new SeededRandom(seed)
    const { disk, peer } = await filled()
    const before = await entriesOf(disk)
    for (let round = 0; round < 6; round++) {
      const entries = await entriesOf(disk, space)
      if (entries.length === 0) break
      const [at, value] = entries[random.below(entries.length)]!
      const isFlip = value.length > 0 && round % 3 !== 2
      const what = `seed ${seed}, round ${round}: ${isFlip ? 'flip' : 'removal'} of ${toHex(at)}`
      await commit(disk, write => {
        if (isFlip) write.put(at, flipped(value, random.below(value.length * 8)))
        else write.del(at)
      })
      await mend(disk, peer, what)
    }
    const after = await entriesOf(disk)
    const named = (entries: Entry[]) => entries.map(([at]) => toHex(at)).filter(at => !at.startsWith('50'))
    assert.deepEqual(named(after), named(before))
    await closeStore(peer)
    await disk.close()
  })
}

test('many records damaged at once are mended together, and again when the repair is cut', async () => {
  const seed = testSeed('torn store')
  const random = new SeededRandom(seed)
  for (let round = 0; round < 6; round++) {
    const { disk, peer } = await filled()
    const entries = await entriesOf(disk)
    await commit(disk, write => {
      for (const [at, value] of entries) {
        if (at[0] === SPACE.author || random.below(4) > 0) continue
        if (value.length > 0 && random.below(2) === 0)
          write.put(at, flipped(value, random.below(value.length * 8)))
        else write.del(at)
      }
    })
    await repairOf(1, { disk })
    const cut = await storeOf(1, { disk })
    const controller = new AbortController()
    const repair = cut.verify({ repair: true, signal: controller.signal })
    for (let i = random.below(200); i > 0; i--) await undefined
    controller.abort(new Error('cut'))
    await repair.catch(() => undefined)
    await cut.close()
    const store = await storeOf(1, { disk })
    const what = `seed ${seed}, round ${round}`
    // What is missing may name more that is, and what comes as new may stand behind what rests on it: until nothing is left.
    for (let again = 0; again < mendingRounds; again++) {
      await store.verify({ repair: true })
      await refetch(store, peer, undefined, undefined, true)
      if ((await store.missing()).length > 0) continue
      await carry(peer, store)
      if ((await store.verify()).ok) break
    }
    await assertSame(store, peer, what)
    assert.equal(store.status().ops, peer.status().ops, what)
    await store.close()
    const opened = await storeOf(1, { disk })
    await assertSame(opened, peer, `${what}, opened again`)
    await closeStore(opened)
    await closeStore(peer)
  }
})

test('a batch that nobody has is named, and what follows it stays readable', async () => {
  const disk = await openMemoryDisk()
  let store = await storeOf(1, { disk })
  for (let i = 0; i < 3; i++) await store.write({ ops: [put(`k${i}`, i)] })
  await store.close()
  const [at, value] = (await entriesOf(disk, SPACE.log))[1]!
  await commit(disk, write => write.put(at, flipped(value, 300)))
  store = await storeOf(1, { disk, random: new SeededRandom(5) })
  const report = await store.verify({ repair: true })
  assert.equal(report.ok, false)
  assert.equal(report.waiting.length, 1)
  assert.deepEqual([report.waiting[0]!.position, report.waiting[0]!.own], [2, true])
  for (let i = 0; i < 3; i++) assert.equal(await read(store, `k${i}`), i)
  await store.write({ ops: [put('k1', 'new'), put('k3', 3)] })
  assert.equal(await read(store, 'k1'), 'new')
  store.noteUnanswered(report.waiting[0]!.batch as never)
  assert.equal((await store.verify()).waiting[0]!.nobody, true)
  await store.close()
  store = await storeOf(1, { disk, random: new SeededRandom(6) })
  assert.equal((await store.missing())[0]!.position, 2, 'the note outlives the process')
  const walk = store.replay(0)[Symbol.asyncIterator]()
  await walk.next()
  await assert.rejects(walk.next(), error => isNatterError(error, 'STORE_DAMAGED'))
  await closeStore(store)
})

test('an author whose record and batches are all damaged is told by a batch that rests on one of them', async () => {
  const disk = await openMemoryDisk()
  const peer = await storeOf(2)
  let store = await storeOf(1, { disk })
  await peer.write({ ops: [put('k', 1)] })
  await carry(peer, store)
  await store.write({ ops: [put('k', 2)] })
  await store.close()
  const [[author, name]] = (await entriesOf(disk, SPACE.author)) as [Entry]
  const [[first, batch]] = (await entriesOf(disk, SPACE.log)) as [Entry]
  await commit(disk, write => {
    write.put(author, flipped(name, 77))
    write.put(first, flipped(batch, 77))
  })
  await repairOf(1, { disk })
  store = await storeOf(1, { disk })
  assert.deepEqual(
    (await store.missing()).map(({ tip }) => tip.author),
    [peer.author]
  )
  await refetch(store, peer)
  assert.deepEqual((await store.verify()).damage, [])
  await closeStore(store)
  await closeStore(peer)
})

test('a repair of a running store holds writes back and loses none', async () => {
  const { disk, peer } = await filled()
  const cells = await entriesOf(disk, SPACE.index)
  await commit(disk, write => {
    for (const [at, value] of cells) write.put(at, flipped(value, 77))
  })
  const store = await storeOf(1, { disk, random: new SeededRandom(3) })
  const [report, ...written] = await Promise.all([
    store.verify({ repair: true }),
    ...Array.from({ length: 20 }, (_, i) => store.write({ ops: [put(`new${i}`, i)] }))
  ])
  assert.equal(report.ok, true)
  assert.equal(report.repaired.length, cells.length)
  assert.equal(written.length, 20)
  for (let i = 0; i < 20; i++) assert.equal(await read(store, `new${i}`), i)
  assert.deepEqual((await store.verify()).damage, [])
  await carry(store, peer)
  assert.equal(store.stateDigest(), peer.stateDigest())
  assert.equal((await store.get(key('gone')))?.winner, undefined)
  await closeStore(store)
  await closeStore(peer)
})

test('a full disk that takes no note of damage is no fault of whoever read there', async () => {
  const { disk, peer } = await filled()
  const [at, value] = (await entriesOf(disk, SPACE.log))[2]!
  await commit(disk, write => write.put(at, flipped(value, 300)))
  const full = new Proxy(disk, {
    get(target, name) {
      if (name === 'commit') return () => Promise.reject(new NatterError('DISK_FULL', 'as the test wants'))
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    }
  })
  const store = await storeOf(1, { disk: full })
  assert.equal(await store.checkAt(3), undefined)
  await new Promise(resolve => setImmediate(resolve))
  assert.equal((await store.missing()).length, 1)
  for (const open of [store, peer]) await closeStore(open)
})

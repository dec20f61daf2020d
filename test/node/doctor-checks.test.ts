/** Each check of the doctor, driven to what it warns of, on real stores and engines with a clock that a test moves. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import type { Clock, DoctorCheck } from '../../src/base/index.js'
import { utf8, withLimits } from '../../src/base/index.js'
import { systemClock } from '../../src/base/system.js'
import { createEngine } from '../../src/engine/index.js'
import type { BatchId, Dep, Epoch, Hello, Op } from '../../src/log/index.js'
import { databaseIdOf, NO_BATCH, OP_FLAG, peerIdOf, tipOf } from '../../src/log/index.js'
import { Doctor, type DoctorParts } from '../../src/node/doctor/index.js'
import { PeerBook } from '../../src/node/peer-book.js'
import type { Store } from '../../src/store/index.js'
import { SyncFrame } from '../../src/wire/generated/sync-ops.js'
import { SyncEncoder } from '../../src/wire/sync-encoder.js'
import { exchange, forge } from '../store/exchange.js'
import { closeStore, HandClock, key, put, START_MS, storeOf } from '../store/harness.js'
import { MemoryNetwork } from '../support/memory-net.js'
import { until } from '../support/until.js'

const database = databaseIdOf('test', nodeCrypto)
const EPOCH = '0000000100000001' as Epoch

function doctorOf(store: Store, more: Partial<DoctorParts> = {}): Doctor {
  return new Doctor({
    store,
    clock: new HandClock(),
    limits: withLimits(),
    network: 'test',
    settings: { get: () => ({}), update: async () => undefined },
    directory: undefined,
    ...more
  })
}

async function check(doctor: Doctor, name: string): Promise<DoctorCheck> {
  const { checks } = await doctor.examine()
  const found = checks.find(one => one.name === name)
  assert.ok(found !== undefined, `${name} among ${checks.map(one => one.name)}`)
  assert.equal(found.remedy === undefined, found.status === 'ok', `${name} says what to do`)
  return found
}

async function storeFor(t: TestContext, name: number, clock: Clock = new HandClock()): Promise<Store> {
  const store = await storeOf(name, { clock })
  t.after(() => closeStore(store))
  return store
}

function op(name: string, kind = 1): Op {
  const flags = OP_FLAG.head | OP_FLAG.value
  return { kind, flags, key: key(name), value: utf8('1'), over: [], extensions: [] }
}

function wild(
  author: number,
  fields: { epoch?: Epoch; ms?: number; deps?: readonly Dep[] },
  ops: readonly Op[]
) {
  const { epoch = EPOCH, ms = START_MS, deps = [] } = fields
  return forge(author, { database, epoch, seq: 1, previous: NO_BATCH, time: { ms, counter: 0 }, deps }, ops)
}

test('a fork is told with author, epoch and seq', async t => {
  const store = await storeFor(t, 1)
  const doctor = doctorOf(store)
  assert.equal((await check(doctor, 'forks')).status, 'ok')
  const [left, right] = [wild(7, {}, [op('a')]), wild(7, {}, [op('b')])]
  await store.apply([left, right])
  const found = await check(doctor, 'forks')
  assert.equal(found.status, 'warn')
  const author = peerIdOf(left.header.author)
  assert.ok(found.evidence.includes(`${author}: epoch ${EPOCH}, from seq 1 on`), found.evidence)
  assert.deepEqual(found.details?.['forks'], [{ author, epoch: EPOCH, seq: 1 }])
})

test('more than 64 ends of the log of one author are a failure', async t => {
  const store = await storeFor(t, 1)
  const epochs = Array.from({ length: 65 }, (_, i) => (i + 1).toString(16).padStart(16, '0') as Epoch)
  await store.apply(epochs.slice(0, 64).map(epoch => wild(7, { epoch }, [op('a')])))
  assert.equal((await check(doctorOf(store), 'forks')).status, 'ok')
  await store.apply([wild(7, { epoch: epochs[64]! }, [op('a')])])
  const found = await check(doctorOf(store), 'forks')
  assert.equal(found.status, 'fail')
  assert.match(found.evidence, /65 tips/)
  assert.match(found.remedy!, /natter block 12D3/)
})

test('a cell of a kind that is not known here is told, also by a doctor that was not there when it came', async t => {
  const store = await storeFor(t, 1)
  const before = doctorOf(store)
  await store.write({ ops: [put('fine', 1)] })
  await store.apply([wild(7, {}, [op('odd', 99)])])
  for (const doctor of [before, doctorOf(store)]) {
    const found = await check(doctor, 'unreadable')
    assert.equal(found.status, 'warn')
    assert.match(found.evidence, /odd: an op of kind 99 is not known here/)
  }
  await store.write({ ops: [put('odd', 1)] })
  assert.equal((await check(before, 'unreadable')).status, 'ok', 'what was overwritten can be read again')
})

test('a batch from more than a minute ahead names the author, also after a restart', async t => {
  const clock = new HandClock()
  const store = await storeFor(t, 1, clock)
  const batch = wild(7, { ms: START_MS + 3_600_000 }, [op('a')])
  const before = doctorOf(store, { clock })
  assert.equal((await check(before, 'peer-clocks')).status, 'ok')
  await store.apply([batch])
  for (const doctor of [before, doctorOf(store, { clock })]) {
    const found = await check(doctor, 'peer-clocks')
    assert.equal(found.status, 'warn')
    assert.ok(found.evidence.includes(`${peerIdOf(batch.header.author)}: 60 min ahead`), found.evidence)
  }
})

test('a clock that was set back is told by the times that were used', async t => {
  const clock = new HandClock()
  const store = await storeFor(t, 1, clock)
  await store.write({ ops: [put('a', 1)] })
  assert.equal((await check(doctorOf(store, { clock }), 'clock')).status, 'ok')
  clock.ms -= 7_200_000
  const found = await check(doctorOf(store, { clock }), 'clock')
  assert.equal(found.status, 'warn')
  assert.equal(found.details?.['usedAheadMs'], 7_200_000)
})

test('prefixes are told by the share of their keys in conflict', async t => {
  const [a, b] = [await storeFor(t, 1), await storeFor(t, 2)]
  await a.write({ ops: Array.from({ length: 40 }, (_, i) => put(`stock/${i}`, i)) })
  await exchange(a, b)
  for (const store of [a, b]) {
    await store.write({ ops: Array.from({ length: 12 }, (_, i) => put(`cart/${i}`, store === a)) })
    await store.write({ ops: [put('stock/1', store === a), put('alone', store === a)] })
  }
  await exchange(a, b)
  const found = await check(doctorOf(a), 'conflicts')
  assert.equal(found.status, 'warn')
  assert.match(found.evidence, /^14 keys of 53 /)
  assert.match(found.evidence, /\ncart\/: 12 of 12 \(100\.0 %\)\n/)
  assert.match(found.evidence, /\nstock\/: 1 of 40 \(2\.5 %\)/)
  assert.match(found.evidence, /\nkeys without a prefix: 1 of 53/)
})

test('a client id that came back with other content is told by key', async t => {
  const [a, b] = [await storeFor(t, 1), await storeFor(t, 2)]
  const doctor = doctorOf(a)
  await a.write({ ops: [put('k', 1)], id: 'w' })
  await b.write({ ops: [put('k', 2)], id: 'w' })
  assert.equal((await check(doctor, 'client-ids')).status, 'ok')
  await exchange(a, b)
  const found = await check(doctor, 'client-ids')
  assert.equal(found.status, 'warn')
  assert.match(found.evidence, /1 key\nk, /)
})

test('an old Node.js, memory in place of a disk, and a check that needs what is not there', async t => {
  const store = await storeFor(t, 1)
  const doctor = doctorOf(store, { nodeVersion: '20.18.3' })
  assert.equal((await check(doctor, 'version')).status, 'warn')
  assert.equal((await check(doctorOf(store, { nodeVersion: '22.0.0' }), 'version')).status, 'ok')
  assert.equal((await check(doctor, 'durability')).status, 'warn')
  const { running, leftOut, status } = await doctor.examine()
  assert.deepEqual([running, status], [false, 'warn'])
  const reasons = new Map(leftOut.map(({ name, reason }) => [name, reason]))
  assert.equal(reasons.get('peers'), 'the node does not run')
  assert.equal(reasons.get('space'), 'the node has no directory')
})

/** The clock of the machine, that a test may put forward. */
class ShiftedClock implements Clock {
  ms = 0

  now(): number {
    return systemClock.now() + this.ms
  }

  schedule(delayMs: number, run: () => void): { cancel(): void } {
    return systemClock.schedule(delayMs, run)
  }
}

/** A store with its engine on a network in memory, its doctor, and a peer that says what a test wants. */
async function withPeer(t: TestContext) {
  const clock = new ShiftedClock()
  const network = new MemoryNetwork()
  const [store, liar] = [await storeFor(t, 1, clock), await storeFor(t, 2, clock)]
  const [net, other] = [network.net(store.author), network.net(liar.author)]
  const limits = withLimits()
  const random = { bytes: (length: number) => new Uint8Array(length), fraction: () => 0.5 }
  const sync = { timeoutMs: 36_000_000, intervalMs: 3_600_000 }
  const engine = createEngine({ store, net, clock, random, crypto: nodeCrypto }, { limits, sync })
  const quiet = { onRefused: () => undefined, onDiscovered: () => undefined }
  await net.start({ ...quiet, ...engine.handlers })
  await other.start({
    ...quiet,
    onStream: stream => stream.abort(new Error('no streams')),
    onGossip: () => 'ignore',
    onPeerConnected: () => undefined,
    onPeerDisconnected: () => undefined,
    onPresence: () => undefined
  })
  await engine.start()
  t.after(async () => {
    await engine.stop()
    await net.stop()
    await other.stop()
  })
  const membership = { net, engine }
  const book = new PeerBook(store, () => membership)
  const doctor = doctorOf(store, {
    clock,
    node: { book, membership: () => membership, paused: () => false, join: {}, served: () => [] }
  })
  network.connect(store.author, liar.author)
  const stream = await other.openStream(store.author)
  const encoder = new SyncEncoder()
  const hello: Hello = {
    type: 'hello',
    protocol: 1,
    database: store.database,
    store: liar.storeId,
    durable: true,
    position: { position: 1, check: '1'.repeat(16) },
    digest: 'f'.repeat(32),
    yours: [],
    window: 1_000_000
  }
  for (const frame of encoder.encode(hello)) stream.send(frame)
  return { clock, store, liar, engine, doctor, stream, encoder }
}

test('a parked batch and the want for what it names are told after a minute, with the id that is missing', async t => {
  const { clock, store, liar, engine, doctor, stream, encoder } = await withPeer(t)
  const nowhere: Dep = {
    author: liar.author,
    epoch: EPOCH,
    seq: 41,
    id: 'ab'.repeat(32) as BatchId
  }
  const batch = wild(7, { deps: [nowhere] }, [op('a')])
  const position = { position: 1, check: '1'.repeat(16) }
  for (const frame of encoder.encode({ type: 'heads', tips: [tipOf(batch)], position })) stream.send(frame)
  for (const frame of encoder.encode({ type: 'run', batches: [batch], proof: [] })) stream.send(frame)
  await until('parked and wanted', 5000, () => {
    const { parked, wants } = engine.health(10).waiting
    return parked.batches === 1 && wants.some(({ tip }) => tip.seq === 41)
  })
  assert.equal((await check(doctor, 'parked')).status, 'ok', 'a moment is no reason')
  assert.equal((await check(doctor, 'wants')).status, 'ok')
  clock.ms += 90_000
  const missing = `${peerIdOf(liar.author)}.${EPOCH}.41~abababab`
  const parked = await check(doctor, 'parked')
  assert.equal(parked.status, 'warn')
  assert.ok(parked.evidence.includes(`missing: ${missing}`), parked.evidence)
  assert.ok(parked.evidence.includes(`1 batch written by ${peerIdOf(batch.header.author)}`), parked.evidence)
  assert.match(parked.evidence, new RegExp(`1 batch brought by .*${peerIdOf(liar.author).slice(0, 16)}`))
  assert.equal(parked.details?.['bytes'], batch.headerBytes.length + batch.body.length)
  const wants = await check(doctor, 'wants')
  assert.equal(wants.status, 'warn')
  assert.ok(wants.evidence.includes(missing), wants.evidence)
  assert.match(wants.evidence, /holds up 1 batch/)
  assert.equal(store.mark.position, 0)
})

test('batches of a newer format name who has them and by whom they are', async t => {
  const { doctor, engine, stream, encoder, liar } = await withPeer(t)
  assert.equal((await check(doctor, 'formats')).status, 'ok')
  const batch = wild(7, {}, [op('a')])
  const [frame] = encoder.encode({ type: 'run', batches: [batch], proof: [] })
  const newer = SyncFrame.decode(frame!)
  newer.run!.batches[0]!.format = 2
  stream.send(SyncFrame.encode(newer))
  await until('it came', 5000, () => engine.health(10).waiting.newer.length > 0)
  const found = await check(doctor, 'formats')
  assert.equal(found.status, 'warn')
  assert.deepEqual(found.details?.['newer'], [
    { peer: peerIdOf(liar.author), authors: [peerIdOf(batch.header.author)] }
  ])
})

test('a batch that can never be applied names the peer that shows it', async t => {
  const { doctor, engine, store, stream, encoder, liar } = await withPeer(t)
  await store.write({ ops: [put('a', 1)] })
  const [tip] = store.frontier
  const real = (await store.findOp({ ...tip!, index: 0 }))!.batch
  const wrong: Dep = { author: store.author, epoch: tip!.epoch, seq: 9, id: real }
  const batch = wild(7, { deps: [wrong] }, [op('a')])
  for (const frame of encoder.encode({ type: 'run', batches: [batch], proof: [] })) stream.send(frame)
  await until('the verdict', 5000, () => engine.health(10).waiting.impossible.length > 0)
  const found = await check(doctor, 'impossible')
  assert.equal(found.status, 'warn')
  assert.ok(found.remedy!.includes(`natter block ${peerIdOf(liar.author)}`))
})

test('a connected peer that acknowledges nothing is behind, and it is told when that grows', async t => {
  const { clock, doctor, store, engine, liar } = await withPeer(t)
  await until('a stream', 5000, () => engine.health(0).streams.includes(liar.author))
  await store.write({ ops: [put('a', 1)] })
  assert.equal((await check(doctor, 'lag')).status, 'ok', 'a moment is no reason')
  clock.ms += 90_000
  const late = await check(doctor, 'lag')
  assert.equal(late.status, 'warn')
  assert.match(late.evidence, /lacks 1 op, the oldest for 90 s/)
  await store.write({ ops: [put('b', 1), put('c', 1)] })
  clock.ms += 10_000
  assert.match((await check(doctor, 'lag')).evidence, /lacks 3 ops, .*grew from 1 in 10 s/)
})

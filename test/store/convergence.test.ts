/**
 * Random causal histories of several authors, honest and not, applied in many orders: every store comes to the same,
 * and to what the reference model says.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { equalBytes, toHex, utf8 } from '../../src/base/index.js'
import type { Disk } from '../../src/disk/index.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import type { Batch, Dep, Epoch, Op, OverRef } from '../../src/log/index.js'
import { databaseIdOf, NO_BATCH, OP_FLAG, shortId } from '../../src/log/index.js'
import type { Store } from '../../src/store/index.js'
import { applyAll, batchesOf, carry, exchange, forge } from './exchange.js'
import {
  closeStore,
  del,
  HandClock,
  key,
  levelDisk,
  put,
  SeededRandom,
  storeOf,
  temporaryFolder
} from './harness.js'
import { Model, opsOf } from './model.js'

const KEYS = ['a', 'b', 'c', 'd']
const rounds = 12
const seed = Number(process.env['NATTER_SEED'] ?? Date.now() % 1e9)

interface Writer {
  readonly name: number
  readonly disk: Disk
  readonly clock: HandClock
  store: Store
}

async function openWriter(name: number, random: SeededRandom): Promise<Writer> {
  const disk = await openMemoryDisk()
  const clock = new HandClock()
  clock.ms += random.below(5_000)
  return { name, disk, clock, store: await storeOf(name, { disk, clock, random }) }
}

/** Writes, carries and reopens at random. */
async function live(writers: readonly Writer[], random: SeededRandom, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    const writer = writers[random.below(writers.length)]!
    const other = writers[random.below(writers.length)]!
    const dice = random.fraction()
    writer.clock.ms += random.below(50)
    if (dice < 0.6) {
      const ops = Array.from({ length: 1 + random.below(3) }, () => {
        const name = KEYS[random.below(KEYS.length)]!
        return random.fraction() < 0.2 ? del(name) : put(name, random.below(1000))
      })
      // A shared id with the same content at several writers: one write that entered at many places.
      const number = random.below(6)
      if (random.fraction() < 0.25)
        await writer.store.write({ ops: [put(KEYS[number % 4]!, number)], id: `w${number}` })
      else await writer.store.write({ ops })
    } else if (dice < 0.9) {
      if (other !== writer) await carry(writer.store, other.store, 1 + random.below(2000))
    } else {
      await writer.store.close()
      writer.clock.ms -= random.below(2_000)
      const { name, disk, clock } = writer
      writer.store = await storeOf(name, { disk, clock, random })
    }
  }
}

function depOn({ header, id }: Batch): Dep {
  return { author: header.author, epoch: header.epoch, seq: header.seq, id }
}

/** Batches of an author who forks, reopens epochs and overwrites what it may not. */
function misbehave(author: number, known: readonly Batch[], random: SeededRandom, count: number): Batch[] {
  const own: Batch[] = []
  const all = (): Batch[] => [...known, ...own]
  const database = databaseIdOf('test', nodeCrypto)
  for (let i = 0; i < count; i++) {
    const before = own.length > 0 && random.fraction() < 0.75 ? own[random.below(own.length)] : undefined
    const epoch = before?.header.epoch ?? (`0000000${random.below(3)}00000000` as Epoch)
    const seq = before === undefined ? 1 : before.header.seq + 1
    const deps = new Map<string, Dep>()
    for (let n = random.below(3); n > 0; n--) {
      const dep = depOn(all()[random.below(all().length)]!)
      if (dep.author === before?.header.author && dep.epoch === epoch && dep.seq >= seq) continue
      if (own.some(batch => batch.id === dep.id) && dep.epoch === epoch && dep.seq >= seq) continue
      deps.set(dep.id, dep)
    }
    const ops: Op[] = []
    for (let n = 1 + random.below(3); n > 0; n--) {
      // One target gives the key, so that most entries name a version that is there.
      const first = all()[random.below(all().length)]!
      const name = opsOf(first)[0]?.key ?? key(KEYS[0]!)
      const over: OverRef[] = []
      for (let m = random.below(6); m > 0; m--) {
        const target = m === 1 ? first : all()[random.below(all().length)]!
        const at = opsOf(target).findIndex(op => equalBytes(op.key, name))
        const index = at < 0 ? random.below(3) : at
        if (target.header.epoch === epoch && own.includes(target))
          over.push({ seq: target.header.seq, index })
        else over.push({ batch: shortId(target.id), index })
      }
      const hasHead = random.fraction() < 0.9
      const value = utf8(String(random.below(1000)))
      const flags = (hasHead ? OP_FLAG.head : 0) | OP_FLAG.value
      ops.push({ kind: 1, flags, key: name, value, over, extensions: [] })
    }
    const time = { ms: 1_760_000_000_000 + random.below(10_000), counter: random.below(3) }
    const fields = { epoch, seq, previous: before?.id ?? NO_BATCH, time, database, deps: [...deps.values()] }
    own.push(forge(author, fields, ops))
  }
  return own
}

/** What a store shows: each key's versions and what a read gives. */
async function shownBy(store: Store): Promise<Map<string, { heads: string[]; shown: string | undefined }>> {
  const shown = new Map<string, { heads: string[]; shown: string | undefined }>()
  for (const name of KEYS) {
    const cell = await store.get(key(name))
    if (cell === undefined) continue
    const heads = cell.heads.map(head => `${head.id}/${head.index}${head.demoted ? '!' : ''}`).sort()
    const value = cell.winner?.value
    shown.set(toHex(key(name)), {
      heads,
      shown: value === undefined ? undefined : new TextDecoder().decode(value)
    })
  }
  return shown
}

async function agreesWithModel(store: Store, batches: readonly Batch[], what: string): Promise<void> {
  const model = new Model(batches)
  const shown = await shownBy(store)
  for (const [name, cell] of model.cells()) {
    const stored = shown.get(name)
    assert.equal(stored?.shown, cell.shown, `${what}: key ${name}`)
    // The store shows one of several copies of a client's op: the others are in the model's list.
    for (const head of stored?.heads ?? [])
      assert.ok(cell.heads.includes(head), `${what}: head ${head} of ${name}`)
  }
  assert.deepEqual(
    [...store.frontier].map(tip => tip.id).sort(),
    model.tips().map(id => id.slice(0, 32)),
    what
  )
}

async function agree(a: Store, b: Store, what: string): Promise<void> {
  assert.equal(a.frontierDigest(), b.frontierDigest(), `${what}: frontier`)
  assert.equal(a.stateDigest(), b.stateDigest(), `${what}: state`)
  assert.deepEqual(await shownBy(a), await shownBy(b), what)
  assert.equal(a.status().ops, b.status().ops, what)
  assert.equal(a.status().keys, b.status().keys, what)
}

test(`random histories come to the same in every order (NATTER_SEED=${seed})`, async () => {
  for (let round = 0; round < rounds; round++) {
    const what = `seed ${seed}, round ${round}`
    const random = new SeededRandom(seed + round)
    const writers = [await openWriter(1, random), await openWriter(2, random), await openWriter(3, random)]
    await live(writers, random, 40)
    const honest = new Map<string, Batch>()
    for (const { store } of writers) for (const batch of await batchesOf(store)) honest.set(batch.id, batch)
    const wild = random.fraction() < 0.7 ? misbehave(9, [...honest.values()], random, 12) : []
    const all = [...honest.values(), ...wild]
    for (const { store } of writers) await applyAll(store, random.shuffle(all), () => 1 + random.below(8))
    await live(writers, random, 15)
    for (const { store } of writers) for (const batch of await batchesOf(store)) honest.set(batch.id, batch)
    const everything = [...new Map([...all, ...honest.values()].map(batch => [batch.id, batch])).values()]
    const reader = await storeOf(7, { random })
    const order = random.shuffle([...everything, ...everything.slice(0, 20)])
    await applyAll(reader, order, () => 1 + random.below(5))
    await agreesWithModel(reader, everything, what)
    assert.deepEqual((await reader.verify()).damage, [], what)
    for (const { store } of writers) {
      await applyAll(store, random.shuffle(everything), () => 1 + random.below(30))
      await agree(reader, store, what)
      assert.deepEqual((await store.verify()).damage, [], what)
      await closeStore(store)
    }
    // A run brings all of it, forks and epochs and all, in causal order.
    const fresh = await storeOf(8, { random })
    await carry(reader, fresh, 1 + random.below(5000))
    await agree(reader, fresh, what)
    await closeStore(fresh)
    await closeStore(reader)
  }
})

test('writers that only exchange agree, also on LevelDB and over reopenings', async () => {
  const folder = await temporaryFolder()
  try {
    const random = new SeededRandom(seed)
    const disk = await levelDisk(folder.path)
    const clock = new HandClock()
    const a: Writer = { name: 1, disk, clock, store: await storeOf(1, { disk, clock, random }) }
    const b = await openWriter(2, random)
    await live([a, b], random, 60)
    await exchange(a.store, b.store)
    await agree(a.store, b.store, `seed ${seed}`)
    await agreesWithModel(a.store, await batchesOf(a.store), `seed ${seed}`)
    await closeStore(a.store)
    await closeStore(b.store)
  } finally {
    await folder.remove()
  }
})

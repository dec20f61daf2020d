/** Many versions of one key: what an op on it costs goes by what the op names, counted in looks at heads. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { utf8 } from '../../src/base/index.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import type { Batch, ClientIdHash, Epoch, Identity, Op, OverRef } from '../../src/log/index.js'
import { clientIdExtension, databaseIdOf, NO_BATCH, OP_FLAG, shortId } from '../../src/log/index.js'
import { applyOps, type OpTarget } from '../../src/store/apply.js'
import { DraftCells } from '../../src/store/cells.js'
import { ClientIds } from '../../src/store/client-ids.js'
import type { Head } from '../../src/store/heads.js'
import { Origin } from '../../src/store/heads.js'
import { cellKey, textOf } from '../../src/store/keys.js'
import { BranchCache, Lineage } from '../../src/store/lineage.js'
import { remoteOps } from '../../src/store/prepare.js'
import { batchesOf, forge } from './exchange.js'
import { closeStore, START_MS, storeOf } from './harness.js'

const database = databaseIdOf('test', nodeCrypto)
const EPOCH = '0000000100000001' as Epoch
const KEY = utf8('crowded')
const fields = { epoch: EPOCH, database, previous: NO_BATCH, seq: 1, time: { ms: START_MS, counter: 0 } }

function op(over: readonly OverRef[], head = true, id?: string, number = 0): Op {
  const extensions = id === undefined ? [] : [clientIdExtension(id, number, nodeCrypto)]
  return { kind: 2, flags: head ? OP_FLAG.head : 0, key: KEY, over, extensions }
}

function depOn({ header, id }: Batch): {
  author: typeof header.author
  epoch: Epoch
  seq: number
  id: string
} {
  return { author: header.author, epoch: header.epoch, seq: header.seq, id }
}

/** How often an index of a head is looked at while the batch is applied to a key with the heads of `first`. */
async function looks(first: Batch, second: Batch): Promise<{ looks: number; left: number }> {
  let count = 0
  const chain = { author: 1, epoch: first.header.epoch, branch: 0 }
  const { author, seq, time } = first.header
  const origin = new Origin(chain, author, { seq, id: shortId(first.id), time })
  const heads = remoteOps(first, nodeCrypto).map(({ client }, index): Head => {
    const identity = client?.identity
    const get = (): number => {
      count++
      return index
    }
    const head = { origin, kind: 2, value: undefined, identity, demoted: false }
    return Object.defineProperty(head, 'index', { get }) as unknown as Head
  })
  const names = { nameOf: () => author }
  const cells = new DraftCells({ hashes: nodeCrypto, names, strategy: () => 'latest' })
  const text = textOf(KEY)
  cells.load(text, KEY, cellKey(KEY), undefined)
  const cell = { heads, changedAt: 1, present: false }
  cells.replace(text, { ...cell, accounted: cell, overwritten: [] })
  const disk = await openMemoryDisk()
  const lineage = new Lineage(disk, nodeCrypto, new BranchCache())
  const done = (): void => undefined
  const target: OpTarget = { cells, lineage, clientIds: new ClientIds(), addClientOp: done, addHistory: done }
  const deps = [{ ...chain, seq, id: first.id, position: 1 }]
  const place = { chain: { author: 2, epoch: second.header.epoch, branch: 0 }, deps }
  await applyOps(target, second, place, remoteOps(second, nodeCrypto), 2)
  await disk.close()
  return { looks: count, left: cells.get(text).heads.length }
}

const manifold: Record<string, (batch: string, number: number) => readonly Op[]> = {
  'one by one': (batch, number) =>
    Array.from({ length: number }, (_, index) => op([{ batch, index } as OverRef], false)),
  'a thousand at once, over and over': (batch, number) => {
    const over = Array.from({ length: 1000 }, (_, index) => ({ batch, index }) as OverRef)
    return Array.from({ length: number / 100 }, () => op(over, false))
  },
  'each by a version that takes its place': (batch, number) =>
    Array.from({ length: number }, (_, index) => op([{ batch, index } as OverRef]))
}

for (const [name, opsOver] of Object.entries(manifold)) {
  for (const withIds of [false, true]) {
    test(`overwriting many versions ${name}${withIds ? ', under client ids,' : ''} is linear`, async () => {
      const counts = []
      for (const number of [2000, 4000]) {
        const many = Array.from({ length: number }, (_, at) => op([], true, withIds ? 'many' : undefined, at))
        const first = forge(9, fields, many)
        const ops = opsOver(shortId(first.id), number)
        const second = forge(8, { ...fields, deps: [depOn(first)] as never }, ops)
        const { looks: count, left } = await looks(first, second)
        assert.equal(left, name.startsWith('each') ? number : name.startsWith('a') ? number - 1000 : 0)
        const refs = ops.reduce((sum, { over }) => sum + over.length, 0)
        assert.ok(count <= 4 * (number + refs), `${count} looks at ${number} heads and ${refs} entries`)
        counts.push(count)
      }
      assert.ok(counts[1]! <= 2.2 * counts[0]!, counts.join())
    })
  }
}

test('versions of the own line are found by seq, on a crowded key as on another', async () => {
  const store = await storeOf(1)
  for (const number of [3, 300]) {
    const first = forge(
      20 + number,
      fields,
      Array.from({ length: number }, () => op([]))
    )
    const over = Array.from({ length: number - 1 }, (_, index) => ({ seq: 1, index }))
    const ops = [op(over), op([{ seq: 2, index: 0 }]), op([{ seq: 2, index: 3 }]), op([])]
    const second = forge(20 + number, { ...fields, seq: 2, previous: first.id }, ops)
    await store.apply([first])
    const before = (await store.get(KEY))!.heads.length
    await store.apply([second])
    // One of the first, and of the second all but the one that the next overwrote.
    assert.equal((await store.get(KEY))!.heads.length, before - (number - 1) + 3)
  }
  assert.deepEqual((await store.verify()).damage, [])
  assert.equal((await batchesOf(store)).length, 4)
  await closeStore(store)
})

test('an op of a write of many under one client id is not compared with all the others', async () => {
  let looks = 0
  const ids = new ClientIds()
  const id = 'ab'.repeat(32) as ClientIdHash
  for (let number = 4000; number > 0; number--) {
    const op = { number, position: 7, index: 4000 - number, identity: `${number}` as Identity }
    const seen = new Proxy(op, {
      get: (target, name) => {
        looks++
        return Reflect.get(target, name)
      }
    })
    assert.equal(ids.meet(id, seen), 'first')
    ids.add(id, seen)
    assert.equal(ids.meet(id, seen), 'copy')
    assert.equal(ids.meet(id, { ...op, identity: 'other' as Identity }), 'reused')
  }
  assert.equal(ids.meet(id, { number: 5000, position: 8, index: 0, identity: 'x' as Identity }), 'reused')
  assert.ok(looks < 100_000, `${looks} looks`)
})

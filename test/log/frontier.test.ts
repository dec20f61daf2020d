import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import type { Batch, Dep, Tip } from '../../src/log/index.js'
import { Frontier, tipOf } from '../../src/log/index.js'
import { put, Writer } from './fixtures.js'

const depOf = (batch: Batch): Dep => {
  const { author, epoch, seq } = batch.header
  return { author, epoch, seq, id: batch.id }
}
const digestOf = (batches: readonly Batch[]): string => {
  const frontier = new Frontier()
  for (const batch of batches) frontier.apply(batch)
  return frontier.digest(nodeCrypto)
}

test('along a chain only the last batch is a tip', () => {
  const writer = new Writer(1)
  const frontier = new Frontier()
  const first = writer.next()
  assert.deepEqual(frontier.apply(first), { added: tipOf(first), removed: [] })
  const second = writer.next()
  assert.deepEqual(frontier.apply(second), { added: tipOf(second), removed: [tipOf(first)] })
  assert.deepEqual([...frontier], [tipOf(second)])
  assert.equal(frontier.size, 1)
  assert.ok(frontier.has(writer.author, tipOf(second).id))
  assert.ok(!frontier.has(writer.author, tipOf(first).id))
})

test('a new epoch that names the old tips takes their place, so cost follows authors', () => {
  const writer = new Writer(1)
  const frontier = new Frontier()
  let last = writer.next()
  frontier.apply(last)
  for (let life = 2; life < 10; life++) {
    writer.restart(`650000000000000${life}`)
    const next = writer.next({ deps: [depOf(last)] })
    assert.deepEqual(frontier.apply(next).removed, [tipOf(last)])
    last = next
  }
  assert.equal(frontier.size, 1)
})

test("a dep on another author's batch leaves it a tip", () => {
  const [a, b] = [new Writer(1), new Writer(2)]
  const frontier = new Frontier()
  const first = a.next()
  frontier.apply(first)
  frontier.apply(b.next({ deps: [depOf(first)] }))
  assert.equal(frontier.size, 2)
  assert.deepEqual([...frontier.authors()].sort(), [a.author, b.author].sort())
})

test('both branches of a fork have their tip, until a batch names both', () => {
  const writer = new Writer(1)
  const root = writer.next()
  const { seq, previous } = writer
  const left = [writer.next({ ops: [put('k', 'left')] }), writer.next()]
  Object.assign(writer, { seq, previous })
  const right = [writer.next({ ops: [put('k', 'right')] })]
  const frontier = new Frontier()
  for (const batch of [root, ...left, ...right]) frontier.apply(batch)
  const tips = [tipOf(right[0]!), tipOf(left[1]!)]
  assert.deepEqual(frontier.of(writer.author), tips)
  assert.equal(digestOf([root, ...left, ...right]), digestOf([root, ...right, ...left]))
  writer.restart('6600000000000000')
  const deps = [left[1]!, right[0]!].map(depOf).sort((a, b) => a.seq - b.seq)
  const healed = writer.next({ deps })
  assert.deepEqual(new Set(frontier.apply(healed).removed), new Set(tips))
  assert.deepEqual(frontier.of(writer.author), [tipOf(healed)])
})

test('the digest is a function of the set of tips alone', () => {
  const [a, b] = [new Writer(1), new Writer(2)]
  const [a1, a2, b1] = [a.next(), a.next(), b.next()]
  const digest = digestOf([a1, a2, b1])
  assert.match(digest, /^[0-9a-f]{32}$/)
  assert.equal(digest, digestOf([b1, a1, a2]))
  assert.equal(digest, new Frontier([tipOf(b1), tipOf(a2)]).digest(nodeCrypto))
  assert.notEqual(digest, digestOf([a1, b1]))
  assert.notEqual(digestOf([]), digest)
})

test('tips of one author are listed oldest epoch first, a fork by id', () => {
  const writer = new Writer(1)
  const tip = (epoch: string, seq: number, digit: string): Tip =>
    ({ author: writer.author, epoch, seq, id: digit.repeat(32) }) as Tip
  const sorted = [tip('64'.repeat(8), 9, 'f'), tip('65'.repeat(8), 1, 'a'), tip('65'.repeat(8), 1, 'b')]
  assert.deepEqual(new Frontier([sorted[2]!, sorted[0]!, sorted[1]!]).of(writer.author), sorted)
  assert.deepEqual(new Frontier().of(writer.author), [])
})

/** What waits for something that is nowhere: it is visible, stays in its bounds, and takes no room from others. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import type { Author, Batch, BatchId, Dep, Epoch, StoreId, Tip } from '../../src/log/index.js'
import { encodeBody, makeBatch, NO_BATCH, tipOf } from '../../src/log/index.js'
import type { State } from '../../src/replication/index.js'
import { createState, step, waitingOf } from '../../src/replication/index.js'
import { DATABASE } from '../log/fixtures.js'

const epoch = '0000000100000001' as Epoch
const limits = {
  neighbours: 3,
  windowBytes: 2 ** 21,
  parkedBytesPerPeer: 4000,
  parkedBatchesPerAuthor: 100
}

function author(n: number): Author {
  return n.toString(16).padStart(2, '0').repeat(32) as Author
}

function nowhere(n: number): Dep {
  return { author: author(200), epoch, seq: n, id: n.toString(16).padStart(8, '0').repeat(8) as BatchId }
}

/** The first batch of an author's epoch `n`, waiting for a batch that there is not. */
function hopeless(by: number, n: number): Batch {
  const time = { ms: 1, counter: 0 }
  const own = n.toString(16).padStart(16, '0') as Epoch
  const fields = { database: DATABASE, author: author(by), epoch: own, seq: 1, previous: NO_BATCH, time }
  const header = { ...fields, opCount: 0, deps: [nowhere(n)], extensions: [] }
  return makeBatch(header, encodeBody([]), nodeCrypto)
}

class Bench {
  now = 1000
  readonly state: State = createState({
    author: author(1),
    database: DATABASE,
    store: '1'.repeat(16) as StoreId,
    durable: true,
    mark: { position: 0, check: '0'.repeat(16) },
    tips: [],
    lastOwn: 0,
    hashes: nodeCrypto,
    seed: 1,
    intervalMs: 10_000,
    timeoutMs: 3_600_000,
    differential: true,
    limits
  })

  go(event: Parameters<typeof step>[1]) {
    return step(this.state, event, ++this.now)
  }

  /** A peer forwards a batch, and the store finds that what it names is missing. */
  park(from: number, batch: Batch): void {
    this.go({ type: 'gossiped', from: author(from), batches: [batch] })
    const [dep] = batch.header.deps
    const missing: Tip[] = [{ ...dep!, id: dep!.id.slice(0, 32) as Tip['id'] }]
    const outcomes = [{ batch, status: 'missing', missing }] as const
    this.go({ type: 'results', stream: null, from: author(from), bytes: 0, proof: [], since: 0, outcomes })
  }

  parks(batch: Batch): boolean {
    return this.state.parking.has(tipOf(batch).id)
  }

  get parked() {
    return waitingOf(this.state, this.now, 10).parked
  }
}

describe('batches that wait for what is nowhere', () => {
  it('of one author make room for those of another that the same peer forwards', () => {
    const bench = new Bench()
    for (let n = 1; n <= 90; n++) bench.park(2, hopeless(66, n))
    const full = bench.parked
    assert.ok(full.bytes > 3000 && full.bytes <= limits.parkedBytesPerPeer, `${full.bytes}`)
    const other = hopeless(67, 500)
    bench.park(2, other)
    assert.ok(bench.parks(other))
    assert.ok(bench.parks(hopeless(66, 1)), 'the oldest stay: those go first when the gap closes')
    assert.ok(bench.parked.bytes <= limits.parkedBytesPerPeer)
    assert.deepEqual(
      bench.parked.by.map(held => held.author),
      [author(66), author(67)]
    )
  })

  it('leave each author its share, and none is thrown out for one of the same author', () => {
    const bench = new Bench()
    for (let n = 1; n <= 60; n++) {
      bench.park(2, hopeless(66, n))
      bench.park(2, hopeless(67, 100 + n))
    }
    const [first, second] = bench.parked.by
    assert.ok(Math.abs(first!.bytes - second!.bytes) <= first!.bytes / first!.batches)
    const late = hopeless(66, 999)
    bench.park(2, late)
    assert.ok(!bench.parks(late))
    assert.ok(bench.parks(hopeless(66, 1)) && bench.parks(hopeless(67, 101)))
  })

  it('of peers that left take no room from those that are here', () => {
    const bench = new Bench()
    for (let peer = 2; peer < 12; peer++) {
      for (let n = 1; n <= 30; n++) bench.park(peer, hopeless(peer, peer * 100 + n))
    }
    const all = limits.neighbours * limits.parkedBytesPerPeer
    assert.ok(bench.parked.bytes <= all, `${bench.parked.bytes} of ${all}`)
    const fresh = hopeless(90, 9000)
    bench.park(90, fresh)
    assert.ok(bench.parks(fresh))
    assert.ok(bench.parked.bytes <= all)
  })

  it('are counted by whom they came from and who wrote them, with what they wait for and since when', () => {
    const bench = new Bench()
    const [a, b] = [hopeless(66, 1), hopeless(67, 2)]
    bench.park(2, a)
    bench.now += 60_000
    bench.park(3, b)
    const { batches, bytes, oldestMs, from, missing } = bench.parked
    assert.equal(batches, 2)
    assert.equal(bytes, a.headerBytes.length + a.body.length + b.headerBytes.length + b.body.length)
    assert.ok(oldestMs >= 60_000 && oldestMs < 61_000)
    assert.deepEqual(from.map(held => held.author).sort(), [author(2), author(3)])
    assert.deepEqual(missing.map(tip => tip.seq).sort(), [1, 2])
  })
})

describe('a want', () => {
  it('that nobody answers is open since it was shown first, with who has shown it', () => {
    const bench = new Bench()
    const tip = tipOf(hopeless(66, 1))
    const hello = {
      type: 'hello',
      protocol: 1,
      database: DATABASE,
      store: '2'.repeat(16) as StoreId,
      durable: true,
      position: { position: 5, check: '5'.repeat(16) },
      digest: 'f'.repeat(32),
      yours: [],
      window: 1_000_000
    } as const
    bench.go({ type: 'opened', stream: 1, peer: author(2), outbound: false, rttMs: 1 })
    bench.go({ type: 'received', stream: 1, message: hello, bytes: 9, cursorValid: false })
    bench.go({ type: 'headsRead', stream: 1, tips: [] })
    const heads = { type: 'heads', tips: [tip], position: hello.position } as const
    bench.go({ type: 'received', stream: 1, message: heads, bytes: 9, applied: [false] })
    for (let passed = 0; passed < 90_000; passed += 1000) {
      bench.now += 1000
      bench.go({ type: 'wake' })
    }
    const { wanted, wants } = waitingOf(bench.state, bench.now, 10)
    assert.equal(wanted, 1)
    assert.deepEqual(wants[0]?.tip, tip)
    assert.deepEqual(wants[0]?.shownBy, [author(2)])
    assert.ok(wants[0]!.openMs >= 90_000)
  })
})

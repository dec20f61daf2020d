/** Batches that a gap holds back: tried again only for a reason, and credited to nobody who has not shown them. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { DEFAULT_LIMITS } from '../../src/base/index.js'
import type { Author, Batch, BatchId, Dep, Epoch, Message, ShortId, StoreId } from '../../src/log/index.js'
import { encodeBody, makeBatch, NO_BATCH, tipOf } from '../../src/log/index.js'
import type { Effect, Event, State } from '../../src/replication/index.js'
import { createState, heldSince, inSync, step } from '../../src/replication/index.js'
import { DATABASE } from '../log/fixtures.js'
import { Simulation } from './simulation.js'

const epoch = '0000000100000001' as Epoch

function author(n: number): Author {
  return n.toString(16).padStart(2, '0').repeat(32) as Author
}

function batchOf(n: number, deps: readonly Dep[] = [], seq = 1, previous: BatchId = NO_BATCH): Batch {
  const time = { ms: 1, counter: 0 }
  const fields = { database: DATABASE, author: author(n), epoch, seq, previous, opCount: 0, time }
  return makeBatch({ ...fields, deps, extensions: [] }, encodeBody([]), nodeCrypto)
}

function depOn({ header, id }: Batch): Dep {
  return { author: header.author, epoch: header.epoch, seq: header.seq, id }
}

describe('a batch that names what there is not', () => {
  const lies: [string, (dep: Dep) => Dep][] = [
    ['an applied batch under another seq', dep => ({ ...dep, seq: 999 })],
    ['an applied batch under another author', dep => ({ ...dep, author: author(77) })],
    [
      'half of the id of an applied batch',
      dep => ({ ...dep, id: (dep.id.slice(0, 32) + 'e'.repeat(32)) as BatchId })
    ]
  ]
  for (const [what, lie] of lies) {
    it(`${what}: is tried once, also when gossip brings it again`, () => {
      const sim = new Simulation({ seed: 20 })
      const [a, b] = [sim.node(), sim.node()]
      const real = a.write('real')
      const bad = batchOf(66, [lie(depOn(real))])
      for (let i = 0; i < 5; i++) {
        a.gossip(b, [bad])
        sim.run(100)
      }
      assert.equal(a.applies, 1)
      assert.ok(!a.state.parking.has(tipOf(bad).id), 'nothing waits for what cannot come')
    })

    it(`${what}: is given up when that batch comes, with all that stands on it`, () => {
      const sim = new Simulation({ seed: 21 })
      const [a, b] = [sim.node(), sim.node()]
      const real = a.write('real')
      const bad = batchOf(66, [lie(depOn(real))])
      const behind = batchOf(66, [], 2, bad.id)
      b.gossip(a, [bad])
      b.gossip(a, [behind])
      sim.run(100)
      b.gossip(a, [real])
      sim.run(100)
      assert.equal(b.store.log.length, 1)
      assert.ok(b.applies <= 6, `${b.applies} tries`)
      assert.equal(b.state.parking.bytes(a.author), 0)
    })
  }

  it('is visible at the node to which it is shown, and holds up nothing but its own sender', () => {
    const sim = new Simulation({ seed: 22 })
    const [a, b] = [sim.node(), sim.node()]
    const real = a.write('real')
    sim.connect(a, b)
    sim.converge(500)
    sim.run(100)
    const [stream] = a.state.streams.keys()
    const message: Message = { type: 'run', batches: [batchOf(66, [{ ...depOn(real), seq: 9 }])], proof: [] }
    a.receive(stream!, message)
    sim.run(5000)
    a.receive(stream!, message)
    sim.run(100)
    assert.equal(a.troubles.length, 1)
    assert.ok(!a.inSync(b))
    assert.equal(a.applies, 1)
    sim.run(60_000)
    const wants = a.sent.filter(({ type }) => type === 'want')
    assert.equal(wants.length, 0, 'what can never be applied is not asked for')
    b.write('after')
    sim.run(100)
    assert.equal(a.store.log.length, 2)
  })
})

describe('what was committed between the verdict of the store and now', () => {
  it('is a reason to try again, once', () => {
    const { state, go } = machine()
    const real = batchOf(10)
    const next = batchOf(11, [depOn(real)])
    const [apply] = go({ type: 'gossiped', from: author(2), batches: [next] })
    assert.ok(apply?.type === 'apply')
    go({ type: 'committed', applied: [{ batch: real, mark: markAt(1), local: false }] })
    const results = { type: 'results', stream: null, from: author(2), bytes: 0, proof: [] } as const
    const outcomes = [{ batch: next, status: 'missing', missing: [tipOf(real)] }] as const
    const again = go({ ...results, since: apply.since, outcomes }).filter(({ type }) => type === 'apply')
    assert.equal(again.length, 1)
    const last = go({ ...results, since: 1, outcomes }).filter(({ type }) => type === 'apply')
    assert.equal(last.length, 0)
    assert.equal(state.applying.size, 0)
  })
})

describe('what batches of one run wait for', () => {
  it('is credited only to those that showed the batch which waits for it', () => {
    const { state, go } = machine()
    const [p, r] = [author(2), author(3)]
    const [d1, d2] = [batchOf(10), batchOf(11)]
    const [x1, x2] = [batchOf(12, [depOn(d1)]), batchOf(13, [depOn(d2)])]
    for (const [stream, peer, position] of [
      [1, p, 9],
      [2, r, 2]
    ] as const) {
      go({ type: 'opened', stream, peer, outbound: false, rttMs: 1 })
      go(received(stream, helloOf(stream, position)))
      go({ type: 'headsRead', stream, tips: [] })
    }
    // R has the first pair, and nothing else; P has both.
    go({ ...received(2, { type: 'heads', tips: [tipOf(x1)], position: markAt(2) }), applied: [false] })
    const tips = [tipOf(x1), tipOf(x2)]
    go({ ...received(1, { type: 'heads', tips, position: markAt(9) }), applied: [false, false] })
    go(received(1, { type: 'run', batches: [x1, x2], proof: [] }))
    go({
      type: 'results',
      stream: 1,
      from: p,
      bytes: 99,
      since: 0,
      proof: [],
      outcomes: [
        { batch: x1, status: 'missing', missing: [tipOf(d1)] },
        { batch: x2, status: 'missing', missing: [tipOf(d2)] }
      ]
    })
    go({ type: 'committed', applied: [{ batch: d2, mark: markAt(1), local: false }] })
    assert.equal(heldSince(state, r, tipOf(d2), 1), undefined)
    assert.equal(state.accounts.get(r)?.acked, 0)
    assert.ok(state.streams.get(2)?.pending.has(tipOf(d2).id), 'R is shown what it lacks')
    assert.ok(!state.streams.get(1)?.pending.has(tipOf(d2).id), 'P has it by its own word')
  })
})

describe('a batch of a format that is not known here', () => {
  const newer = author(10)

  it('is never acknowledged, nor what comes behind it, and this is visible', () => {
    const { state, effects, go } = machine()
    go({ type: 'opened', stream: 1, peer: author(2), outbound: false, rttMs: 1 })
    go(received(1, helloOf(1, 0)))
    go({ type: 'headsRead', stream: 1, tips: [] })
    const before = batchOf(11)
    const after = batchOf(12)
    go(received(1, { type: 'run', batches: [before], proof: [], position: markAt(1) }))
    go(received(1, { type: 'run', batches: [], proof: [], position: markAt(2), skipped: [newer] }))
    go(received(1, { type: 'run', batches: [after], proof: [], position: markAt(3) }))
    for (let i = 4; i < 100; i++) go(received(1, { type: 'heads', tips: [], position: markAt(i) }))
    for (const [i, batch] of [before, after].entries()) {
      go({ type: 'committed', applied: [{ batch, mark: markAt(i + 1), local: false }] })
    }
    const acks = effects.flatMap(effect =>
      effect.type === 'send' && effect.message.type === 'ack' ? [effect.message.position] : []
    )
    assert.equal(Math.max(...acks), 1)
    assert.equal(state.accounts.get(author(2))?.theirs?.position, 1)
    const stream = state.streams.get(1)!
    assert.ok(stream.shown.length <= 1, 'marks that cannot be acknowledged are not collected')
    assert.match(stream.trouble ?? '', /newer format/)
    assert.ok(!inSync(state, author(2)))
    assert.equal(effects.filter(({ type }) => type === 'trouble').length, 1)
  })

  it('is asked for again less and less often, of however many peers', () => {
    const { effects, go, wait } = machine()
    const tip = { author: newer, epoch, seq: 1, id: 'ab'.repeat(16) as ShortId }
    for (const n of [2, 3, 4, 5]) {
      go({ type: 'opened', stream: n, peer: author(n), outbound: false, rttMs: 1 })
      go(received(n, helloOf(n, 5)))
      go({ type: 'headsRead', stream: n, tips: [] })
      go({ ...received(n, { type: 'heads', tips: [tip], position: markAt(5) }), applied: [false] })
    }
    let wants = 0
    let seen = 0
    for (let passed = 0; passed < 600_000; passed += 50) {
      for (; seen < effects.length; seen++) {
        const effect = effects[seen]!
        if (effect.type !== 'send' || effect.message.type !== 'want') continue
        wants++
        go(received(effect.stream, { type: 'run', batches: [], proof: [], skipped: [newer] }))
      }
      wait(50)
      for (const n of [2, 3, 4, 5]) go(received(n, { type: 'credit', bytes: 1 }))
      go({ type: 'wake' })
    }
    assert.ok(wants <= 30, `${wants} WANTs in ten minutes`)
  })
})

function markAt(position: number) {
  return { position, check: String(position).padStart(16, '0') }
}

function helloOf(n: number, position: number): Message {
  return {
    type: 'hello',
    protocol: 1,
    database: DATABASE,
    store: String(n).repeat(16) as StoreId,
    durable: true,
    position: markAt(position),
    digest: 'f'.repeat(32),
    yours: [],
    window: 1_000_000
  }
}

function received(stream: number, message: Message) {
  return { type: 'received', stream, message, bytes: 99, cursorValid: false } as const
}

interface Machine {
  readonly state: State
  /** All that were given so far. */
  readonly effects: Effect[]
  go(event: Event): Effect[]
  wait(ms: number): void
}

function machine(): Machine {
  const state = createState({
    author: author(1),
    database: DATABASE,
    store: '1'.repeat(16) as StoreId,
    durable: true,
    mark: markAt(0),
    tips: [],
    lastOwn: 0,
    hashes: nodeCrypto,
    seed: 1,
    intervalMs: 10_000,
    timeoutMs: 30_000,
    differential: true,
    limits: DEFAULT_LIMITS
  })
  let now = 1000
  const effects: Effect[] = []
  return {
    state,
    effects,
    go: event => {
      const given = step(state, event, ++now)
      effects.push(...given)
      return given
    },
    wait: ms => {
      now += ms
    }
  }
}

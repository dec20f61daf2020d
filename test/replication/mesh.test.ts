/** Replication over streams that come and go: it converges, claims nothing false, and sends little twice. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import type { Batch } from '../../src/log/index.js'
import { helloTo } from '../../src/replication/index.js'
import { testSeed } from '../support/random.js'
import type { SimNode } from './simulation.js'
import { checkAccounts, Simulation } from './simulation.js'

function mesh(sim: Simulation, count: number): SimNode[] {
  const nodes = Array.from({ length: count }, () => sim.node())
  for (const [i, node] of nodes.entries()) for (const other of nodes.slice(i + 1)) sim.connect(node, other)
  return nodes
}

function copiesPerNode(nodes: readonly SimNode[], batches: readonly Batch[]): number {
  let copies = 0
  for (const batch of batches) for (const node of nodes) copies += node.copies(batch)
  return copies / (batches.length * (nodes.length - 1))
}

describe('two nodes', () => {
  it('in step, exchange nothing but HELLO', () => {
    const sim = new Simulation({ seed: 1 })
    const [a, b] = mesh(sim, 2) as [SimNode, SimNode]
    sim.run(100)
    assert.deepEqual(
      a.sent.map(message => message.type),
      ['hello']
    )
    assert.deepEqual(
      b.sent.map(message => message.type),
      ['hello']
    )
    assert.ok(a.inSync(b) && b.inSync(a))
    assert.equal(a.rounds[0]?.ok, true)
    assert.equal(a.rounds[0]?.roundTrips, 1)
  })

  it('push what they write, once, and acknowledge it', () => {
    const sim = new Simulation({ seed: 2 })
    const [a, b] = mesh(sim, 2) as [SimNode, SimNode]
    sim.run(100)
    const batches: Batch[] = []
    for (let i = 0; i < 50; i++) {
      batches.push((i % 3 === 0 ? b : a).write(`value ${i}`))
      sim.run(sim.between(0, 5))
    }
    sim.converge(100)
    sim.run(100)
    assert.equal(copiesPerNode([a, b], batches), 1)
    assert.equal(a.acked(b), 50)
    assert.equal(b.acked(a), 50)
    assert.ok(!a.sent.some(message => message.type === 'heads'), 'no HEADS where everything is pushed')
    assert.ok(a.inSync(b) && b.inSync(a))
  })

  it('fetch only what was missed while they were apart', () => {
    const sim = new Simulation({ seed: 3 })
    const [a, b] = mesh(sim, 2) as [SimNode, SimNode]
    sim.run(50)
    for (let i = 0; i < 200; i++) a.write(`before ${i}`)
    sim.converge(1000)
    sim.run(20_000)
    sim.cutAll()
    const missed = Array.from({ length: 10 }, (_, i) => a.write(`missed ${i}`))
    b.received.length = 0
    sim.connect(a, b)
    sim.converge(200)
    const runs = b.received.filter(message => message.type === 'run')
    assert.deepEqual(
      runs.flatMap(run => run.batches.map(batch => batch.id)),
      missed.map(batch => batch.id)
    )
    const heads = b.received.filter(message => message.type === 'heads')
    assert.equal(heads.flatMap(message => message.tips).length, 1)
    sim.run(50)
    assert.equal(a.acked(b), 210)
    assert.equal(b.rounds.at(-1)?.roundTrips, 2)
  })

  it('keep one of two streams that they opened at once, the same at both ends', () => {
    for (let seed = 0; seed < 20; seed++) {
      const sim = new Simulation({ seed })
      const [a, b] = [sim.node(), sim.node()]
      sim.connect(a, b, true)
      sim.run(300)
      assert.equal(a.state.byPeer.size, 1)
      assert.equal(a.state.byPeer.get(b.author)?.outbound, true)
      assert.equal(b.state.byPeer.get(a.author)?.outbound, false)
      a.write('x')
      sim.converge(200)
    }
  })

  it('give up a stream that is silent', () => {
    const sim = new Simulation({ seed: 4 })
    const [a, b] = mesh(sim, 2) as [SimNode, SimNode]
    sim.run(100)
    b.stopped = true
    a.write('unheard')
    sim.run(60_000)
    assert.match(a.closes[0]?.reason ?? '', /no frame/)
    assert.equal(a.acked(b), 0)
  })
})

describe('a restored copy', () => {
  it('is told everything it lost, of its own log too, and its cursor is void', () => {
    const sim = new Simulation({ seed: 5 })
    const [a, b] = mesh(sim, 2) as [SimNode, SimNode]
    sim.run(50)
    for (let i = 0; i < 20; i++) {
      a.write(`a${i}`)
      b.write(`b${i}`)
      sim.run(5)
    }
    sim.converge(1000)
    b.restart(b.store.restored(sim.storeId(), 12))
    const own = b.write('written before it met anybody')
    sim.connect(a, b)
    sim.converge(1000)
    assert.equal(b.store.log.length, 41)
    assert.ok(a.store.batchOf(own.id.slice(0, 32) as never))
    sim.run(100)
    checkAccounts(sim)
    assert.equal(a.acked(b), a.store.log.length)
  })
})

describe('a HELLO on a short stream', () => {
  const answer = (a: SimNode, b: SimNode) => {
    const { mark } = a.store
    const sent = { digest: a.store.frontier.digest(nodeCrypto), mark }
    const theirs = b.saved.get(a.author)?.theirs
    const hello = helloTo(
      b.state,
      a.author,
      { digest: b.store.frontier.digest(nodeCrypto), mark: b.store.mark },
      theirs
    )
    const cursorValid = theirs !== undefined && a.store.marks[theirs.position]?.check === theirs.check
    a.dispatch({ type: 'answered', peer: b.author, hello, cursorValid, sent })
  }

  it('takes back what a peer acknowledged that lost it since', () => {
    const sim = new Simulation({ seed: 17 })
    const [a, b] = mesh(sim, 2) as [SimNode, SimNode]
    sim.run(50)
    for (let i = 0; i < 10; i++) a.write(`a${i}`)
    sim.converge(1000)
    sim.run(100)
    assert.equal(a.acked(b), 10)
    b.restart(b.store.restored(sim.storeId(), 4))
    answer(a, b)
    assert.equal(a.acked(b), 0)
    assert.equal(a.saved.get(b.author)?.acked, 0, 'on disk as well')
    checkAccounts(sim)
  })

  it('that shows equal digests stands for everything', () => {
    const sim = new Simulation({ seed: 18 })
    const [a, b] = mesh(sim, 2) as [SimNode, SimNode]
    sim.run(50)
    for (let i = 0; i < 10; i++) a.write(`a${i}`)
    sim.converge(1000)
    sim.cutAll()
    a.state.accounts.clear()
    answer(a, b)
    assert.equal(a.acked(b), 10)
  })
})

describe('a peer that is forgotten', () => {
  it('leaves no account that could be saved again', () => {
    const sim = new Simulation({ seed: 19 })
    const [a, b] = mesh(sim, 2) as [SimNode, SimNode]
    sim.run(50)
    a.write('x')
    sim.converge(1000)
    sim.run(100)
    a.dispatch({ type: 'forgotten', peer: b.author })
    a.saved.clear()
    b.write('y')
    a.write('z')
    sim.run(30_000)
    assert.equal(a.saved.size, 0)
    assert.equal(a.state.accounts.size, 0)
  })
})

describe('a fork', () => {
  it('brings both branches to everybody, also where nothing that is named is common', () => {
    const sim = new Simulation({ seed: 6 })
    const [a, b, c] = [sim.node(), sim.node(), sim.node()]
    const first: Batch[] = []
    for (let i = 0; i < 6; i++) first.push(a.write(`trunk ${i}`))
    const left = a.store.draft('left', first[5])
    const left2 = a.store.draft('left 2', left)
    const right = a.store.draft('right', first[2])
    const right2 = a.store.draft('right 2', right)
    for (const [node, branch] of [
      [b, [...first, left, left2]],
      [c, [...first.slice(0, 3), right, right2]]
    ] as const) {
      const { applied } = node.store.apply(branch)
      node.dispatch({ type: 'committed', applied })
    }
    sim.connect(b, c)
    sim.connect(a, b)
    sim.converge(2000)
    assert.equal(c.store.log.length, 10)
    assert.ok(
      [...b.sent, ...c.sent].some(message => message.type === 'err' && message.code === 'NO_COMMON'),
      'the branches had to be joined further back'
    )
    sim.run(100)
    checkAccounts(sim)
  })
})

describe('three nodes', () => {
  it('carry each batch once per node', () => {
    const sim = new Simulation({ seed: testSeed('three nodes') })
    const nodes = mesh(sim, 3)
    sim.run(200)
    const batches: Batch[] = []
    for (let i = 0; i < 300; i++) {
      batches.push(nodes[i % 3]!.write(`value ${i}`))
      sim.run(sim.between(0, 10))
    }
    sim.converge(1000)
    sim.run(1500)
    const copies = copiesPerNode(nodes, batches)
    assert.ok(copies <= 1.1, `${copies} copies a node`)
    checkAccounts(sim)
    for (const node of nodes) {
      for (const peer of nodes) if (peer !== node) assert.ok(node.inSync(peer), 'in sync')
    }
  })

  it('relay between two that have no stream', () => {
    const sim = new Simulation({ seed: 7 })
    const [a, b, c] = [sim.node(), sim.node(), sim.node()]
    sim.connect(a, b)
    sim.connect(b, c)
    sim.run(200)
    const batch = a.write('to the far end')
    assert.ok(sim.converge(300) <= 200)
    assert.equal(c.copies(batch), 1)
  })

  it('wait for a batch that another node is about to push', () => {
    const sim = new Simulation({ seed: 8 })
    const nodes = mesh(sim, 3)
    sim.run(200)
    const [a, b, c] = nodes as [SimNode, SimNode, SimNode]
    const first = a.write('first')
    sim.run(30)
    const second = b.write('second', [first])
    sim.converge(300)
    assert.equal(c.copies(first) + c.copies(second), 2)
  })
})

describe('gossip', () => {
  it('shows nothing: a batch whose predecessor nobody has shown waits for a stream', () => {
    const sim = new Simulation({ seed: 9 })
    const [a, b] = [sim.node(), sim.node()]
    const batches = [a.write('one'), a.write('two'), a.write('three')]
    b.gossip(a, [batches[2]!])
    sim.run(100)
    assert.equal(b.store.log.length, 0)
    assert.ok(b.state.parking.has(batches[2]!.id.slice(0, 32) as never))
    sim.connect(a, b)
    sim.converge(500)
    assert.equal(b.copies(batches[2]!), 0, 'what is parked is not fetched again')
  })
})

describe('bounds', () => {
  it('park no more than the limit of a peer, and converge all the same', () => {
    const limits = {
      neighbours: 16,
      windowBytes: 2 ** 21,
      parkedBytesPerPeer: 2000,
      parkedBatchesPerAuthor: 4
    }
    const sim = new Simulation({ seed: 10, init: { limits } })
    const [a, b] = [sim.node(), sim.node()]
    const batches = Array.from({ length: 40 }, (_, i) => a.write(`value ${i}`))
    for (const batch of batches.slice(1).reverse()) {
      b.gossip(a, [batch])
      sim.run(2)
    }
    assert.ok(b.state.parking.bytes(a.author) <= 2000)
    sim.connect(a, b)
    sim.converge(2000)
  })

  it('send nothing beyond the window of a peer that takes nothing', () => {
    const limits = {
      neighbours: 16,
      windowBytes: 4000,
      parkedBytesPerPeer: 2 ** 20,
      parkedBatchesPerAuthor: 1024
    }
    const sim = new Simulation({ seed: 11, init: { limits } })
    const [a, b] = mesh(sim, 2) as [SimNode, SimNode]
    sim.run(50)
    b.stopped = true
    const before = a.sent.length
    for (let i = 0; i < 500; i++) {
      a.write('x'.repeat(100))
      sim.run(10)
    }
    const runs = a.sent.slice(before).filter(message => message.type === 'run')
    assert.ok(runs.length <= 20, `${runs.length} runs`)
    const heads = a.sent.slice(before).filter(message => message.type === 'heads')
    for (const { tips } of heads) assert.equal(tips.length, 1)
    b.goOn()
    sim.converge(20_000)
  })

  it('push again soon after a moment without credit, also for one who writes all the time', () => {
    const limits = {
      neighbours: 16,
      windowBytes: 20_000,
      parkedBytesPerPeer: 2 ** 20,
      parkedBatchesPerAuthor: 1024
    }
    const sim = new Simulation({ seed: 23, init: { limits } })
    const [a, b] = mesh(sim, 2) as [SimNode, SimNode]
    sim.run(50)
    const batches: Batch[] = []
    const write = (count: number) => {
      for (let i = 0; i < count; i++) {
        batches.push(a.write('x'.repeat(100)))
        sim.run(2)
      }
    }
    write(100)
    b.stopped = true
    write(200)
    b.goOn()
    write(200)
    const before = a.sent.length
    write(500)
    const heads = a.sent.slice(before).filter(({ type }) => type === 'heads')
    assert.ok(heads.length <= 2, `${heads.length} HEADS`)
    assert.equal(b.sent.slice(-50).filter(({ type }) => type === 'want').length, 0)
    sim.converge(1000)
    assert.equal(copiesPerNode([a, b], batches.slice(-500)), 1)
    checkAccounts(sim)
  })

  it('hold frames back while the write buffer is full', () => {
    const sim = new Simulation({ seed: 12 })
    const [a, b] = mesh(sim, 2) as [SimNode, SimNode]
    sim.run(50)
    const [stream] = a.state.streams.keys()
    a.dispatch({ type: 'choked', stream: stream!, choked: true })
    const before = a.sent.length
    for (let i = 0; i < 100; i++) {
      a.write(`value ${i}`)
      b.write(`other ${i}`)
      sim.run(20)
    }
    assert.equal(a.sent.length, before)
    a.dispatch({ type: 'choked', stream: stream!, choked: false })
    sim.converge(500)
    sim.run(200)
    assert.equal(b.acked(a), 200)
  })

  it('refuse a further neighbour, with a time to come again', () => {
    const limits = {
      neighbours: 2,
      windowBytes: 2 ** 20,
      parkedBytesPerPeer: 2 ** 20,
      parkedBatchesPerAuthor: 64
    }
    const sim = new Simulation({ seed: 13, init: { limits } })
    const hub = sim.node()
    const others = [sim.node(), sim.node(), sim.node()]
    for (const other of others) {
      sim.connect(other, hub)
      sim.run(100)
    }
    assert.equal(hub.state.byPeer.size, 2)
    assert.match(others[2]!.closes[0]?.reason ?? '', /BUSY/)
    assert.ok(others[2]!.closes[0]!.againMs >= 1000)
  })
})

describe('a node of another network', () => {
  it('is refused for good', () => {
    const sim = new Simulation({ seed: 14 })
    const [a, b] = [sim.node(), sim.node()]
    a.state = { ...a.state, init: { ...a.state.init, database: 'f'.repeat(64) as never } }
    a.write('x')
    sim.connect(a, b)
    sim.run(200)
    assert.equal(b.store.log.length, 0)
    assert.equal(b.closes[0]?.againMs, Number.POSITIVE_INFINITY)
  })
})

describe('whoever breaks the protocol', () => {
  for (const [what, message] of [
    ['acknowledges what was not shown', { type: 'ack', position: 7 }],
    ['greets twice', undefined]
  ] as const) {
    it(`${what} is reset and counted`, () => {
      const sim = new Simulation({ seed: 15 })
      const [a, b] = mesh(sim, 2) as [SimNode, SimNode]
      sim.run(100)
      const hello = b.sent[0]!
      const [stream] = a.state.streams.keys()
      a.dispatch({ type: 'received', stream: stream!, message: message ?? hello, bytes: 10 })
      assert.equal(a.closes[0]?.violation, true)
      assert.equal(a.state.streams.size, 0)
    })
  }
})

describe('digests that differ though nothing is on its way', () => {
  it('have full heads compared, then the own disk checked', () => {
    const sim = new Simulation({ seed: 16 })
    const [a, b] = mesh(sim, 2) as [SimNode, SimNode]
    sim.run(100)
    a.write('x')
    sim.converge(200)
    sim.run(100)
    // What a damaged index looks like from outside: the same log, another digest.
    a.state.digest = 'f'.repeat(32)
    a.write = () => assert.fail()
    sim.run(100_000)
    assert.ok(a.suspects.includes(b.author))
    assert.ok(b.sent.some(message => message.type === 'heads'))
  })
})

describe('chaos', () => {
  it('ends with everybody holding everything', () => {
    const first = testSeed('chaos')
    for (let seed = first; seed < first + 8; seed++) {
      const tight = {
        neighbours: 16,
        windowBytes: 3000,
        parkedBytesPerPeer: 1500,
        parkedBatchesPerAuthor: 3
      }
      const sim = new Simulation({ seed, latencyMs: [1, 60], init: seed % 2 === 0 ? {} : { limits: tight } })
      const nodes = Array.from({ length: 2 + (seed % 4) }, () => sim.node())
      const last: Batch[] = []
      for (let i = 0; i < 150; i++) {
        const node = nodes[sim.random.below(nodes.length)]!
        const other = nodes[sim.random.below(nodes.length)]!
        const dice = sim.random.fraction()
        if (dice < 0.6) {
          const seen = last.filter(batch => node.store.has(batch.id.slice(0, 32) as never))
          last.push(node.write(`value ${i}`, sim.random.below(2) === 0 ? seen.slice(-2) : []))
        } else if (dice < 0.8 && node !== other && !sim.linked(node, other)) {
          sim.connect(node, other, sim.random.below(4) === 0)
        } else if (dice < 0.85 && last.length > 0 && node !== other) {
          const batch = last.at(-1)!
          if (other.store.has(batch.id.slice(0, 32) as never)) node.gossip(other, [batch])
        } else if (dice < 0.92) {
          const links = [...sim.links]
          if (links.length > 0) sim.cut(links[sim.random.below(links.length)]!)
        } else if (dice < 0.95) node.restart()
        sim.run(sim.between(0, 80))
        checkAccounts(sim)
      }
      sim.cutAll()
      for (const [i, node] of nodes.entries()) if (i > 0) sim.connect(node, nodes[i - 1]!)
      sim.converge(5000)
      sim.run(25_000)
      checkAccounts(sim)
      for (const [i, node] of nodes.entries()) {
        if (i > 0) assert.ok(node.inSync(nodes[i - 1]!), `in sync (seed ${seed}): ${sim.describe()}`)
        assert.deepEqual(node.suspects, [])
        assert.deepEqual(node.troubles, [])
        assert.ok(!node.closes.some(close => close.violation), `no violation (seed ${seed})`)
      }
    }
  })
})

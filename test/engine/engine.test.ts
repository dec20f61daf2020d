/** Nodes with real stores over a network in memory: live, after absence, after restarts, and beside a liar. */
import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import type { SyncRound } from '../../src/base/index.js'
import { DEFAULT_LIMITS, utf8 } from '../../src/base/index.js'
import type { Batch, BatchId, DatabaseId, Dep, Epoch, Hello, StoreId } from '../../src/log/index.js'
import { authorOf, encodeBody, makeBatch, NO_BATCH, OP_KIND, signedMessage } from '../../src/log/index.js'
import { SyncFrame } from '../../src/wire/generated/sync-ops.js'
import { encodeGossip, SyncEncoder } from '../../src/wire/index.js'
import { Seeded, START_MS } from '../log/fixtures.js'
import { until } from '../support/until.js'
import type { NodeInit, TestNode } from './support.js'
import { Cluster, copyOf } from './support.js'

const clusters: Cluster[] = []

async function mesh(count: number, init: NodeInit = {}): Promise<{ cluster: Cluster; nodes: TestNode[] }> {
  const cluster = new Cluster({ gossip: false, ...init })
  clusters.push(cluster)
  const nodes = await cluster.mesh(count)
  await cluster.settled()
  return { cluster, nodes }
}

afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.stop()
})

describe('live', () => {
  it('carries writes of every node to every node', async () => {
    const { cluster, nodes } = await mesh(3)
    await Promise.all(
      nodes.flatMap((node, n) => Array.from({ length: 20 }, (_, i) => node.put(`${n}/${i}`, `v${i}`)))
    )
    await cluster.settled()
    for (const node of nodes) assert.equal(await node.get('2/19'), 'v19')
  })

  it('is quick, and both sides know that it is done', async () => {
    const { nodes } = await mesh(2)
    const [a, b] = nodes as [TestNode, TestNode]
    const committed = await a.put('key', 'value')
    const tip = await a.tipOf(committed)
    await until('the receipt', 1000, () => a.engine.holds(b.author, tip, committed.position))
    assert.equal(await b.get('key'), 'value')
  })

  it('carries large values, whole', async () => {
    const { cluster, nodes } = await mesh(2)
    const value = 'x'.repeat(3_000_000)
    for (let i = 0; i < 4; i++) {
      await nodes[0]!.store.write({
        ops: [{ kind: OP_KIND.put, key: utf8(`large ${i}`), value: utf8(JSON.stringify(value)) }]
      })
      await nodes[1]!.put(`small ${i}`, 'x')
    }
    await cluster.settled()
    assert.equal(await nodes[1]!.get('large 3'), value)
  })

  it('resolves concurrent writes alike everywhere', async () => {
    const { cluster, nodes } = await mesh(3)
    await Promise.all(nodes.map((node, n) => node.put('contested', `by ${n}`)))
    await cluster.settled()
    const values = new Set(await Promise.all(nodes.map(node => node.get('contested'))))
    assert.equal(values.size, 1)
  })
})

describe('after absence', () => {
  it('catches up with two thousand batches', async () => {
    const cluster = new Cluster({ gossip: false })
    clusters.push(cluster)
    const a = await cluster.node()
    for (let i = 0; i < 2000; i++) await a.put(`key ${i % 500}`, `value ${i}`)
    const b = await cluster.node()
    cluster.network.connect(a.author, b.author)
    await cluster.settled()
    assert.equal(b.store.mark.position, 2000)
  })

  it('heals a partition, with what both sides wrote', async () => {
    const { cluster, nodes } = await mesh(5)
    const ids = nodes.map(node => node.author)
    cluster.network.part(ids.slice(0, 2), ids.slice(2))
    await Promise.all(nodes.map((node, n) => node.put('same', `side ${n < 2 ? 'left' : 'right'}`)))
    await Promise.all(nodes.map((node, n) => node.put(`own ${n}`, 'x')))
    cluster.network.connectAll(ids)
    await cluster.settled()
    const cell = await nodes[0]!.store.get(utf8('same'))
    assert.ok(cell!.heads.length >= 2, 'what was written apart is concurrent')
  })

  it('costs one round trip and at most 512 bytes when nothing differs', async () => {
    const { cluster, nodes } = await mesh(2)
    const [a, b] = nodes as [TestNode, TestNode]
    for (let i = 0; i < 20; i++) await a.put(`key ${i}`, 'x')
    await cluster.settled()
    cluster.network.cut(a.author, b.author)
    const rounds: SyncRound[] = []
    a.engine.onRound(round => rounds.push(round))
    cluster.network.connect(a.author, b.author)
    const round = await until('a round', 3000, () => rounds.find(({ status }) => status === 'ok'))
    assert.equal(round.roundTrips, 1)
    assert.ok(round.bytesSent + round.bytesReceived <= 512, `${round.bytesSent + round.bytesReceived} bytes`)
  })

  it('costs what is missing, not what there is', async () => {
    const { cluster, nodes } = await mesh(2)
    const [a, b] = nodes as [TestNode, TestNode]
    for (let i = 0; i < 500; i++) await a.put(`key ${i}`, 'x')
    await cluster.settled()
    cluster.network.cut(a.author, b.author)
    const before = a.store.status().bytes
    for (let i = 0; i < 100; i++) await a.put(`missed ${i}`, 'x'.repeat(100))
    const missed = a.store.status().bytes - before
    const rounds: SyncRound[] = []
    a.engine.onRound(round => rounds.push(round))
    cluster.network.connect(a.author, b.author)
    await cluster.settled()
    const round = await until('a round', 3000, () => rounds.find(({ status }) => status === 'ok'))
    const bytes = round.bytesSent + round.bytesReceived
    assert.ok(bytes <= 1.2 * missed + 1024, `${bytes} bytes for ${missed} bytes of ops`)
    assert.ok(round.roundTrips <= 2)
    assert.equal(round.sent, 100)
  })
})

describe('a large batch that is cut off', () => {
  it('is continued where it ended', async () => {
    const { cluster, nodes } = await mesh(2)
    const [a, b] = nodes as [TestNode, TestNode]
    b.net.cutAfter(a.author, 4_000_000)
    const value = utf8(JSON.stringify('x'.repeat(7_000_000)))
    await a.store.write({ ops: [{ kind: OP_KIND.put, key: utf8('large'), value }] })
    await until('the cut', 5000, () => !cluster.network.isLinked(a.author, b.author))
    const before = (await b.engine.session(a.author)).bytesReceived
    cluster.network.connect(a.author, b.author)
    await cluster.settled()
    const rest = (await b.engine.session(a.author)).bytesReceived - before
    assert.ok(rest < 4_000_000, `${rest} bytes after the cut`)
    assert.equal((await b.get('large'))?.length, 7_000_000)
  })
})

describe('more large batches at a time than there is room for', () => {
  it('are put off, and blamed on nobody', async () => {
    const { cluster, nodes } = await mesh(2, { limits: { stagedBytes: 1_000_000 } })
    const [a, b] = nodes as [TestNode, TestNode]
    const value = utf8(JSON.stringify('x'.repeat(3_000_000)))
    await a.store.write({ ops: [{ kind: OP_KIND.put, key: utf8('large'), value }] })
    const session = () => b.engine.session(a.author)
    await until('the refusal', 5000, async () => (await session()).lastError !== null)
    assert.match((await session()).lastError ?? '', /large batches/)
    const told = await until(
      'its word',
      5000,
      async () => (await a.engine.session(b.author)).lastError ?? undefined
    )
    assert.match(told, /UNAVAILABLE/)
    for (const node of cluster.nodes) assert.deepEqual(node.net.penalties, [])
  })
})

describe('restarts', () => {
  it('goes on from its disk', async () => {
    const { cluster, nodes } = await mesh(3)
    const [a, b] = nodes as [TestNode, TestNode]
    for (let i = 0; i < 10; i++) await a.put(`before ${i}`, 'x')
    await cluster.settled()
    await b.stop()
    for (let i = 0; i < 10; i++) await a.put(`while away ${i}`, 'x')
    await b.start()
    await b.put('after', 'x')
    await cluster.settled()
    const session = await a.engine.session(b.author)
    assert.equal(session.state, 'current')
    assert.deepEqual(session.theyLack, { ops: 0, bytes: 0, oldestMs: 0 })
  })

  it('knows after a restart what its peers had acknowledged', async () => {
    const { nodes } = await mesh(2)
    const [a, b] = nodes as [TestNode, TestNode]
    const committed = await a.put('key', 'value')
    const tip = await a.tipOf(committed)
    await until('the receipt', 1000, () => a.engine.holds(b.author, tip, committed.position))
    await until('the account on disk', 3000, async () => {
      const record = [...a.store.peers()][0]?.[1]
      return (record?.acked ?? 0) >= committed.position
    })
    await b.stop()
    await a.stop()
    await a.start()
    assert.ok(a.engine.holds(b.author, tip, committed.position))
  })
})

describe('rounds on demand', () => {
  it('end in one round trip when nothing differs', async () => {
    const { nodes } = await mesh(2)
    const [a, b] = nodes as [TestNode, TestNode]
    const round = await a.engine.syncNow(b.author, { timeout: 3000 })
    assert.equal(round.status, 'ok')
    assert.equal(round.roundTrips, 1)
  })

  it('fail with a reason when the peer cannot be reached', async () => {
    const { cluster, nodes } = await mesh(2, { sync: { maxRetries: 1 } })
    const [a, b] = nodes as [TestNode, TestNode]
    cluster.network.cut(a.author, b.author)
    const round = await a.engine.syncNow(b.author, { timeout: 1000 })
    assert.equal(round.status, 'failed')
    assert.ok(round.reason)
  })

  it('can be given up', async () => {
    const { nodes } = await mesh(2)
    const controller = new AbortController()
    controller.abort()
    await assert.rejects(nodes[0]!.engine.syncNow(nodes[1]!.author, { signal: controller.signal }), {
      code: 'ABORTED'
    })
  })
})

describe('more nodes than neighbours', () => {
  it('are reached all the same, and asked by a HELLO for what they have', async () => {
    const cluster = new Cluster({ gossip: false })
    clusters.push(cluster)
    const nodes = await cluster.mesh(20)
    await cluster.converged()
    const committed = await nodes[0]!.put('key', 'value')
    await cluster.converged()
    const tip = await nodes[0]!.tipOf(committed)
    const { engine } = nodes[0]!
    let asked = 0
    for (const { author } of nodes.slice(1)) {
      const { state } = await engine.session(author)
      if (state === 'unknown') {
        await engine.ask(author, { timeout: 2000 })
        asked++
      }
      await until('its word', 2000, () => engine.holds(author, tip, committed.position))
    }
    assert.ok(asked > 0, 'not everybody is a neighbour')
  })
})

describe('a restored copy', () => {
  it('that writes before it meets anybody loses nothing and harms nobody', async () => {
    const { cluster, nodes } = await mesh(2)
    const [a, b] = nodes as [TestNode, TestNode]
    for (let i = 0; i < 10; i++) await b.put(`early ${i}`, 'x')
    await cluster.settled()
    const copy = await copyOf(b.disk)
    for (let i = 0; i < 10; i++) await b.put(`late ${i}`, 'x')
    await cluster.settled()
    await b.stop()
    b.disk = copy
    cluster.network.cut(a.author, b.author)
    await b.start('feedfeedfeedfeed' as StoreId)
    await b.put('offline', 'x')
    cluster.network.connect(a.author, b.author)
    await cluster.settled()
    assert.equal(await b.get('late 9'), 'x')
    assert.equal(await a.get('offline'), 'x')
  })
})

describe('a peer that reads nothing', () => {
  it('costs a bounded buffer, and is served when it goes on', async () => {
    const { cluster, nodes } = await mesh(3)
    const [a, b, c] = nodes as [TestNode, TestNode, TestNode]
    b.net.freeze(a.author, true)
    const value = 'x'.repeat(100_000)
    for (let i = 0; i < 100; i++) await a.put(`key ${i}`, value)
    await until('the others', 5000, () => c.store.mark.position === a.store.mark.position)
    const bound = DEFAULT_LIMITS.windowBytes + DEFAULT_LIMITS.slowPeerBytes
    assert.ok(a.net.buffered(b.author) <= bound, `${a.net.buffered(b.author)} bytes`)
    b.net.freeze(a.author, false)
    await cluster.settled()
  })
})

describe('gossip', () => {
  it('reaches a node that has no stream yet, and its batch counts for nothing but itself', async () => {
    const { cluster, nodes } = await mesh(3, { gossip: true })
    for (let i = 0; i < 5; i++) await nodes[i % 3]!.put(`key ${i}`, 'x')
    await cluster.settled()
  })

  it('may lose messages without loss of anything', async () => {
    const cluster = new Cluster({ gossip: true })
    clusters.push(cluster)
    cluster.network.gossipLoss = 0.5
    let n = 0
    cluster.network.fraction = () => (n++ % 10) / 10
    const nodes = await cluster.mesh(4)
    for (let i = 0; i < 30; i++) await nodes[i % 4]!.put(`key ${i}`, 'x')
    await cluster.settled()
  })

  it('rejects what is malformed or wrongly signed', async () => {
    const { nodes } = await mesh(2, { gossip: true })
    const [a, b] = nodes as [TestNode, TestNode]
    const handlers = a.engine.handlers
    assert.equal(await handlers.onGossip(new Uint8Array([1, 2, 3]), b.author), 'reject')
    assert.equal(await handlers.onGossip(new Uint8Array([9]), b.author), 'ignore')
    const forged = forgedBatch(a.store.database)
    assert.equal(await handlers.onGossip(encodeGossip(forged)!, b.author), 'reject')
    const foreign = forgedBatch('f'.repeat(64) as DatabaseId)
    assert.equal(await handlers.onGossip(encodeGossip(foreign)!, b.author), 'reject')
    assert.equal(a.store.mark.position, 0)
  })

  for (const [what, lie, count] of [
    ['a wrong seq', (dep: Dep) => ({ ...dep, seq: 999 }), 1],
    ['a wrong seq, without ops', (dep: Dep) => ({ ...dep, seq: 999 }), 0],
    ['half an id', (dep: Dep) => ({ ...dep, id: (dep.id.slice(0, 32) + 'e'.repeat(32)) as BatchId }), 1],
    [
      'half an id, without ops',
      (dep: Dep) => ({ ...dep, id: (dep.id.slice(0, 32) + 'e'.repeat(32)) as BatchId }),
      0
    ]
  ] as const) {
    it(`brings a batch that names an applied one by ${what}: it is tried once, and the node goes on`, async () => {
      const { cluster, nodes } = await mesh(2, { gossip: true })
      const [a, b] = nodes as [TestNode, TestNode]
      const { ops, batch } = await a.put('key', 'value')
      await cluster.settled()
      const { author, epoch, seq } = ops[0]!
      const bad = signedBatch(a.store.database, count, lie({ author, epoch, seq, id: batch }))
      const tries = nodes.map(node => countApplies(node))
      await a.engine.handlers.onGossip(encodeGossip(bad)!, b.author)
      await b.engine.handlers.onGossip(encodeGossip(bad)!, a.author)
      await a.put('after', 'yes')
      await cluster.settled()
      assert.equal(await b.get('after'), 'yes')
      for (const tried of tries) assert.ok(tried() <= 4, `${tried()} tries`)
    })
  }

  it('falls silent when streams carry everything cheaper', async () => {
    const { cluster, nodes } = await mesh(2, { gossip: true })
    const [a] = nodes as [TestNode]
    await a.put('a lonely write', 'x')
    assert.equal(a.net.published, 1)
    for (let i = 0; i < 50; i++) await a.put(`one of many ${i}`, 'x')
    assert.ok(a.net.published < 10, `${a.net.published} published`)
    await cluster.settled()
  })
})

/** A batch of a stranger with the key to sign it, and one dep. */
function signedBatch(database: DatabaseId, count: number, dep: Dep | undefined): Batch {
  const signer = nodeSigner(new Uint8Array(32).fill(99))
  const op = { kind: OP_KIND.put, flags: 3, key: utf8('bad'), value: utf8('1'), over: [], extensions: [] }
  const fields = {
    database,
    author: authorOf(signer.publicKey),
    epoch: '00000001deadbeef' as Epoch,
    seq: 1,
    previous: NO_BATCH,
    opCount: count,
    time: { ms: START_MS, counter: 0 },
    deps: dep === undefined ? [] : [dep],
    extensions: []
  }
  const batch = makeBatch(fields, encodeBody(count === 0 ? [] : [op]), nodeCrypto)
  return { ...batch, signature: signer.sign(signedMessage(batch.headerBytes)) as Uint8Array }
}

/** Counts what is given to the store of a node from now on. */
function countApplies({ store }: TestNode): () => number {
  let count = 0
  const apply = store.apply.bind(store)
  store.apply = (...given) => {
    count++
    return apply(...given)
  }
  return () => count
}

/** What a liar on `from` says to `to` first. */
function helloFor(to: TestNode, from: TestNode): Hello {
  return {
    type: 'hello',
    protocol: 1,
    database: to.store.database,
    store: from.store.storeId,
    durable: true,
    position: { position: 0, check: '0'.repeat(16) },
    digest: '0'.repeat(32),
    yours: [],
    window: 1_000_000
  }
}

describe('a peer that has batches of a newer format', () => {
  it('gets no acknowledgement for them, and it is said why', async () => {
    const lines: string[] = []
    const { nodes } = await mesh(2, { log: (_, line) => lines.push(line) })
    const [a, b] = nodes as [TestNode, TestNode]
    await b.engine.stop()
    await until(
      'the end of the stream',
      2000,
      async () => (await a.engine.session(b.author)).state === 'unknown'
    )
    const stream = await b.net.openStream(a.author)
    const encoder = new SyncEncoder()
    const run = {
      batches: [signedBatch(a.store.database, 1, undefined)],
      position: { position: 1, check: 'ab'.repeat(8) }
    }
    stream.send(encoder.encode({ ...helloFor(a, b), digest: a.store.frontierDigest() })[0]!)
    const [frame] = encoder.encode({ type: 'run', proof: [], ...run })
    const newer = SyncFrame.decode(frame!)
    newer.run!.batches[0]!.format = 2
    stream.send(SyncFrame.encode(newer))
    const session = () => a.engine.session(b.author)
    await until('the reason', 2000, async () => /newer format/.test((await session()).reason ?? ''))
    assert.equal((await session()).weLack, 'unknown')
    assert.ok(!a.engine.inSync(b.author))
    assert.ok(lines.some(line => line.includes('newer format')))
    assert.ok(!lines.some(line => line.includes('→ ACK 1')))
  })
})

function forgedBatch(database: DatabaseId, body = encodeBody([])): Batch {
  const author = new Seeded(1)
  const fields = {
    database,
    author: authorOf(author.bytes(32)),
    epoch: '00000001deadbeef' as Epoch,
    seq: 1,
    previous: NO_BATCH,
    opCount: 0,
    time: { ms: START_MS, counter: 0 },
    deps: [],
    extensions: []
  }
  return { ...makeBatch(fields, body, nodeCrypto), signature: new Uint8Array(64) }
}

describe('whoever breaks the protocol', () => {
  it('by a signature that is not the author’s is reset and counted', async () => {
    const { cluster, nodes } = await mesh(2)
    const [a, b] = nodes as [TestNode, TestNode]
    const stream = await b.net.openStream(a.author)
    const encoder = new SyncEncoder()
    const run = { type: 'run', batches: [forgedBatch(a.store.database)], proof: [] } as const
    for (const message of [helloFor(a, b), run])
      for (const frame of encoder.encode(message)) stream.send(frame)
    await until('the penalty', 2000, () => a.net.penalties.some(({ peer }) => peer === b.author))
    await b.put('after', 'yes')
    await cluster.settled()
    assert.equal(a.store.mark.position, 1)
  })

  it('by the header of a large batch is reset before the body comes', async () => {
    const { nodes } = await mesh(2)
    const [a, b] = nodes as [TestNode, TestNode]
    const stream = await b.net.openStream(a.author)
    const encoder = new SyncEncoder()
    const large = forgedBatch(a.store.database, new Uint8Array(2_000_000))
    const [header] = encoder.encode({ type: 'run', batches: [large], proof: [] })
    stream.send(encoder.encode(helloFor(a, b))[0]!)
    stream.send(header!)
    await until('the penalty', 2000, () => a.net.penalties.some(({ peer }) => peer === b.author))
  })

  for (const [what, frame] of [
    ['garbage', new Uint8Array(50).fill(255)],
    ['nothing at all', new Uint8Array(0)],
    ['an unknown odd type', new Uint8Array([0x9a, 0x03, 0x00])]
  ] as const) {
    it(`by ${what} is reset and counted, and harms nobody`, async () => {
      const { cluster, nodes } = await mesh(3)
      const [a, b, c] = nodes as [TestNode, TestNode, TestNode]
      const liar = await b.net.openStream(a.author)
      liar.send(frame)
      await until('the penalty', 2000, () => a.net.penalties.some(({ peer }) => peer === b.author))
      await c.put('unharmed', 'yes')
      await a.put('me too', 'yes')
      await cluster.settled()
      assert.equal(await b.get('me too'), 'yes')
    })
  }
})

/** Directories put back, and authors that sign two histories, among nodes with real stores over a network in memory. */
import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import type { NodeEvents } from '../../src/base/index.js'
import { utf8 } from '../../src/base/index.js'
import { withKnown } from '../../src/engine/inbound.js'
import type { Batch, BatchId, Epoch, ShortId, StoreId } from '../../src/log/index.js'
import { databaseIdOf, NO_BATCH, OP_FLAG } from '../../src/log/index.js'
import { forge } from '../store/exchange.js'
import { until } from '../support/until.js'
import { Cluster, copyOf } from './support.js'

const clusters: Cluster[] = []

function newCluster(): Cluster {
  const cluster = new Cluster({ gossip: false })
  clusters.push(cluster)
  return cluster
}

afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.stop()
})

const LIAR = 99
const START_MS = 1_760_000_000_000
const database = databaseIdOf('test', nodeCrypto)

/** A batch of the liar with one op on a key of its own. */
function lie(epoch: Epoch, seq: number, previous: BatchId, name: string): Batch {
  const flags = OP_FLAG.head | OP_FLAG.value
  const op = { kind: 1, flags, key: utf8(name), value: utf8('"lie"'), over: [], extensions: [] }
  return forge(LIAR, { epoch, seq, previous, time: { ms: START_MS, counter: seq }, database }, [op])
}

function storeIdOf(n: number): StoreId {
  return n.toString(16).padStart(16, '0') as StoreId
}

describe('one old copy put back 20 times, each time writing a little', () => {
  for (const [when, meetsFirst] of [
    ['before it meets anybody', false],
    ['after it met a peer', true]
  ] as const) {
    it(`${when}, leaves one tip, loses nothing, and costs no more from round to round`, async () => {
      const cluster = newCluster()
      const [a, b] = [await cluster.node(), await cluster.node()]
      const connect = (): void => cluster.network.connect(a.author, b.author)
      connect()
      await a.put('first', 'x')
      await cluster.settled()
      await a.stop()
      const old = await copyOf(a.disk)
      const handshakes: number[] = []
      for (let round = 1; round <= 20; round++) {
        a.disk = await copyOf(old)
        await a.start(storeIdOf(round))
        if (meetsFirst) {
          connect()
          await cluster.converged()
          // Since it knows all of its lives its next write names them.
          await a.put(`round ${round}`, 'x')
        } else {
          await a.put(`round ${round}`, 'x')
          connect()
        }
        await cluster.settled()
        // Nothing is left behind but what a life ended with that no later one has named.
        cluster.network.cut(a.author, b.author)
        const before = (await b.engine.session(a.author)).bytesReceived
        connect()
        await until('the handshake', 5000, () => b.engine.inSync(a.author))
        handshakes.push((await b.engine.session(a.author)).bytesReceived - before)
        await a.stop()
      }
      a.disk = await copyOf(old)
      await a.start(storeIdOf(99))
      connect()
      await cluster.converged()
      if (!meetsFirst)
        assert.equal(a.store.frontier.of(a.author).length, 20, 'lives that knew nothing of each other')
      await a.put('last', 'x')
      await cluster.settled()
      for (const node of [a, b]) {
        assert.equal(node.store.frontier.of(a.author).length, 1)
        for (let round = 1; round <= 20; round++) assert.equal(await node.get(`round ${round}`), 'x')
        assert.deepEqual((await node.store.verify()).damage, [])
      }
      assert.ok(Math.max(...handshakes) <= 512, `bytes of the handshakes: ${handshakes}`)
    })
  }
})

describe('a peer put back from a copy', () => {
  it('voids the cursor into it and lowers its own: what it lost is brought again, and no receipt claims it before', async () => {
    const cluster = newCluster()
    const [a, b] = [await cluster.node(), await cluster.node()]
    const connect = (): void => cluster.network.connect(a.author, b.author)
    connect()
    await a.put('early', 'x')
    await cluster.settled()
    const old = await copyOf(a.disk)
    await a.put('of a', 'x')
    const ofB = await b.put('of b', 'x')
    await cluster.settled()
    assert.ok(b.engine.holds(a.author, await b.tipOf(ofB), ofB.position))
    await a.stop()
    a.disk = old
    // The store id stays, as where a whole file system was rolled back: only the running check tells.
    await a.start()
    for (let i = 0; i < 5; i++) await a.put(`anew ${i}`, 'x')
    connect()
    await cluster.settled()
    for (const node of [a, b]) {
      for (const key of ['early', 'of a', 'of b', 'anew 4']) assert.equal(await node.get(key), 'x', key)
    }
    assert.ok(b.engine.holds(a.author, await b.tipOf(ofB), ofB.position))
  })
})

describe('a HELLO that names ends of this node’s own log', () => {
  it('says nothing by one that is not applied here: a peer with another branch holds no batch of this one', async () => {
    const cluster = newCluster()
    const a = await cluster.node()
    const { ops } = await a.put('mine', 'x')
    const tip = await a.tipOf({ ...(await a.put('mine too', 'x')) })
    const other = { ...tip, seq: tip.seq + 5, id: 'ab'.repeat(16) as ShortId }
    const hello = {
      type: 'hello',
      protocol: 1,
      database,
      store: storeIdOf(1),
      durable: true,
      position: { position: 9, check: '01'.repeat(8) },
      digest: 'cd'.repeat(16),
      yours: [other, tip],
      window: 1000
    } as const
    assert.equal(ops[0]!.epoch, tip.epoch)
    assert.deepEqual((await withKnown(a.store, hello)).yours, [tip])
  })
})

describe('an author that signs two histories and shows each half of the network another', () => {
  it('has both kept, served and told of everywhere, later batches accepted along each, and no write of others lost', async () => {
    const cluster = newCluster()
    for (let i = 0; i < 4; i++) await cluster.node()
    const [a, b, c, d] = cluster.nodes as [(typeof cluster.nodes)[0], ...typeof cluster.nodes]
    const forks = new Map(cluster.nodes.map(node => [node, [] as NodeEvents['fork'][]]))
    for (const node of cluster.nodes) node.store.onEvent('fork', fork => forks.get(node)!.push(fork))
    cluster.network.connect(a.author, b!.author)
    cluster.network.connect(c!.author, d!.author)
    const epoch = '0000000100000001' as Epoch
    const first = lie(epoch, 1, NO_BATCH, 'both')
    const [left, right] = [lie(epoch, 2, first.id, 'left'), lie(epoch, 2, first.id, 'right')]
    await a.store.apply([first, left])
    await c!.store.apply([first, right])
    for (const node of cluster.nodes) await node.put(`of ${node.author}`, 'x')
    await until('each half agrees', 10_000, () => {
      const digest = (node: typeof a): string => node.store.frontierDigest()
      return digest(a) === digest(b!) && digest(c!) === digest(d!) && digest(a) !== digest(c!)
    })
    cluster.network.connectAll(cluster.nodes.map(node => node.author))
    await cluster.settled()
    await a.store.apply([lie(epoch, 3, right.id, 'right on')])
    await d!.store.apply([lie(epoch, 3, left.id, 'left on')])
    await cluster.settled()
    for (const node of cluster.nodes) {
      for (const key of ['both', 'left', 'right', 'left on', 'right on'])
        assert.equal(await node.get(key), 'lie')
      for (const other of cluster.nodes) assert.equal(await node.get(`of ${other.author}`), 'x')
      const told = forks.get(node)!
      assert.equal(told.length, 1)
      assert.deepEqual([...told[0]!.batches].sort(), [left.id, right.id].sort(), 'the evidence')
      assert.deepEqual([told[0]!.epoch, told[0]!.seq], [epoch, 2])
      assert.deepEqual((await node.store.verify()).damage, [])
    }
  })

  it('costs as its 1,000 tips do: a fresh node takes them all in, one in sync needs 512 bytes', async () => {
    const cluster = newCluster()
    const [a, b] = [await cluster.node(), await cluster.node()]
    const tips: Batch[] = []
    for (let i = 0; i < 1000; i++) {
      const epoch = (0x100000000 + i).toString(16).padStart(16, '0') as Epoch
      tips.push(lie(epoch, 1, NO_BATCH, `lie ${i}`))
    }
    await a.store.apply(tips)
    await a.put('mine', 'x')
    cluster.network.connect(a.author, b.author)
    await cluster.settled(30_000)
    assert.equal(await b.get('mine'), 'x')
    assert.equal(b.store.frontier.size, 1001)
    const { bytesReceived } = await b.engine.session(a.author)
    assert.ok(bytesReceived < 1001 * 400, `${bytesReceived} bytes`)
    cluster.network.cut(a.author, b.author)
    cluster.network.connect(a.author, b.author)
    await until('the handshake', 5000, () => b.engine.inSync(a.author))
    const again = (await b.engine.session(a.author)).bytesReceived - bytesReceived
    assert.ok(again <= 512, `${again} bytes`)
  })
})

/**
 * What an exchange between nodes costs, in counts: frames, bytes, round trips, signature checks, reads and hashes of the
 * one that takes in and of the one that serves. Real stores on LevelDB, real engines, the network in memory.
 */
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { describe, it } from 'node:test'
import type { SyncRound } from '../../src/base/index.js'
import type { NodeInit, TestNode } from '../engine/support.js'
import { Cluster } from '../engine/support.js'
import { inFastFolder } from '../support/folders.js'
import { until } from '../support/until.js'
import type { CryptoCall, DiskCall, FrameName } from './counted.js'
import {
  CountedCrypto,
  CountedDisk,
  CountedFrames,
  KEY_BYTES,
  LOOKED_FOR,
  putOf,
  putsOf,
  VALUE_BYTES
} from './counted.js'

/** A node with counted parts. */
class Watched {
  readonly disk = new CountedDisk()
  readonly crypto = new CountedCrypto()
  readonly frames = new CountedFrames()
  node!: TestNode

  async start(cluster: Cluster, folder: string, init: NodeInit): Promise<void> {
    await mkdir(folder)
    const disk = await this.disk.open(folder)
    this.node = await cluster.node({ ...init, crypto: this.crypto.crypto, log: this.frames.log }, disk)
  }

  async during(run: () => Promise<unknown>): Promise<Record<DiskCall | CryptoCall | FrameName, number>> {
    let disk: object = {}
    let crypto: object = {}
    const frames = await this.frames.during(async () => {
      crypto = await this.crypto.during(async () => {
        disk = await this.disk.during(run)
      })
    })
    return Object.assign(frames, crypto, disk) as Record<DiskCall | CryptoCall | FrameName, number>
  }
}

/** Nodes that are not connected yet. */
async function among(
  count: number,
  init: NodeInit,
  run: (cluster: Cluster, nodes: Watched[]) => Promise<void>
): Promise<void> {
  await inFastFolder(async folder => {
    const cluster = new Cluster()
    const nodes: Watched[] = []
    try {
      for (let i = 0; i < count; i++) {
        const one = new Watched()
        await one.start(cluster, `${folder}/${i}`, init)
        nodes.push(one)
      }
      await run(cluster, nodes)
    } finally {
      await cluster.stop()
      for (const { node } of nodes) await node.disk.close()
    }
  })
}

function connectAll(cluster: Cluster): void {
  cluster.network.connectAll(cluster.nodes.map(node => node.author))
}

/** Bytes of keys and values of so many ops. */
function payload(ops: number): number {
  return ops * (KEY_BYTES + VALUE_BYTES)
}

/** Kind, flags, lengths and the list of what it overwrites, beside key and value. */
const OP_BYTES = 6
/** What of a batch neither its chain nor its body implies. */
const BATCH_BYTES = 20
/** Ids, author, database and signature: once in a RUN that begins with a signature. */
const RUN_BYTES = 200

describe('an empty node that catches up 640 small batches', () => {
  const [batches, opsEach] = [640, 5]
  const ops = batches * opsEach

  it('needs one signature check for 64 of them, no read, and few commits', () =>
    among(2, { gossip: false }, async (cluster, [server, fresh]) => {
      for (let i = 0; i < batches; i++) await server!.node.store.write({ ops: putsOf(i * opsEach, opsEach) })
      const rounds: SyncRound[] = []
      fresh!.node.engine.onRound(round => rounds.push(round))
      const served = await server!.during(async () => {
        const cost = await fresh!.during(async () => {
          connectAll(cluster)
          await cluster.settled()
        })
        assert.equal(cost.batches, batches, 'each comes once')
        assert.ok(cost.verify <= batches / 64 + 1, `${cost.verify} signature checks`)
        assert.ok(cost.read <= ops * LOOKED_FOR, `${cost.read} reads: of new keys, and nothing else`)
        assert.equal(cost.walk, 0)
        // One for each op's digest; body, header and running check of each batch; frontier digests.
        assert.ok(cost.hash <= ops + 3 * batches + 8, `${cost.hash} hashes`)
        assert.ok(cost.write <= 3, `${cost.write} commits`)
        assert.deepEqual([cost.HELLO, cost.WANT], [1, 1])
      })
      assert.deepEqual([served.HELLO, served.HEADS, served.WANT], [1, 1, 0])
      assert.ok(served.RUN <= 3, `${served.RUN} RUN frames`)
      assert.equal(served.read, batches, 'each batch is read once, and no cell')
      // Each id once, as the batch is read.
      assert.ok(served.hash <= batches + 8, `${served.hash} hashes`)
      const { bytesReceived } = await fresh!.node.engine.session(server!.node.author)
      const most = payload(ops) + ops * OP_BYTES + batches * BATCH_BYTES + served.RUN * RUN_BYTES + 1024
      assert.ok(bytesReceived <= most, `${bytesReceived} bytes, at most ${most}`)
      assert.ok(Math.max(...rounds.map(({ roundTrips }) => roundTrips)) <= 2)
    }))
})

describe('live batches of 1,000 ops', () => {
  const [batches, opsEach] = [10, 1000]

  it('cost their receiver one copy, one signature check, no read, and one commit each', () =>
    among(2, {}, async (cluster, [writer, other]) => {
      connectAll(cluster)
      await writer!.node.store.write({ ops: [putOf(0)] })
      await cluster.settled()
      const before = (await other!.node.engine.session(writer!.node.author)).bytesReceived
      let cost!: Awaited<ReturnType<Watched['during']>>
      const written = await writer!.during(async () => {
        cost = await other!.during(async () => {
          for (let i = 0; i < batches; i++) {
            await writer!.node.store.write({ ops: putsOf(1 + i * opsEach, opsEach) })
            await cluster.settled() // more than the window of the stream would be told by HEADS, and asked for
          }
        })
        assert.equal(cost.batches + cost.gossiped, batches, 'copies')
        assert.equal(cost.verify, batches, 'signature checks')
        assert.ok(cost.read <= batches * opsEach * LOOKED_FOR, `${cost.read} reads`)
        assert.equal(cost.write, batches, 'commits')
        assert.equal(cost.synced, cost.write + cost.upkeep, 'all synced')
        assert.ok(cost.ACK <= batches, `${cost.ACK} ACKs`)
        assert.equal(cost.HEADS + cost.WANT, 0)
      })
      assert.equal(written.RUN, batches)
      assert.equal(written.HEADS, 0)
      assert.equal(written.verify, 0)
      assert.equal(written.read, cost.read, 'a batch that was just written is sent from memory')
      assert.equal(written.write, batches, 'commits')
      const { bytesReceived } = await other!.node.engine.session(writer!.node.author)
      const most = payload(batches * opsEach) + batches * (opsEach * OP_BYTES + RUN_BYTES) + 1024
      assert.ok(bytesReceived - before <= most, `${bytesReceived - before} bytes, at most ${most}`)
    }))
})

describe('single writes, one after the other', () => {
  const writes = 100

  it('cost their receiver one copy, one check, no read and one commit each, and 210 bytes beside the payload', () =>
    among(2, { gossip: false }, async (cluster, [writer, other]) => {
      connectAll(cluster)
      await writer!.node.store.write({ ops: [putOf(0)] })
      await cluster.settled()
      const before = (await other!.node.engine.session(writer!.node.author)).bytesReceived
      const cost = await other!.during(async () => {
        for (let n = 1; n <= writes; n++) await writer!.node.store.write({ ops: [putOf(n)] })
        await cluster.settled()
      })
      assert.equal(cost.batches, writes)
      assert.ok(cost.verify <= writes, `${cost.verify} signature checks`)
      assert.ok(cost.read <= writes * LOOKED_FOR, `${cost.read} reads`)
      assert.ok(cost.hash <= writes * 5 + 4, `${cost.hash} hashes`)
      assert.ok(cost.write <= writes, `${cost.write} commits`)
      const { bytesReceived } = await other!.node.engine.session(writer!.node.author)
      const each = (bytesReceived - before) / writes - payload(1)
      assert.ok(each <= RUN_BYTES + OP_BYTES, `${each} bytes a write`)
    }))

  it('reach each of four nodes once when they come fast', () =>
    among(4, {}, async (cluster, nodes) => {
      connectAll(cluster)
      const [writer, ...others] = nodes
      for (let n = 0; n < 20; n++) await writer!.node.store.write({ ops: [putOf(n)] }) // the rate is known then
      await cluster.settled()
      const counted = await Promise.all(
        others.map(one =>
          one.during(async () => {
            if (one === others[0]) {
              for (let n = 20; n < 20 + writes; n++) await writer!.node.store.write({ ops: [putOf(n)] })
            }
            await until('all of it', 10_000, () => one.node.store.mark.position === 20 + writes)
            await cluster.settled()
          })
        )
      )
      const copies = counted.reduce((sum, { batches, gossiped }) => sum + batches + gossiped, 0)
      const each = copies / others.length / writes
      assert.ok(each <= 1.1, `${each} copies a batch and node`)
    }))
})

describe('a peer that comes back in sync', () => {
  it('costs a HELLO each: no HEADS, nothing written, nothing checked, one round trip, 320 bytes', () =>
    among(2, { gossip: false }, async (cluster, [a, b]) => {
      await a!.node.store.write({ ops: putsOf(0, 1000) })
      connectAll(cluster)
      await cluster.settled()
      cluster.network.cut(a!.node.author, b!.node.author)
      const rounds: SyncRound[] = []
      a!.node.engine.onRound(round => rounds.push(round))
      const ofA = await a!.during(async () => {
        const ofB = await b!.during(async () => {
          connectAll(cluster)
          await until('a round', 5000, () => rounds[0])
          await cluster.settled()
        })
        assert.deepEqual([ofB.HELLO, ofB.HEADS, ofB.WANT, ofB.RUN], [1, 0, 0, 0])
        assert.deepEqual([ofB.write, ofB.verify], [0, 0])
        assert.ok(ofB.hash <= 3, `${ofB.hash} hashes`)
      })
      assert.deepEqual([ofA.HELLO, ofA.HEADS, ofA.WANT, ofA.RUN], [1, 0, 0, 0])
      assert.deepEqual([ofA.write, ofA.verify], [0, 0])
      const [{ roundTrips, bytesSent, bytesReceived }] = rounds as [SyncRound]
      assert.equal(roundTrips, 1)
      assert.ok(bytesSent + bytesReceived <= 320, `${bytesSent + bytesReceived} bytes`)
    }))
})

describe('nodes that nobody writes to', () => {
  it('send PINGs and nothing else: HEADS that did not change are not sent, and nothing is written', () =>
    among(2, { gossip: false, sync: { intervalMs: 20 } }, async (cluster, [a, b]) => {
      await a!.node.store.write({ ops: putsOf(0, 10) })
      connectAll(cluster)
      await cluster.settled()
      await a!.node.engine.syncNow(b!.node.author) // what was in flight is over
      for (const one of [a!, b!]) {
        const pings = one.frames.of('PING')
        const cost = await one.during(() => until('PINGs', 10_000, () => one.frames.of('PING') >= pings + 10))
        assert.deepEqual([cost.HEADS, cost.WANT, cost.RUN, cost.HELLO], [0, 0, 0, 0])
        assert.deepEqual([cost.write, cost.read, cost.walk, cost.verify], [0, 0, 0, 0])
      }
    }))
})

describe('a batch that reaches a node by another one', () => {
  it('comes once, is shown once, and costs its relay no second signature check', () =>
    among(3, { gossip: false }, async (cluster, [author, relay, end]) => {
      cluster.network.connect(author!.node.author, relay!.node.author)
      cluster.network.connect(relay!.node.author, end!.node.author)
      await author!.node.store.write({ ops: [putOf(0)] })
      await cluster.settled()
      const writes = 20
      const atEnd = await end!.during(async () => {
        const atRelay = await relay!.during(async () => {
          for (let n = 1; n <= writes; n++) {
            await author!.node.store.write({ ops: [putOf(n)] })
            await cluster.settled()
          }
        })
        assert.equal(atRelay.batches, writes)
        assert.ok(atRelay.verify <= writes, `${atRelay.verify} signature checks`)
        assert.ok(atRelay.HEADS <= writes, `${atRelay.HEADS} HEADS`)
      })
      assert.equal(atEnd.batches, writes)
      assert.ok(atEnd.verify <= writes, `${atEnd.verify} signature checks`)
      assert.ok(atEnd.WANT <= writes, `${atEnd.WANT} WANTs`)
    }))
})

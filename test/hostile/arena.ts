/**
 * Two honest nodes that replicate, and strangers who harm them. After each attack both nodes are up, have the same, and
 * a write of each reaches the other's disk in little time; what the attack cost its author is asked of the node.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Connection } from '@libp2p/interface'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import type { NatterNode, NodeOptions } from '../../src/index.js'
import { createNode } from '../../src/index.js'
import type { DatabaseId } from '../../src/log/index.js'
import { databaseIdOf } from '../../src/log/index.js'
import { until } from '../support/until.js'
import { RawPeer } from './raw-peer.js'
import type { RawSync } from './raw-sync.js'

const NETWORK = 'hostile'
/** Milliseconds in which a write of one honest node is on the disk of the other: the machine may be busy. */
const HONEST_MS = 10_000

function folder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'natter-hostile-'))
}

export class Arena {
  readonly database: DatabaseId = databaseIdOf(NETWORK, nodeCrypto)
  readonly victim: NatterNode
  readonly friend: NatterNode
  readonly address: string
  readonly #folders: readonly string[]
  readonly #raws: RawPeer[] = []
  #writes = 0

  private constructor(victim: NatterNode, friend: NatterNode, address: string, folders: readonly string[]) {
    this.#folders = folders
    this.victim = victim
    this.friend = friend
    this.address = address
  }

  static async open(options: NodeOptions = {}): Promise<Arena> {
    const common: NodeOptions = {
      network: NETWORK,
      mdns: false,
      open: true,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      breaker: { threshold: 1, coolDownMs: 600_000 },
      ...options
    }
    const folders = [await folder(), await folder()]
    const victim = await createNode({ ...common, dataDir: folders[0]! })
    const friend = await createNode({
      ...common,
      dataDir: folders[1]!,
      bootstrap: (await victim.status()).addrs
    })
    await friend.sync.wait({ connected: 1, timeout: 20_000 })
    return new Arena(victim, friend, (await victim.status()).addrs[0]!, folders)
  }

  async stranger(): Promise<RawPeer> {
    const raw = await RawPeer.start(this.database)
    this.#raws.push(raw)
    return raw
  }

  /** A stranger with a stream on which nothing was said yet. */
  async attacker(): Promise<{ raw: RawPeer; connection: Connection; sync: RawSync }> {
    const raw = await this.stranger()
    const connection = await raw.join(this.address)
    return { raw, connection, sync: await raw.sync(connection) }
  }

  async circuit(raw: RawPeer): Promise<string> {
    return (await this.victim.peers()).find(({ peer }) => peer === raw.peerId)?.circuit ?? 'closed'
  }

  /** The attack was told for what it is: it counts, and the stranger is hung up on. */
  async blamed(raw: RawPeer): Promise<void> {
    await until('the stranger is counted against', 10_000, async () => (await this.circuit(raw)) === 'open')
    await until('the stranger is hung up on', 10_000, () => raw.node.getConnections().length === 0)
  }

  /** The stream is over, and nothing counts against the stranger. */
  async refused(raw: RawPeer, sync: RawSync): Promise<void> {
    await until('the stream is over', 15_000, () => sync.ended)
    assert.equal(await this.circuit(raw), 'closed')
  }

  /** The stream goes on: a PING is answered. */
  async ignored(raw: RawPeer, sync: RawSync): Promise<void> {
    const before = sync.all('ping').length
    const mark = { position: 0, check: '0'.repeat(16) }
    sync.say({ type: 'ping', digest: 'ee'.repeat(16), position: mark })
    await until('an answer', 15_000, () => sync.all('ping').length > before || sync.ended)
    assert.equal(sync.ended, false, 'the stream ended')
    assert.equal(await this.circuit(raw), 'closed')
  }

  /** A write of each node reaches the disk of the other; answers the milliseconds of the slower one. */
  async replicates(): Promise<number> {
    let slowest = 0
    for (const [from, to] of [
      [this.victim, this.friend],
      [this.friend, this.victim]
    ] as const) {
      const key = `honest ${this.#writes++}`
      const startedMs = performance.now()
      await from.db.put(key, key)
      await until('the honest write arrives', HONEST_MS, async () => (await to.db.get(key)) === key)
      slowest = Math.max(slowest, performance.now() - startedMs)
    }
    return slowest
  }

  /** Everything that both have is the same. */
  async agree(): Promise<void> {
    await until('equal digests', HONEST_MS, async () => {
      const [a, b] = await Promise.all([this.victim.status(), this.friend.status()])
      return a.frontierDigest === b.frontierDigest && a.stateDigest === b.stateDigest
    })
  }

  async leave(): Promise<void> {
    await Promise.all(this.#raws.splice(0).map(raw => raw.stop()))
  }

  async close(): Promise<void> {
    await this.leave()
    await Promise.all([this.victim.stop(), this.friend.stop()])
    await Promise.all(this.#folders.map(path => rm(path, { recursive: true, force: true })))
  }
}

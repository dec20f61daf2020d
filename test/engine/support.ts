/** Nodes for tests of the engine: real stores on disks in memory, over a network in memory. */
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import type { Crypto, Limits, Random } from '../../src/base/index.js'
import { DEFAULT_LIMITS, utf8 } from '../../src/base/index.js'
import { systemClock } from '../../src/base/system.js'
import type { Disk } from '../../src/disk/index.js'
import { openMemoryDisk } from '../../src/disk/memory-disk.js'
import type { Engine, EngineInit } from '../../src/engine/index.js'
import { createEngine } from '../../src/engine/index.js'
import type { Author, StoreId, Tip } from '../../src/log/index.js'
import { OP_KIND, shortId } from '../../src/log/index.js'
import type { NetHandlers } from '../../src/net/index.js'
import type { Committed, Store } from '../../src/store/index.js'
import { openStore } from '../../src/store/open.js'
import { Seeded } from '../log/fixtures.js'
import type { MemoryNet } from '../support/memory-net.js'
import { MemoryNetwork } from '../support/memory-net.js'
import { testSeed } from '../support/random.js'
import { until } from '../support/until.js'

/** A disk in memory that says it fsyncs, so that its acks count; kept over a restart of its node. */
export async function durableMemoryDisk(): Promise<Disk> {
  const disk = await openMemoryDisk()
  return new Proxy(disk, {
    get(target, name) {
      if (name === 'durability') return 'fsync'
      if (name === 'close') return async () => undefined
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}

/** A copy of everything on a disk, as a backup of its directory is. */
export async function copyOf(disk: Disk): Promise<Disk> {
  const copy = await durableMemoryDisk()
  const iterator = disk.iterate({})
  const write = copy.write()
  for (let page = await iterator.next(1000); page.length > 0; page = await iterator.next(1000)) {
    for (const [key, value] of page) write.put(key.slice(), value.slice())
  }
  await iterator.close()
  await copy.commit(write)
  return copy
}

export interface NodeInit extends Omit<EngineInit, 'limits'> {
  readonly limits?: Partial<Limits>
  /** @default that of Node.js */
  readonly crypto?: Crypto
}

let seed = testSeed('engine')

export class Cluster {
  readonly network = new MemoryNetwork()
  readonly nodes: TestNode[] = []
  readonly init: NodeInit
  readonly random: Random
  /** The timers of nodes keep no process alive; a test that waits for one does. */
  readonly #alive = setInterval(() => undefined, 1000)

  constructor(init: NodeInit = {}) {
    this.init = init
    const seeded = new Seeded(seed++)
    this.random = { bytes: length => seeded.bytes(length), fraction: () => seeded.fraction() }
  }

  async node(init: NodeInit = {}, disk?: Disk): Promise<TestNode> {
    const name = this.nodes.length
    const node = new TestNode(this, name, { ...this.init, ...init }, disk ?? (await durableMemoryDisk()))
    this.nodes.push(node)
    await node.start()
    return node
  }

  /** So many nodes, each connected with each. */
  async mesh(count: number): Promise<TestNode[]> {
    for (let i = 0; i < count; i++) await this.node()
    this.network.connectAll(this.nodes.map(node => node.author))
    return this.nodes
  }

  /** Waits until all nodes hold the same, and say so of each other where they are connected. */
  async converged(withinMs = 10_000): Promise<void> {
    await until('equal digests', withinMs, () => {
      const digests = new Set(this.nodes.map(node => node.store.frontierDigest()))
      const states = new Set(this.nodes.map(node => node.store.stateDigest()))
      return digests.size === 1 && states.size === 1
    })
  }

  async settled(withinMs = 10_000): Promise<void> {
    await this.converged(withinMs)
    await until('in sync by their own word', withinMs, () =>
      this.nodes.every(node => node.net.connected().every(({ peer }) => node.engine.inSync(peer)))
    )
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) await node.stop()
    clearInterval(this.#alive)
  }
}

export class TestNode {
  readonly cluster: Cluster
  readonly init: NodeInit
  readonly signer: ReturnType<typeof nodeSigner>
  disk: Disk
  store!: Store
  net!: MemoryNet
  engine!: Engine
  running = false

  constructor(cluster: Cluster, name: number, init: NodeInit, disk: Disk) {
    this.cluster = cluster
    this.init = init
    this.disk = disk
    this.signer = nodeSigner(new Uint8Array(32).fill(name + 1))
  }

  get author(): Author {
    return this.store.author
  }

  async start(storeId?: StoreId): Promise<void> {
    const limits = { ...DEFAULT_LIMITS, ...this.init.limits }
    const clock = systemClock
    const { random } = this.cluster
    const { crypto = nodeCrypto } = this.init
    this.store = await openStore({
      disk: this.disk,
      network: 'test',
      signer: this.signer,
      crypto,
      clock,
      random,
      limits,
      strategy: () => 'latest',
      ...(storeId !== undefined && { storeId })
    })
    this.net = this.cluster.network.net(this.author)
    const { limits: _, crypto: __, ...init } = this.init
    this.engine = createEngine(
      { store: this.store, net: this.net, clock, random, crypto },
      { ...init, limits }
    )
    await this.net.start(this.handlers())
    await this.engine.start()
    this.running = true
  }

  handlers(): NetHandlers {
    return { onRefused: () => undefined, onDiscovered: () => undefined, ...this.engine.handlers }
  }

  async stop(): Promise<void> {
    if (!this.running) return
    this.running = false
    await this.engine.stop()
    await this.net.stop()
    await this.store.close()
  }

  put(key: string, value: string): Promise<Committed> {
    return this.store.write({
      ops: [{ kind: OP_KIND.put, key: utf8(key), value: utf8(JSON.stringify(value)) }]
    })
  }

  async get(key: string): Promise<string | undefined> {
    const cell = await this.store.get(utf8(key))
    const value = cell?.winner?.value
    return value === undefined ? undefined : JSON.parse(new TextDecoder().decode(value))
  }

  /** The batch that a write went into. */
  async tipOf(committed: Committed): Promise<Tip> {
    const name = committed.ops[0]!
    const found = await this.store.findOp(name)
    return { author: name.author, epoch: name.epoch, seq: name.seq, id: shortId(found!.batch) }
  }
}

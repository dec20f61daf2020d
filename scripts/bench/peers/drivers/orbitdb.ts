/**
 * An OrbitDB key-value database with its index, on Helia with blocks in LevelDB, over a libp2p that knows loopback only:
 * no bootstrap, no gateways, no routing; B dials A.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Card, Driver, Entry } from '../driver.js'
import { load } from '../packages.js'

interface LogEntry {
  clock: { time: number }
  payload: { key: string }
}

interface Database {
  readonly address: string
  put(key: string, value: string): Promise<string>
  get(key: string): Promise<string | undefined>
  readonly log: { heads(): Promise<LogEntry[]> }
  readonly events: { on(event: 'update', listener: (entry: LogEntry) => void): void }
  close(): Promise<void>
}

interface OrbitDB {
  open(name: string, options: { Database: unknown }): Promise<Database>
  stop(): Promise<void>
}

interface Libp2p {
  readonly peerId: { toString(): string }
  getMultiaddrs(): { toString(): string }[]
  dial(address: unknown): Promise<unknown>
  stop(): Promise<void>
}

interface Helia {
  stop(): Promise<void>
}

type Make = (options?: object) => unknown

interface Packages {
  orbitdb: { createOrbitDB(options: object): Promise<OrbitDB>; KeyValueIndexed: () => unknown }
  helia: { createHelia(options: object): Promise<Helia> }
  brokers: { bitswap: Make }
  blockstore: { LevelBlockstore: new (folder: string) => unknown }
  datastore: { LevelDatastore: new (folder: string) => { open(): Promise<void>; close(): Promise<void> } }
  libp2p: { createLibp2p(options: object): Promise<Libp2p> }
  tcp: { tcp: Make }
  noise: { noise: Make }
  yamux: { yamux: Make }
  identify: { identify: Make }
  gossipsub: { gossipsub: Make }
  multiaddr: { multiaddr(text: string): unknown }
}

export class OrbitdbDriver implements Driver {
  readonly #packages: Packages
  #datastore!: { close(): Promise<void> }
  #libp2p!: Libp2p
  #helia!: Helia
  #orbitdb!: OrbitDB
  #db: Database | undefined
  #count = 0
  #seen: ((key: string) => void) | undefined

  private constructor(packages: Packages) {
    this.#packages = packages
  }

  static async create(): Promise<Driver> {
    return new OrbitdbDriver({
      orbitdb: await load('@orbitdb/core'),
      helia: await load('helia'),
      brokers: await load('@helia/block-brokers'),
      blockstore: await load('blockstore-level'),
      datastore: await load('datastore-level'),
      libp2p: await load('libp2p'),
      tcp: await load('@libp2p/tcp'),
      noise: await load('@libp2p/noise'),
      yamux: await load('@libp2p/yamux'),
      identify: await load('@libp2p/identify'),
      gossipsub: await load('@libp2p/gossipsub'),
      multiaddr: await load('@multiformats/multiaddr')
    })
  }

  async open(folder: string, id?: string): Promise<void> {
    const { orbitdb, helia, brokers, blockstore, datastore } = this.#packages
    const known = mkdirSync(join(folder, 'orbitdb'), { recursive: true }) === undefined
    const store = new datastore.LevelDatastore(join(folder, 'data'))
    await store.open()
    this.#datastore = store
    this.#libp2p = await this.#startLibp2p(store)
    this.#helia = await helia.createHelia({
      libp2p: this.#libp2p,
      blockstore: new blockstore.LevelBlockstore(join(folder, 'blocks')),
      datastore: store,
      blockBrokers: [brokers.bitswap()],
      routers: []
    })
    const directory = join(folder, 'orbitdb')
    this.#orbitdb = await orbitdb.createOrbitDB({ ipfs: this.#helia, directory, id: 'bench' })
    // The reader of an empty folder knows nothing of the database until it is connected.
    if (id === undefined || known) await this.#follow(id?.split(' ')[0] ?? 'bench')
  }

  #startLibp2p(datastore: unknown): Promise<Libp2p> {
    const { libp2p, tcp, noise, yamux, identify, gossipsub } = this.#packages
    return libp2p.createLibp2p({
      datastore,
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp.tcp()],
      connectionEncrypters: [noise.noise()],
      streamMuxers: [yamux.yamux()],
      services: {
        identify: identify.identify(),
        pubsub: gossipsub.gossipsub({ allowPublishToZeroTopicPeers: true })
      }
    })
  }

  async #follow(name: string): Promise<void> {
    const { KeyValueIndexed } = this.#packages.orbitdb
    const db = await this.#orbitdb.open(name, { Database: KeyValueIndexed() })
    this.#db = db
    // One writer: the time of its clock counts its entries, and an update comes when all before it are joined.
    const note = ({ clock }: LogEntry) => {
      this.#count = Math.max(this.#count, clock.time)
    }
    for (const head of await db.log.heads()) note(head)
    db.events.on('update', entry => {
      note(entry)
      this.#seen?.(entry.payload.key)
    })
  }

  get #open(): Database {
    if (this.#db === undefined) throw new Error('the database is not here yet')
    return this.#db
  }

  async put({ key, value }: Entry): Promise<void> {
    await this.#open.put(key, value)
  }

  async load(entries: readonly Entry[]): Promise<void> {
    for (const { key, value } of entries) await this.#open.put(key, value)
  }

  get(key: string): Promise<string | undefined> {
    return this.#open.get(key)
  }

  count(): number {
    return this.#count
  }

  async listen(): Promise<Card> {
    const addrs = this.#libp2p.getMultiaddrs().map(String)
    const port = /\/tcp\/(\d+)\//.exec(addrs[0] ?? '')?.[1]
    if (port === undefined) throw new Error('it does not listen')
    return { port: Number(port), id: `${this.#open.address} ${this.#libp2p.peerId}` }
  }

  async join({ port, id }: Card): Promise<void> {
    const [address = '', peer] = id.split(' ')
    const { multiaddr } = this.#packages.multiaddr
    await this.#libp2p.dial(multiaddr(`/ip4/127.0.0.1/tcp/${port}/p2p/${peer}`))
    if (this.#db === undefined) await this.#follow(address)
  }

  watch(seen: (key: string) => void): void {
    this.#seen = seen
  }

  async settle(): Promise<void> {
    // Blocks and index are with LevelDB when a put resolves.
  }

  async close(): Promise<void> {
    await this.#db?.close()
    await this.#orbitdb.stop()
    await this.#helia.stop()
    await this.#libp2p.stop()
    await this.#datastore.close()
  }
}

/**
 * A Peerbit document store that each side replicates in full, over a libp2p that knows loopback only: no relay, no
 * bootstrap; B dials A. Its documents are declared by Peerbit's decorators, which are called by hand here.
 */
import type { Card, Driver, Entry } from '../driver.js'
import { load } from '../packages.js'

interface Item {
  key: string
  value: string
}

interface Documents {
  open(options: object): Promise<void>
  put(item: Item): Promise<unknown>
  get(key: string, options: { remote: false }): Promise<Item | undefined>
  count(): Promise<number>
  readonly changes: {
    addEventListener(type: 'change', listener: (event: CustomEvent<{ added: Item[] }>) => void): void
  }
}

interface Program {
  docs: Documents
}

interface Client {
  open(program: Program): Promise<Program>
  readonly peerId: { toString(): string }
  getMultiaddrs(): { toString(): string }[]
  dial(address: string): Promise<boolean>
  stop(): Promise<void>
}

type Declare = (prototype: object, property: string) => void

interface Packages {
  peerbit: { Peerbit: { create(options: object): Promise<Client> } }
  program: { Program: new () => object }
  documents: { Documents: new (options: { id: Uint8Array }) => Documents }
  borsh: {
    field(of: { type: unknown }): Declare
    variant(name: string | number): (of: unknown) => void
  }
  tcp: { tcp(): unknown }
}

/** Names the store: both sides open the same. */
const STORE_ID = new Uint8Array(32).fill(7)

interface Declared {
  item(entry: Entry): Item
  store(): Program
}

function declare({ program, documents, borsh }: Packages): Declared {
  class Stored implements Item {
    key: string
    value: string
    constructor(key: string, value: string) {
      this.key = key
      this.value = value
    }
  }
  borsh.field({ type: 'string' })(Stored.prototype, 'key')
  borsh.field({ type: 'string' })(Stored.prototype, 'value')
  borsh.variant(0)(Stored)

  class Bench extends program.Program implements Program {
    docs = new documents.Documents({ id: STORE_ID })
    async open(): Promise<void> {
      await this.docs.open({ type: Stored, index: { idProperty: 'key' }, replicate: { factor: 1 } })
    }
  }
  // In this order: a field of a class that extends another is refused before the variant is known.
  borsh.variant('bench')(Bench)
  borsh.field({ type: documents.Documents })(Bench.prototype, 'docs')
  return { item: ({ key, value }) => new Stored(key, value), store: () => new Bench() }
}

export class PeerbitDriver implements Driver {
  readonly #packages: Packages
  readonly #declared: Declared
  #client!: Client
  #docs!: Documents
  #count = 0

  private constructor(packages: Packages) {
    this.#packages = packages
    this.#declared = declare(packages)
  }

  static async create(): Promise<Driver> {
    return new PeerbitDriver({
      peerbit: await load('peerbit'),
      program: await load('@peerbit/program'),
      documents: await load('@peerbit/document'),
      borsh: await load('@dao-xyz/borsh'),
      tcp: await load('@libp2p/tcp')
    })
  }

  async open(folder: string): Promise<void> {
    const { peerbit, tcp } = this.#packages
    this.#client = await peerbit.Peerbit.create({
      directory: folder,
      libp2p: {
        addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
        transports: [tcp.tcp()],
        services: { relay: null }
      }
    })
    this.#docs = (await this.#client.open(this.#declared.store())).docs
    this.#count = await this.#docs.count()
    this.#docs.changes.addEventListener('change', ({ detail }) => {
      this.#count += detail.added.length
    })
  }

  async put(entry: Entry): Promise<void> {
    await this.#docs.put(this.#declared.item(entry))
  }

  async load(entries: readonly Entry[]): Promise<void> {
    // Puts at once are faster than `putMany`.
    await Promise.all(entries.map(entry => this.put(entry)))
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#docs.get(key, { remote: false }))?.value
  }

  count(): number {
    return this.#count
  }

  async listen(): Promise<Card> {
    const addrs = this.#client.getMultiaddrs().map(String)
    const port = /\/tcp\/(\d+)\//.exec(addrs[0] ?? '')?.[1]
    if (port === undefined) throw new Error('it does not listen')
    return { port: Number(port), id: this.#client.peerId.toString() }
  }

  async join({ port, id }: Card): Promise<void> {
    await this.#client.dial(`/ip4/127.0.0.1/tcp/${port}/p2p/${id}`)
  }

  watch(seen: (key: string) => void): void {
    this.#docs.changes.addEventListener('change', ({ detail }) => {
      for (const { key } of detail.added) seen(key)
    })
  }

  async settle(): Promise<void> {
    // A put is with the stores when it resolves.
  }

  async close(): Promise<void> {
    await this.#client.stop()
  }
}

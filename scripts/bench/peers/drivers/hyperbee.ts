/** Hyperbee on a Corestore, replicated over a plain TCP connection; no swarm. */

import type { Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream'
import type { Card, Driver, Entry } from '../driver.js'
import { load } from '../packages.js'
import { Connections, listenOn } from './loopback.js'

interface Core {
  readonly key: Buffer
  readonly contiguousLength: number
  ready(): Promise<void>
  download(range: { start: number; end: number }): unknown
}

interface Store {
  get(of: { name: string } | { key: Buffer }): Core
  replicate(initiator: boolean): Duplex
  close(): Promise<void>
}

interface Batch {
  put(key: string, value: string): Promise<void>
  flush(): Promise<void>
}

interface Bee {
  ready(): Promise<void>
  put(key: string, value: string): Promise<void>
  batch(): Batch
  get(key: string): Promise<{ value: string } | null>
  createHistoryStream(options: { live: boolean; gt: number }): AsyncIterable<{ key: string }>
}

type Packages = [
  { default: new (folder: string) => Store },
  { default: new (core: Core, encodings: { keyEncoding: string; valueEncoding: string }) => Bee }
]

/** Blocks of a Hyperbee that are no entries: its header. */
const HEADER_BLOCKS = 1

export class HyperbeeDriver implements Driver {
  readonly #packages: Packages
  readonly #connections = new Connections()
  #store!: Store
  #core!: Core
  #bee!: Bee
  #server: Server | undefined
  #socket: Socket | undefined

  private constructor(packages: Packages) {
    this.#packages = packages
  }

  static async create(): Promise<Driver> {
    return new HyperbeeDriver([await load('corestore'), await load('hyperbee')])
  }

  async open(folder: string, id?: string): Promise<void> {
    const [{ default: Corestore }, { default: Hyperbee }] = this.#packages
    this.#store = new Corestore(folder)
    this.#core = this.#store.get(id === undefined ? { name: 'bench' } : { key: Buffer.from(id, 'hex') })
    await this.#core.ready()
    this.#bee = new Hyperbee(this.#core, { keyEncoding: 'utf-8', valueEncoding: 'utf-8' })
    await this.#bee.ready()
  }

  async put({ key, value }: Entry): Promise<void> {
    await this.#bee.put(key, value)
  }

  async load(entries: readonly Entry[]): Promise<void> {
    const batch = this.#bee.batch()
    for (const { key, value } of entries) await batch.put(key, value)
    await batch.flush()
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#bee.get(key))?.value
  }

  count(): number {
    return this.#core.contiguousLength - HEADER_BLOCKS
  }

  async listen(): Promise<Card> {
    this.#server = createServer({ noDelay: true }, socket => this.#replicate(socket, false))
    this.#connections.follow(this.#server)
    return { port: await listenOn(this.#server), id: this.#core.key.toString('hex') }
  }

  async join({ port }: Card): Promise<void> {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#replicate(this.#socket, true)
    this.#core.download({ start: 0, end: -1 })
  }

  #replicate(socket: Socket, initiator: boolean): void {
    const stream = this.#store.replicate(initiator)
    // Either end may go first when a measurement is over.
    pipeline(socket, stream, socket, () => undefined)
  }

  watch(seen: (key: string) => void): void {
    const follow = async () => {
      const history = this.#bee.createHistoryStream({ live: true, gt: this.#core.contiguousLength - 1 })
      for await (const { key } of history) seen(key)
    }
    follow().catch(() => undefined) // ends with the store
  }

  async settle(): Promise<void> {
    // Nothing is kept in memory only.
  }

  async close(): Promise<void> {
    this.#socket?.destroy()
    await this.#connections.end(this.#server)
    await this.#store.close()
  }
}

/** PouchDB on LevelDB: A serves it by express-pouchdb, B replicates from it by HTTP, live. */
import type { RequestListener, Server } from 'node:http'
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { Card, Driver, Entry } from '../driver.js'
import { load } from '../packages.js'
import { Connections, listenOn } from './loopback.js'

interface Doc {
  _id: string
  value: string
}

interface Emitter<E> {
  on(event: 'change', listener: (event: E) => void): this
  on(event: 'error', listener: (error: unknown) => void): this
  cancel(): void
}

interface Database {
  put(doc: Doc): Promise<unknown>
  bulkDocs(docs: readonly Doc[]): Promise<unknown>
  get(id: string): Promise<Doc>
  info(): Promise<{ doc_count: number }>
  changes(options: { live: true; since: 'now' }): Emitter<{ id: string }>
  replicate: {
    from(url: string, options: { live: true; batch_size: number }): Emitter<{ docs_written: number }>
  }
  close(): Promise<void>
}

interface PouchDB {
  new (name: string): Database
  defaults(options: { prefix: string }): PouchDB
}

interface ServeOptions {
  mode: 'minimumForPouchDB'
  overrideMode: { include: string[] }
  configPath: string
}

type Serve = (pouch: PouchDB, options: ServeOptions) => RequestListener

const NAME = 'bench'
/** Documents a batch of the replication: the default of 100 is slower at everything measured here. */
const BATCH_SIZE = 1000

const documentOf = ({ key, value }: Entry): Doc => ({ _id: key, value })

export class PouchdbDriver implements Driver {
  readonly #connections = new Connections()
  readonly #packages: { PouchDB: PouchDB; serve: Serve }
  #folder = ''
  #pouch!: PouchDB
  #db!: Database
  #count = 0
  #server: Server | undefined
  #replication: { cancel(): void } | undefined
  #changes: { cancel(): void } | undefined

  private constructor(packages: { PouchDB: PouchDB; serve: Serve }) {
    this.#packages = packages
  }

  static async create(): Promise<Driver> {
    const { default: PouchDB } = await load<{ default: PouchDB }>('pouchdb')
    const { default: serve } = await load<{ default: Serve }>('express-pouchdb')
    return new PouchdbDriver({ PouchDB, serve })
  }

  async open(folder: string): Promise<void> {
    this.#folder = folder
    this.#pouch = this.#packages.PouchDB.defaults({ prefix: `${folder}/` })
    this.#db = new this.#pouch(NAME)
    this.#count = (await this.#db.info()).doc_count
  }

  async put(entry: Entry): Promise<void> {
    await this.#db.put(documentOf(entry))
  }

  async load(entries: readonly Entry[]): Promise<void> {
    await this.#db.bulkDocs(entries.map(documentOf))
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#db.get(key)).value
  }

  count(): number {
    return this.#count
  }

  async listen(): Promise<Card> {
    const serve = this.#packages.serve(this.#pouch, {
      mode: 'minimumForPouchDB',
      // Keeps the server's id, by which B knows its checkpoint again when A listens on another port.
      overrideMode: { include: ['config-infrastructure'] },
      configPath: join(this.#folder, 'config.json')
    })
    this.#server = createServer(serve)
    this.#connections.follow(this.#server)
    return { port: await listenOn(this.#server), id: NAME }
  }

  async join({ port, id }: Card): Promise<void> {
    let before = 0
    this.#replication = this.#db.replicate
      .from(`http://127.0.0.1:${port}/${id}`, { live: true, batch_size: BATCH_SIZE })
      .on('change', ({ docs_written }) => {
        this.#count += docs_written - before
        before = docs_written
      })
      .on('error', error => {
        throw error
      })
  }

  watch(seen: (key: string) => void): void {
    this.#changes = this.#db.changes({ live: true, since: 'now' }).on('change', ({ id }) => seen(id))
  }

  async settle(): Promise<void> {
    // A write has been handed to LevelDB when it resolves.
  }

  async close(): Promise<void> {
    this.#changes?.cancel()
    this.#replication?.cancel()
    await this.#connections.end(this.#server)
    await this.#db.close()
  }
}

/** One automerge-repo document whose fields are the entries, kept by its file storage; B is A's WebSocket client. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import { join as joinPath } from 'node:path'
import type { Card, Driver, Entry } from '../driver.js'
import { pauseMs } from '../driver.js'
import { load } from '../packages.js'
import { Connections, listenOn } from './loopback.js'

/** Milliseconds by which the state of a peer is surely saved: it is held back by 100. */
const SAVED_MS = 1000

type Entries = Record<string, { toString(): string }>

interface Handle {
  readonly url: string
  readonly documentId: string
  change(change: (doc: Entries) => void): void
  doc(): Entries
  on(event: 'change', listener: (event: { patches: { action: string; path: unknown[] }[] }) => void): void
}

interface Repo {
  readonly networkSubsystem: { addNetworkAdapter(adapter: unknown): void }
  create(): Handle
  find(url: string): Promise<Handle>
  flush(ids: string[]): Promise<void>
  shutdown(): Promise<void>
}

interface Packages {
  repo: { Repo: new (options: { storage: unknown; network: unknown[] }) => Repo }
  automerge: { ImmutableString: new (text: string) => { toString(): string } }
  storage: { NodeFSStorageAdapter: new (folder: string) => unknown }
  network: {
    WebSocketServerAdapter: new (server: unknown) => unknown
    WebSocketClientAdapter: new (url: string) => unknown
  }
  ws: { WebSocketServer: new (options: { server: Server }) => unknown }
}

export class AutomergeDriver implements Driver {
  readonly #packages: Packages
  readonly #connections = new Connections()
  #repo!: Repo
  #handle: Handle | undefined
  #count = 0
  #server: Server | undefined
  #seen: ((key: string) => void) | undefined

  private constructor(packages: Packages) {
    this.#packages = packages
  }

  static async create(): Promise<Driver> {
    return new AutomergeDriver({
      repo: await load('@automerge/automerge-repo'),
      automerge: await load('@automerge/automerge'),
      storage: await load('@automerge/automerge-repo-storage-nodefs'),
      network: await load('@automerge/automerge-repo-network-websocket'),
      ws: await load('ws')
    })
  }

  async open(folder: string, id?: string): Promise<void> {
    const { repo, storage } = this.#packages
    const data = joinPath(folder, 'data')
    const known = existsSync(data)
    this.#repo = new repo.Repo({ storage: new storage.NodeFSStorageAdapter(data), network: [] })
    const name = joinPath(folder, 'url')
    if (known) this.#follow(await this.#repo.find(id ?? readFileSync(name, 'utf8')))
    else if (id === undefined) {
      this.#follow(this.#repo.create())
      writeFileSync(name, this.#open.url)
    }
  }

  get #open(): Handle {
    if (this.#handle === undefined) throw new Error('the document is not here yet')
    return this.#handle
  }

  #follow(handle: Handle): void {
    this.#handle = handle
    this.#count = Object.keys(handle.doc()).length
    handle.on('change', ({ patches }) => {
      for (const { action, path } of patches) {
        if (action !== 'put' || path.length !== 1) continue
        this.#count++
        this.#seen?.(String(path[0]))
      }
    })
  }

  async put(entry: Entry): Promise<void> {
    await this.load([entry])
  }

  async load(entries: readonly Entry[]): Promise<void> {
    const { ImmutableString } = this.#packages.automerge
    this.#open.change(doc => {
      for (const { key, value } of entries) doc[key] = new ImmutableString(value)
    })
    // A change is made when the call returns: what is sent and saved begins in the next turn.
    await new Promise(resolve => setImmediate(resolve))
  }

  async get(key: string): Promise<string | undefined> {
    return this.#open.doc()[key]?.toString()
  }

  count(): number {
    return this.#count
  }

  async listen(): Promise<Card> {
    const { network, ws } = this.#packages
    this.#server = createServer()
    this.#connections.follow(this.#server)
    const sockets = new ws.WebSocketServer({ server: this.#server })
    this.#repo.networkSubsystem.addNetworkAdapter(new network.WebSocketServerAdapter(sockets))
    return { port: await listenOn(this.#server), id: this.#open.url }
  }

  async join({ port, id }: Card): Promise<void> {
    const { WebSocketClientAdapter } = this.#packages.network
    this.#repo.networkSubsystem.addNetworkAdapter(new WebSocketClientAdapter(`ws://127.0.0.1:${port}`))
    if (this.#handle === undefined) this.#follow(await this.#repo.find(id))
  }

  watch(seen: (key: string) => void): void {
    this.#seen = seen
  }

  async settle(): Promise<void> {
    if (this.#handle !== undefined) await this.#repo.flush([this.#handle.documentId])
    await pauseMs(SAVED_MS)
  }

  async close(): Promise<void> {
    await this.#repo.shutdown()
    await this.#connections.end(this.#server)
  }
}

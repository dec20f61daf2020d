/** A Yjs map, kept by y-leveldb on both sides: A is the y-websocket server, B its client. */
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { Card, Driver, Entry } from '../driver.js'
import { load } from '../packages.js'
import { Connections, listenOn } from './loopback.js'

interface YMap {
  set(key: string, value: string): void
  get(key: string): string | undefined
  readonly size: number
  observe(listener: (event: { keysChanged: Set<string> }) => void): void
}

interface Doc {
  getMap(name: string): YMap
  transact(change: () => void): void
  on(event: 'update', listener: (update: Uint8Array) => void): void
  destroy(): void
}

interface Yjs {
  Doc: new () => Doc
  applyUpdate(doc: Doc, update: Uint8Array): void
  encodeStateAsUpdate(doc: Doc): Uint8Array
}

interface Persistence {
  getYDoc(name: string): Promise<Doc>
  storeUpdate(name: string, update: Uint8Array): Promise<unknown>
  destroy(): Promise<void>
}

interface Packages {
  yjs: Yjs
  leveldb: { LeveldbPersistence: new (folder: string) => Persistence }
  server: { getYDoc(name: string): Doc; setupWSConnection(socket: unknown, request: unknown): void }
  client: {
    WebsocketProvider: new (
      url: string,
      name: string,
      doc: Doc,
      options: { WebSocketPolyfill: unknown; disableBc: boolean }
    ) => { destroy(): void }
  }
  ws: { WebSocketServer: new (options: { server: Server }) => SocketServer; WebSocket: unknown }
}

interface SocketServer {
  on(event: 'connection', listener: (socket: unknown, request: unknown) => void): void
  close(): void
}

const NAME = 'bench'

export class YjsDriver implements Driver {
  readonly #packages: Packages
  readonly #connections = new Connections()
  #persistence!: Persistence
  #doc!: Doc
  #map!: YMap
  #count = 0
  #stored: Promise<unknown> = Promise.resolve()
  #server: Server | undefined
  #provider: { destroy(): void } | undefined

  private constructor(packages: Packages) {
    this.#packages = packages
  }

  static async create(): Promise<Driver> {
    return new YjsDriver({
      yjs: await load('yjs'),
      leveldb: await load('y-leveldb'),
      server: await load('@y/websocket-server/utils'),
      client: await load('y-websocket'),
      ws: await load('ws')
    })
  }

  async open(folder: string, id?: string): Promise<void> {
    const { yjs, leveldb, server } = this.#packages
    this.#persistence = new leveldb.LeveldbPersistence(folder)
    const kept = await this.#persistence.getYDoc(NAME)
    this.#doc = id === undefined ? server.getYDoc(NAME) : new yjs.Doc()
    yjs.applyUpdate(this.#doc, yjs.encodeStateAsUpdate(kept))
    kept.destroy()
    this.#map = this.#doc.getMap('entries')
    this.#count = this.#map.size
    this.#map.observe(event => {
      this.#count += event.keysChanged.size
    })
    this.#doc.on('update', update => {
      this.#stored = this.#persistence.storeUpdate(NAME, update)
    })
  }

  async put({ key, value }: Entry): Promise<void> {
    this.#map.set(key, value)
    await this.#stored
  }

  async load(entries: readonly Entry[]): Promise<void> {
    this.#doc.transact(() => {
      for (const { key, value } of entries) this.#map.set(key, value)
    })
    await this.#stored
  }

  async get(key: string): Promise<string | undefined> {
    return this.#map.get(key)
  }

  count(): number {
    return this.#count
  }

  async listen(): Promise<Card> {
    const { ws, server } = this.#packages
    this.#server = createServer()
    this.#connections.follow(this.#server)
    new ws.WebSocketServer({ server: this.#server }).on('connection', server.setupWSConnection)
    return { port: await listenOn(this.#server), id: NAME }
  }

  async join({ port, id }: Card): Promise<void> {
    const { client, ws } = this.#packages
    this.#provider = new client.WebsocketProvider(`ws://127.0.0.1:${port}`, id, this.#doc, {
      WebSocketPolyfill: ws.WebSocket,
      disableBc: true
    })
  }

  watch(seen: (key: string) => void): void {
    this.#map.observe(event => {
      for (const key of event.keysChanged) seen(key)
    })
  }

  async settle(): Promise<void> {
    await this.#stored
  }

  async close(): Promise<void> {
    this.#provider?.destroy()
    await this.#connections.end(this.#server)
    await this.#stored
    await this.#persistence.destroy()
  }
}

/** Redis with an append-only file that is synced at every write; B is a replica that keeps such a file as well. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Card, Driver, Entry } from '../driver.js'
import { pauseMs } from '../driver.js'
import { load } from '../packages.js'
import { freePort } from './loopback.js'

interface Client {
  connect(): Promise<void>
  set(key: string, value: string): Promise<unknown>
  mset(pairs: Record<string, string>): Promise<unknown>
  get(key: string): Promise<string | null>
  dbsize(): Promise<number>
  call(command: string, ...words: string[]): Promise<unknown>
  psubscribe(pattern: string): Promise<unknown>
  on(event: 'pmessage', listener: (pattern: string, channel: string, message: string) => void): void
  on(event: 'error', listener: (error: Error) => void): void
  disconnect(): void
}

interface Package {
  Redis: new (options: {
    port: number
    host: string
    lazyConnect: boolean
    retryStrategy: () => null
  }) => Client
}

/** Milliseconds that a server may take to begin to listen, and between two tries. */
const [START_MS, TRY_MS] = [20_000, 2]
/** Milliseconds between two requests to end. */
const ASK_AGAIN_MS = 200
const SETTINGS = {
  bind: '127.0.0.1',
  appendonly: 'yes',
  appendfsync: 'always',
  save: '',
  // By default a replica waits five seconds for others that might come.
  'repl-diskless-sync-delay': '0',
  'notify-keyspace-events': 'K$'
}

export class RedisDriver implements Driver {
  readonly #package: Package
  #server: ChildProcess | undefined
  #port = 0
  #client!: Client
  #watcher: Client | undefined

  private constructor(module: Package) {
    this.#package = module
  }

  static async create(): Promise<Driver> {
    return new RedisDriver(await load('ioredis'))
  }

  async open(folder: string): Promise<void> {
    this.#port = await freePort()
    const words = Object.entries({ port: String(this.#port), dir: folder, ...SETTINGS })
    this.#server = spawn(
      'redis-server',
      words.flatMap(([name, value]) => [`--${name}`, value]),
      { stdio: 'ignore' }
    )
    process.once('exit', () => this.#server?.kill('SIGKILL'))
    this.#client = await this.#connect()
  }

  async #connect(): Promise<Client> {
    const deadlineMs = performance.now() + START_MS
    for (;;) {
      const client = new this.#package.Redis({
        port: this.#port,
        host: '127.0.0.1',
        lazyConnect: true,
        retryStrategy: () => null
      })
      client.on('error', () => undefined) // said by the call that fails
      try {
        await client.connect()
        return client
      } catch (error) {
        client.disconnect()
        if (performance.now() > deadlineMs) throw error
        await pauseMs(TRY_MS)
      }
    }
  }

  async put({ key, value }: Entry): Promise<void> {
    await this.#client.set(key, value)
  }

  async load(entries: readonly Entry[]): Promise<void> {
    await this.#client.mset(Object.fromEntries(entries.map(({ key, value }) => [key, value])))
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#client.get(key)) ?? undefined
  }

  async count(): Promise<number> {
    try {
      return await this.#client.dbsize()
    } catch (error) {
      // A replica answers nothing while it reads what it was sent.
      if (String(error).includes('LOADING')) return 0
      throw error
    }
  }

  async listen(): Promise<Card> {
    return { port: this.#port, id: 'redis' }
  }

  async join({ port }: Card): Promise<void> {
    await this.#client.call('REPLICAOF', '127.0.0.1', String(port))
  }

  async watch(seen: (key: string) => void): Promise<void> {
    this.#watcher = await this.#connect()
    const prefix = '__keyspace@0__:'
    this.#watcher.on('pmessage', (_pattern, channel) => seen(channel.slice(prefix.length)))
    await this.#watcher.psubscribe(`${prefix}*`)
  }

  async settle(): Promise<void> {
    // A write is in the file, and synced, when it resolves.
  }

  async close(): Promise<void> {
    this.#watcher?.disconnect()
    this.#client?.disconnect()
    const server = this.#server
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const exit = once(server, 'exit')
    // While it writes its first file after a synchronisation it refuses to end, and does not come back to it.
    const ask = setInterval(() => server.kill('SIGTERM'), ASK_AGAIN_MS)
    server.kill('SIGTERM')
    await exit
    clearInterval(ask)
  }

  processes(): number[] {
    return this.#server?.pid === undefined ? [] : [this.#server.pid]
  }
}

/**
 * A NATS key-value bucket in files: B's server is a leaf node of A's with a mirror of the bucket. B's server is told its
 * hub when it starts, so it starts, with the store that it has, when B joins.
 */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Card, Driver, Entry } from '../driver.js'
import { pauseMs } from '../driver.js'
import { load } from '../packages.js'
import { freePort } from './loopback.js'

interface Bucket {
  put(key: string, value: string): Promise<number>
  get(key: string): Promise<{ string(): string } | null>
  watch(options: { include: 'updates' }): Promise<AsyncIterable<{ key: string }>>
}

interface Manager {
  streams: { info(name: string): Promise<{ state: { messages: number } }> }
}

interface Connection {
  close(): Promise<void>
}

interface Packages {
  transport: { connect(options: { port: number; reconnect: boolean }): Promise<Connection> }
  jetstream: { jetstreamManager(connection: Connection): Promise<Manager> }
  kv: {
    Kvm: new (
      connection: Connection
    ) => {
      create(name: string, options?: { mirror: { name: string; domain: string } }): Promise<Bucket>
    }
  }
}

const NAME = 'bench'
/** Milliseconds that a server may take to answer, and between two tries. */
const [START_MS, TRY_MS] = [20_000, 5]

export class NatsDriver implements Driver {
  readonly #packages: Packages
  #folder = ''
  #leafPort = 0
  #server: ChildProcess | undefined
  #connection: Connection | undefined
  #manager: Manager | undefined
  #bucket!: Bucket

  private constructor(packages: Packages) {
    this.#packages = packages
  }

  static async create(): Promise<Driver> {
    return new NatsDriver({
      transport: await load('@nats-io/transport-node'),
      jetstream: await load('@nats-io/jetstream'),
      kv: await load('@nats-io/kv')
    })
  }

  async open(folder: string, id?: string): Promise<void> {
    this.#folder = folder
    if (id !== undefined) return
    this.#leafPort = await freePort()
    await this.#start('a', `listen: "127.0.0.1:${this.#leafPort}"`)
    this.#bucket = await new this.#packages.kv.Kvm(this.#connection!).create(NAME)
  }

  /** Starts the server and connects to it. */
  async #start(domain: 'a' | 'b', leaf: string): Promise<void> {
    const port = await freePort()
    const config = join(this.#folder, 'nats.conf')
    const data = join(this.#folder, 'data')
    mkdirSync(data, { recursive: true })
    const lines = [
      `server_name: ${domain}`,
      `listen: "127.0.0.1:${port}"`,
      `jetstream { store_dir: "${data}", domain: ${domain} }`,
      `leafnodes { ${leaf} }`
    ]
    writeFileSync(config, lines.join('\n'))
    this.#server = spawn('nats-server', ['-c', config], { stdio: 'ignore' })
    process.once('exit', () => this.#server?.kill('SIGKILL'))
    const deadlineMs = performance.now() + START_MS
    while (this.#manager === undefined) {
      try {
        this.#connection = await this.#packages.transport.connect({ port, reconnect: false })
        this.#manager = await this.#packages.jetstream.jetstreamManager(this.#connection)
      } catch (error) {
        await this.#connection?.close()
        if (performance.now() > deadlineMs) throw error
        await pauseMs(TRY_MS)
      }
    }
  }

  async put({ key, value }: Entry): Promise<void> {
    await this.#bucket.put(key, value)
  }

  async load(entries: readonly Entry[]): Promise<void> {
    await Promise.all(entries.map(({ key, value }) => this.#bucket.put(key, value)))
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#bucket.get(key))?.string()
  }

  async count(): Promise<number> {
    if (this.#manager === undefined) return 0
    return (await this.#manager.streams.info(`KV_${NAME}`)).state.messages
  }

  async listen(): Promise<Card> {
    return { port: this.#leafPort, id: NAME }
  }

  async join({ port, id }: Card): Promise<void> {
    await this.#start('b', `remotes: [{ urls: ["nats-leaf://127.0.0.1:${port}"] }]`)
    const buckets = new this.#packages.kv.Kvm(this.#connection!)
    this.#bucket = await buckets.create(id, { mirror: { name: id, domain: 'a' } })
  }

  async watch(seen: (key: string) => void): Promise<void> {
    const updates = await this.#bucket.watch({ include: 'updates' })
    const follow = async () => {
      for await (const { key } of updates) seen(key)
    }
    follow().catch(() => undefined) // ends with the connection
  }

  async settle(): Promise<void> {
    // A write is in the file when it resolves.
  }

  async close(): Promise<void> {
    await this.#connection?.close()
    const server = this.#server
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const exit = once(server, 'exit')
    server.kill('SIGTERM')
    await exit
  }

  processes(): number[] {
    return this.#server?.pid === undefined ? [] : [this.#server.pid]
  }
}

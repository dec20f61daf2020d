/** natter by its library, one node a process, with the durability that is asked for. */
import type { SyncRound } from '../../../../src/base/index.js'
import type { NatterNode, NodeOptions } from '../../../../src/node.js'
import { createNode } from '../../../../src/node.js'
import type { Card, Driver, Entry } from '../driver.js'
import { freePort } from './loopback.js'

export class NatterDriver implements Driver {
  readonly #durability: NonNullable<NodeOptions['durability']>
  #node: NatterNode | undefined
  #roundBytes = 0
  #watching = new AbortController()

  constructor(durability: NonNullable<NodeOptions['durability']>) {
    this.#durability = durability
  }

  async open(folder: string): Promise<void> {
    // A port of its own at each opening: nobody finds the other again at an old address before `join` is called.
    const listen = [`/ip4/127.0.0.1/tcp/${await freePort()}`]
    this.#node = await createNode({ dataDir: folder, durability: this.#durability, mdns: false, listen })
    this.#node.events.addEventListener('sync', event => {
      const { bytesSent, bytesReceived, received } = (event as CustomEvent<SyncRound>).detail
      if (received > 0) this.#roundBytes = bytesSent + bytesReceived
    })
  }

  get #open(): NatterNode {
    if (this.#node === undefined) throw new Error('not open')
    return this.#node
  }

  async put({ key, value }: Entry): Promise<void> {
    await this.#open.db.put(key, value)
  }

  async load(entries: readonly Entry[]): Promise<void> {
    await this.#open.db.batch(entries.map(({ key, value }) => ({ type: 'put', key, value })))
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#open.db.get(key)) as string | undefined
  }

  async count(): Promise<number> {
    return (await this.#open.status()).keys
  }

  async listen(): Promise<Card> {
    const { peerId, addrs } = await this.#open.status()
    const port = addrs.map(addr => /^\/ip4\/127\.0\.0\.1\/tcp\/(\d+)\/p2p\//.exec(addr)?.[1]).find(Boolean)
    if (port === undefined) throw new Error(`no loopback address in ${addrs.join(', ')}`)
    return { port: Number(port), id: peerId }
  }

  async join({ port, id }: Card): Promise<void> {
    await this.#open.connect(`/ip4/127.0.0.1/tcp/${port}/p2p/${id}`)
  }

  watch(seen: (key: string) => void): void {
    const { signal } = this.#watching
    const follow = async () => {
      for await (const { key } of this.#open.changes({ since: 'now', signal })) {
        if (key !== undefined) seen(key)
      }
    }
    follow().catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
  }

  async settle(): Promise<void> {
    // A batch is with the system when it resolves.
  }

  async close(): Promise<void> {
    this.#watching.abort()
    await this.#node?.stop()
  }

  roundBytes(): number {
    return this.#roundBytes
  }
}

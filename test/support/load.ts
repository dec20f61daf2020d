/**
 * A load on several peers that may fail under it, and what must be true afterwards.
 *
 * One writer a peer: puts with client ids, some handed to two peers; shared keys; batches; a put and its delete;
 * compare-and-set. `check` holds at the end: what was acknowledged is there, batches are whole, nothing is there that
 * nobody wrote, and no key that was written once has two versions.
 */
import '../../src/polyfills.js'
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer, PeerProcess } from './peer-process.js'

const SHARED_KEYS = 10
const BATCH_KEYS = 3
/** A peer that stands still or is paused in the network answers late or never; the writer goes on. */
const ANSWER_WITHIN_MS = 5000

export interface LoadInit {
  /** The peers as they are now: whoever restarts one puts the new process into its place. */
  readonly peers: readonly PeerProcess[]
  readonly fraction: () => number
  /** Between two writes of one writer. */
  readonly everyMs: number
}

export class Load {
  /** What a key written once must hold; `null` for one that is deleted. */
  readonly acked = new Map<string, number | null>()
  readonly #init: LoadInit
  /** Every value ever sent for a shared key. */
  readonly #sent = new Map<string, Set<unknown>>()
  readonly #once = new Set<string>()
  readonly #held = new Map<number, Promise<void>>()
  readonly #busy = new Map<number, Promise<void>>()
  #count = 0
  #stopped = false
  #running: Promise<unknown> = Promise.resolve()
  writes = 0

  constructor(init: LoadInit) {
    this.#init = init
  }

  start(): void {
    this.#running = Promise.all(this.#init.peers.map((_, at) => this.#writer(at)))
  }

  /** Resolves when no write is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  /** No write is under way at this peer until the returned function is called. */
  async hold(at: number): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#held.set(at, promise)
    await this.#busy.get(at)
    return () => {
      this.#held.delete(at)
      resolve()
    }
  }

  async #writer(at: number): Promise<void> {
    while (!this.#stopped) {
      await this.#held.get(at)
      const write = this.#write(at).catch(() => undefined) // no answer: it may have been made or not
      this.#busy.set(at, write)
      await write
      await sleep(this.#init.everyMs)
    }
  }

  #write(at: number): Promise<void> {
    const n = this.#count++
    const chance = this.#init.fraction()
    if (chance < 0.5) return this.#withId(at, n)
    if (chance < 0.65) return this.#shared(at, n)
    if (chance < 0.8) return this.#batch(at, n)
    if (chance < 0.9) return this.#deleted(at, n)
    return this.#compareAndSet(at, n)
  }

  /** A put with a client id; without an answer, or by chance, it is handed to another peer as well. */
  async #withId(at: number, n: number): Promise<void> {
    const key = `id-${n}`
    this.#once.add(key)
    const op = { id: `write-${n}`, kind: 'put', key, value: n }
    const others = this.#init.peers.map((_, other) => other).filter(other => !this.#held.has(other))
    const second = others[Math.floor(this.#init.fraction() * others.length)]
    for (const gateway of this.#init.fraction() < 0.3 ? [at, second] : [at]) {
      if (gateway === undefined) continue
      const { status, body } = await this.#ask(gateway, 'POST', '/p2p/ops', { from: 'load', ops: [op] })
      if (status === 200 && body.acked_ids.includes(op.id)) this.#made(key, n)
    }
  }

  async #shared(at: number, n: number): Promise<void> {
    const key = `shared-${n % SHARED_KEYS}`
    this.#send(key, n)
    const { status } = await this.#ask(at, 'PUT', `/kv/${key}`, { value: n })
    if (status === 200) this.writes++
  }

  async #batch(at: number, n: number): Promise<void> {
    const keys = Array.from({ length: BATCH_KEYS }, (_, i) => `batch-${n}-${i}`)
    for (const key of keys) this.#once.add(key)
    const ops = keys.map(key => ({ type: 'put', key, value: n }))
    const { status } = await this.#ask(at, 'POST', '/batch', { ops })
    if (status === 200) for (const key of keys) this.#made(key, n)
  }

  async #deleted(at: number, n: number): Promise<void> {
    const key = `deleted-${n}`
    this.#once.add(key)
    const { status } = await this.#ask(at, 'PUT', `/kv/${key}`, { value: n })
    if (status !== 200) return
    this.#made(key, n)
    // Until the answer it may be deleted or not.
    this.acked.delete(key)
    const { status: gone } = await this.#ask(at, 'DELETE', `/kv/${key}`)
    if (gone === 200) this.#made(key, null)
  }

  async #compareAndSet(at: number, n: number): Promise<void> {
    const key = `cas-${n % SHARED_KEYS}`
    const { status, body } = await this.#ask(at, 'GET', `/kv/${key}`)
    if (status !== 200 && status !== 404) return
    const headers = status === 404 ? { 'if-none-match': '*' } : { 'if-match': `"${body.op_id}"` }
    this.#send(key, n)
    const put = await this.#ask(at, 'PUT', `/kv/${key}`, { value: n }, headers)
    if (put.status === 200) this.writes++
  }

  #made(key: string, value: number | null): void {
    this.acked.set(key, value)
    this.writes++
  }

  #send(key: string, value: unknown): void {
    const sent = this.#sent.get(key) ?? new Set()
    this.#sent.set(key, sent.add(value))
  }

  async #ask(at: number, ...request: Parameters<PeerProcess['request']>): Promise<Answer> {
    const late = sleep(ANSWER_WITHIN_MS, undefined, { ref: false }).then(() => {
      throw new Error('no answer')
    })
    return Promise.race([this.#init.peers[at]!.request(...request), late])
  }

  /** What one of several equal peers holds is what must be there. */
  async check(peer: PeerProcess): Promise<void> {
    const held = await everything(peer)
    for (const [key, value] of this.acked) {
      assert.deepEqual(held.get(key) ?? null, value, `${key} was acknowledged as ${value}`)
    }
    for (const [key, value] of held) {
      const sent = this.#sent.get(key)
      if (sent !== undefined) assert.ok(sent.has(value), `${key} holds ${value}, which nobody wrote`)
      else assert.ok(this.#once.has(key) || !isOurs(key), `${key} is there, and nobody wrote it`)
      const batch = /^batch-(\d+)-/.exec(key)
      if (batch === null) continue
      for (let i = 0; i < BATCH_KEYS; i++) {
        assert.equal(held.get(`batch-${batch[1]}-${i}`), Number(batch[1]), `batch ${batch[1]} is whole`)
      }
    }
    for (const key of await conflicts(peer)) {
      assert.ok(!/^(id|batch)-/.test(key), `${key} was written once and has two versions`)
    }
  }
}

function isOurs(key: string): boolean {
  return /^(id|batch|deleted|shared|cas)-/.test(key)
}

/** All keys with their values, page by page. */
export async function everything(peer: PeerProcess): Promise<Map<string, unknown>> {
  const values = new Map<string, unknown>()
  for (let next: string | null = ''; next !== null; ) {
    const { body } = await peer.get(`/kv?gt=${encodeURIComponent(next)}&limit=10000`)
    for (const { key, value } of body.items) values.set(key, value)
    next = body.next ?? null
  }
  return values
}

async function conflicts(peer: PeerProcess): Promise<string[]> {
  const { body } = await peer.get('/conflicts')
  return body.conflicts.map(({ key }: { key: string }) => key)
}

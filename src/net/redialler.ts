/**
 * Dials every address that is to be connected, for ever: full jitter under a bound that doubles from 0.5 s to 30 s.
 *
 * libp2p gives up after half a minute and does not dial what it discovers, so nothing of its own retrying is used. At most
 * eight dials are under way at once, whoever asked. A discovered peer is tried at once, by one of the two sides. Who is to be connected
 * is decided elsewhere (targets.ts, bootstrap addresses); what a dial is, too: one that the peer undoes has failed.
 */
import type { Clock, Random, Timer } from '../base/index.js'
import { messageOf } from '../base/index.js'
import type { Author } from '../log/index.js'
import type { PeerAddress } from './address.js'
import type { DialState, NetHealth } from './index.js'

const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 30_000
/** Chance may say at once: not several times in a row. */
const MIN_DELAY_MS = 50
/** What the second of two waits for the first: a handshake on a slow machine. */
const SECOND_DELAY_MS = 1000
/** Dials at once: enough for a small network in one go, few enough for a slow link. */
const MAX_DIALS = 8
/** Addresses tried for one peer: its own, and what was heard of it. */
const MAX_ADDRS = 16

export interface RedialComponents {
  readonly clock: Clock
  readonly random: Random
  /** Resolves when the peer took this node in; the author is who answered. */
  dial(addrs: readonly PeerAddress[], author: Author | undefined): Promise<Author>
  connected(author: Author): boolean
  /** Of two that learn of each other at the same time, one dials at once and the other waits to be dialled. */
  first(author: Author): boolean
  /** Whether bootstrap addresses may rest, because enough other peers are connected. */
  enough(): boolean
  /** Why a peer is not dialled now: blocked, not allowed, circuit open. */
  hindrance(author: Author): string | undefined
  log(line: string): void
}

interface Entry {
  readonly key: string
  author: Author | undefined
  addrs: PeerAddress[]
  /** Given by the user: kept whatever the targets are. */
  bootstrap: boolean
  wanted: boolean
  failures: number
  lastError: string | null
  nextTryAtMs: number | null
  timer: Timer | undefined
  state: 'idle' | 'queued' | 'dialling'
}

export class Redialler {
  readonly #components: RedialComponents
  readonly #entries = new Map<string, Entry>()
  readonly #queue: Entry[] = []
  #dialling = 0
  #running = false

  constructor(components: RedialComponents) {
    this.#components = components
  }

  start(): void {
    this.#running = true
    for (const entry of this.#entries.values()) this.#tryNow(entry)
  }

  stop(): void {
    this.#running = false
    this.#queue.length = 0
    for (const entry of this.#entries.values()) {
      entry.timer?.cancel()
      entry.timer = undefined
      entry.nextTryAtMs = null
      if (entry.state === 'queued') entry.state = 'idle'
    }
  }

  /** Keeps an address of the user for ever. */
  addBootstrap(address: PeerAddress): void {
    const entry = this.#entry(address.author ?? address.text, address.author)
    entry.bootstrap = true
    this.#addAddrs(entry, [address])
    this.#tryNow(entry)
  }

  /** The peers to be connected beside the bootstrap addresses, with what is known of their addresses. */
  setTargets(targets: ReadonlyMap<Author, readonly PeerAddress[]>): void {
    for (const entry of [...this.#entries.values()]) {
      entry.wanted = entry.author !== undefined && targets.has(entry.author)
      if (!entry.wanted && !entry.bootstrap) this.#remove(entry)
    }
    for (const [author, addrs] of targets) {
      const isNew = !this.#entries.has(author)
      const entry = this.#entry(author, author)
      entry.wanted = true
      const news = this.#addAddrs(entry, addrs)
      if (isNew || news) this.#tryFirst(entry)
    }
  }

  /** Tries a peer at once, if it is one to be connected. */
  kick(author: Author): void {
    for (const entry of this.#entries.values()) if (entry.author === author) this.#tryFirst(entry)
  }

  connected(author: Author): void {
    for (const entry of this.#entries.values()) {
      if (entry.author !== author) continue
      entry.failures = 0
      entry.lastError = null
      entry.nextTryAtMs = null
      entry.timer?.cancel()
    }
  }

  disconnected(author: Author): void {
    for (const entry of this.#entries.values()) {
      if (entry.author === author && entry.state === 'idle') this.#schedule(entry)
    }
  }

  /** Forgets the addresses of a peer, given ones too. */
  drop(author: Author): void {
    for (const entry of [...this.#entries.values()]) if (entry.author === author) this.#remove(entry)
  }

  states(): DialState[] {
    const states = new Map<Author, DialState>()
    for (const { author } of this.#entries.values()) {
      const state = author && this.state(author)
      if (state !== undefined) states.set(state.peer, state)
    }
    return [...states.values()]
  }

  /** Addresses of the user at which nobody has answered who could be named. */
  unanswered(): NetHealth['unanswered'] {
    const entries = [...this.#entries.values()].filter(({ author }) => author === undefined)
    return entries.map(({ key, failures, lastError, nextTryAtMs }) => ({
      addr: key,
      failures,
      lastError,
      nextTryAtMs
    }))
  }

  state(author: Author): DialState | undefined {
    for (const entry of this.#entries.values()) {
      if (entry.author !== author) continue
      const { failures, lastError, nextTryAtMs } = entry
      return { peer: author, failures, lastError, nextTryAtMs }
    }
    return undefined
  }

  #entry(key: string, author: Author | undefined): Entry {
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      entry = {
        key,
        author,
        addrs: [],
        bootstrap: false,
        wanted: false,
        failures: 0,
        lastError: null,
        nextTryAtMs: null,
        timer: undefined,
        state: 'idle'
      }
      this.#entries.set(key, entry)
    }
    return entry
  }

  /** Newest first, so that a stale address is the one that falls out; true when one was new. */
  #addAddrs(entry: Entry, addrs: readonly PeerAddress[]): boolean {
    const known = new Set(entry.addrs.map(address => address.text))
    const fresh = addrs.filter(address => !known.has(address.text))
    entry.addrs = [...fresh, ...entry.addrs].slice(0, MAX_ADDRS)
    return fresh.length > 0
  }

  #remove(entry: Entry): void {
    entry.timer?.cancel()
    this.#entries.delete(entry.key)
    const at = this.#queue.indexOf(entry)
    if (at >= 0) this.#queue.splice(at, 1)
  }

  #tryFirst(entry: Entry): void {
    const { author } = entry
    if (author === undefined || entry.bootstrap || this.#components.first(author)) this.#tryNow(entry)
    else if (this.#running && entry.state === 'idle' && !this.#components.connected(author)) {
      this.#scheduleIn(entry, SECOND_DELAY_MS)
    }
  }

  #schedule(entry: Entry): void {
    const { random } = this.#components
    const boundMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(entry.failures, 10))
    this.#scheduleIn(entry, Math.max(MIN_DELAY_MS, Math.ceil(random.fraction() * boundMs)))
  }

  #scheduleIn(entry: Entry, delayMs: number): void {
    if (!this.#running || !this.#entries.has(entry.key)) return
    const { clock } = this.#components
    entry.timer?.cancel()
    entry.nextTryAtMs = clock.now() + delayMs
    entry.timer = clock.schedule(delayMs, () => this.#tryNow(entry))
  }

  #tryNow(entry: Entry): void {
    if (!this.#running || entry.state !== 'idle') return
    entry.timer?.cancel()
    entry.nextTryAtMs = null
    entry.state = 'queued'
    this.#queue.push(entry)
    this.#pump()
  }

  #pump(): void {
    while (this.#dialling < MAX_DIALS) {
      const entry = this.#queue.shift()
      if (entry === undefined) return
      entry.state = 'idle'
      const { author } = entry
      if (author !== undefined) {
        if (this.#components.connected(author)) continue
        if (!entry.wanted && this.#components.enough()) {
          this.#schedule(entry)
          continue
        }
        const hindrance = this.#components.hindrance(author)
        if (hindrance !== undefined) {
          this.#failed(entry, hindrance)
          continue
        }
      }
      if (entry.addrs.length > 0) void this.#dial(entry)
    }
  }

  async #dial(entry: Entry): Promise<void> {
    entry.state = 'dialling'
    this.#dialling++
    try {
      const author = await this.#components.dial(entry.addrs, entry.author)
      entry.state = 'idle'
      entry.author ??= author
      this.connected(author)
    } catch (error) {
      entry.state = 'idle'
      if (isSelf(error)) this.#remove(entry)
      else this.#failed(entry, messageOf(error))
    } finally {
      this.#dialling--
      this.#pump()
    }
    // The peer may have gone while its arrival was being told.
    if (entry.author !== undefined && entry.state === 'idle' && entry.nextTryAtMs === null) {
      if (!this.#components.connected(entry.author)) this.#schedule(entry)
    }
  }

  #failed(entry: Entry, reason: string): void {
    if (reason !== entry.lastError)
      this.#components.log(`dial ${entry.addrs[0]?.text ?? entry.key}: ${reason}`)
    entry.failures++
    entry.lastError = reason
    this.#schedule(entry)
  }
}

/** Thrown by `dial` when this node itself answered: the address is dropped. */
export class DialledSelf extends Error {}

function isSelf(error: unknown): boolean {
  return error instanceof DialledSelf
}

/**
 * Keeps streams with the neighbours that replication chooses among the connected nodes, and once a minute meets one
 * that is none. Of two nodes the one with the smaller key opens the stream; the other only when that does not come.
 */
import type { Clock, Random, Timer } from '../base/index.js'
import { messageOf } from '../base/index.js'
import type { Author } from '../log/index.js'
import type { Net, SyncStream } from '../net/index.js'
import { selectNeighbours } from '../replication/index.js'

/** Between two looks when nothing changes. */
const lookEveryMs = 5000
/** Wait of the node with the larger key for the stream of the other. */
const politeMs = 1000
/** Between two meetings with a node that is no neighbour. */
const meetEveryMs = 60_000
/** A stream that is no neighbour's is closed after this time. */
const surplusMs = 30_000
/** Back-off after a stream could not be opened: first, and at most. */
const retryMs = 500
const longestRetryMs = 30_000

export interface NeighbourhoodInit {
  readonly self: Author
  readonly net: Net
  readonly clock: Clock
  readonly random: Random
  readonly most: number
  /** Takes a stream in. */
  readonly adopt: (stream: SyncStream) => void
  /** The stream with a peer, when it was opened and by whom. */
  readonly current: (peer: Author) => { outbound: boolean; openedAtMs: number; busy: boolean } | undefined
  readonly close: (peer: Author, reason: string) => void
  readonly onRtt: (peer: Author, rttMs: number) => void
  readonly onFailed: (peer: Author, reason: string) => void
}

export class Neighbourhood {
  readonly #init: NeighbourhoodInit
  readonly #connectedAt = new Map<Author, number>()
  readonly #opening = new Map<Author, Promise<boolean>>()
  readonly #avoid = new Map<Author, { untilMs: number; failures: number }>()
  #chosen: ReadonlySet<Author> = new Set()
  #metAtMs: number
  #timer: Timer | undefined
  #running = false

  constructor(init: NeighbourhoodInit) {
    this.#init = init
    this.#metAtMs = init.clock.now()
  }

  start(): void {
    this.#running = true
    for (const { peer } of this.#init.net.connected()) this.connected(peer)
    this.look()
  }

  /** Opens and closes nothing until it is started again. */
  pause(): void {
    this.#running = false
    this.#timer?.cancel()
  }

  connected(peer: Author): void {
    this.#connectedAt.set(peer, this.#init.clock.now())
    const avoided = this.#avoid.get(peer)
    // A new connection is a new chance, but for a node that said never.
    if (avoided !== undefined && avoided.untilMs !== Number.POSITIVE_INFINITY) this.#avoid.delete(peer)
    this.lookSoon()
  }

  disconnected(peer: Author): void {
    this.#connectedAt.delete(peer)
    this.lookSoon()
  }

  /** Looks once after everything that happens now. */
  lookSoon(): void {
    if (!this.#running) return
    const now = this.#init.clock.now()
    this.#lookAt(now, now)
  }

  /** No stream is opened to this peer for a while. */
  avoid(peer: Author, forMs: number): void {
    const failures = (this.#avoid.get(peer)?.failures ?? 0) + 1
    const backOffMs = Math.min(longestRetryMs, retryMs * 2 ** Math.min(10, failures))
    const jitter = 0.5 + this.#init.random.fraction() / 2
    this.#avoid.set(peer, { untilMs: this.#init.clock.now() + Math.max(forMs, backOffMs * jitter), failures })
    this.lookSoon()
  }

  /** A handshake came to its end: what went wrong before counts no more. */
  settled(peer: Author): void {
    this.#avoid.delete(peer)
  }

  /** Opens a stream whoever the peer is, unless there is one; false when that fails. */
  open(peer: Author, signal?: AbortSignal): Promise<boolean> {
    const under = this.#opening.get(peer)
    if (under !== undefined) return under
    if (this.#init.current(peer) !== undefined) return Promise.resolve(true)
    const opening = this.#open(peer, signal).finally(() => this.#opening.delete(peer))
    this.#opening.set(peer, opening)
    return opening
  }

  async #open(peer: Author, signal?: AbortSignal): Promise<boolean> {
    const { net, adopt, onFailed } = this.#init
    try {
      const stream = await net.openStream(peer, signal === undefined ? {} : { signal })
      if (!this.#running) await stream.close()
      else adopt(stream)
      return true
    } catch (error) {
      if (!this.#running) return false
      onFailed(peer, messageOf(error))
      this.avoid(peer, 0)
      return false
    }
  }

  /** Opens what is lacking, closes what is too much, and says when to look again. */
  look(): void {
    if (!this.#running) return
    const { net, clock, self, most, random, current, close, onRtt } = this.#init
    const now = clock.now()
    const reachable = net.connected()
    const known = Math.max(net.presence().length, reachable.length)
    const { peers, chosen } = selectNeighbours({
      self,
      reachable: reachable.filter(({ peer }) => !this.#isAvoided(peer, now)),
      known,
      chosen: this.#chosen,
      fraction: () => random.fraction(),
      most
    })
    this.#chosen = chosen
    let againMs = now + lookEveryMs
    for (const peer of peers) {
      if (current(peer) !== undefined || this.#opening.has(peer)) continue
      const openAtMs = (this.#connectedAt.get(peer) ?? now) + (self < peer ? 0 : politeMs)
      if (openAtMs <= now || openAtMs > now + politeMs) void this.open(peer)
      else againMs = Math.min(againMs, openAtMs)
    }
    for (const { peer, rttMs } of reachable) {
      if (rttMs !== null) onRtt(peer, rttMs)
      const stream = current(peer)
      if (stream === undefined || !stream.outbound || stream.busy || peers.has(peer)) continue
      if (Math.abs(now - stream.openedAtMs) >= surplusMs) close(peer, 'no neighbour any more')
    }
    this.#meet(
      reachable.map(({ peer }) => peer).filter(peer => !peers.has(peer)),
      now
    )
    for (const { untilMs } of this.#avoid.values()) if (untilMs > now) againMs = Math.min(againMs, untilMs)
    this.#lookAt(againMs, now)
  }

  #isAvoided(peer: Author, now: number): boolean {
    return (this.#avoid.get(peer)?.untilMs ?? 0) > now
  }

  /** One HELLO a minute with a random other: whatever the choice of neighbours, nobody stays apart. */
  #meet(others: readonly Author[], now: number): void {
    if (Math.abs(now - this.#metAtMs) < meetEveryMs) return
    this.#metAtMs = now
    const strangers = others.filter(
      peer => this.#init.current(peer) === undefined && !this.#isAvoided(peer, now)
    )
    const guest = strangers[Math.floor(this.#init.random.fraction() * strangers.length)]
    if (guest !== undefined) void this.open(guest)
  }

  #lookAt(atMs: number, now: number): void {
    this.#timer?.cancel()
    this.#timer = this.#init.clock.schedule(Math.max(1, atMs - now), () => this.look())
  }
}

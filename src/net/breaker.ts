/**
 * The circuit breaker: a peer that breaks the protocol too often is left alone for a while.
 *
 * closed: errors are counted, and one is forgotten per cool-down without another. open: the peer is neither dialled nor
 * let in. half-open: it may try again; the next error opens the circuit at once, a cool-down without one closes it.
 * Being unreachable is no protocol error: that is the redialler's business.
 */
import { PEER } from '../base/index.js'
import type { Author } from '../log/index.js'

export type Circuit = 'closed' | 'open' | 'half-open'

export interface BreakerInit {
  /** Protocol errors that open a circuit. */
  readonly threshold: number
  /** Milliseconds for which it stays open, and then half-open. */
  readonly coolDownMs: number
}

interface Count {
  errors: number
  lastAtMs: number
  opened: boolean
}

export class Breaker {
  readonly #init: BreakerInit
  readonly #counts = new Map<Author, Count>()

  constructor(init: BreakerInit) {
    this.#init = init
  }

  /** Counts one error; true when it opened the circuit. */
  fail(peer: Author, nowMs: number): boolean {
    const before = this.state(peer, nowMs)
    const count = this.#counts.get(peer) ?? { errors: 0, lastAtMs: nowMs, opened: false }
    if (before === 'closed') {
      const quietMs = nowMs - count.lastAtMs
      count.errors = Math.max(0, count.errors - Math.floor(quietMs / this.#init.coolDownMs)) + 1
      count.opened = count.errors >= this.#init.threshold
    }
    count.lastAtMs = nowMs
    // Deleted first, so that the oldest goes when there are too many.
    this.#counts.delete(peer)
    this.#counts.set(peer, count)
    if (this.#counts.size > PEER.remembered) this.#counts.delete(this.#counts.keys().next().value!)
    return count.opened && before !== 'open'
  }

  state(peer: Author, nowMs: number): Circuit {
    const count = this.#counts.get(peer)
    if (count === undefined || !count.opened) return 'closed'
    const quietMs = nowMs - count.lastAtMs
    if (quietMs < this.#init.coolDownMs) return 'open'
    if (quietMs < 2 * this.#init.coolDownMs) return 'half-open'
    this.#counts.delete(peer)
    return 'closed'
  }

  forget(peer: Author): void {
    this.#counts.delete(peer)
  }
}

/**
 * Who may connect, either way, and why not: block list, allow list, circuit breaker. One sentence each.
 *
 * Asked at three points: before a dial, when the other side's key is proved, and by the redialler. Everybody who holds
 * the pre-shared key gets as far as proving a peer id; nobody else does (key-watch.ts).
 */
import type { Clock } from '../base/index.js'
import type { Author } from '../log/index.js'
import type { Breaker } from './breaker.js'

export interface AdmissionInit {
  /** When given, nobody else connects. */
  readonly allow: ReadonlySet<Author> | undefined
  readonly breaker: Breaker
  readonly clock: Clock
}

export class Admission {
  readonly blocked = new Set<Author>()
  readonly #init: AdmissionInit

  constructor(init: AdmissionInit) {
    this.#init = init
  }

  /** Why this peer is not connected to, or `undefined` when it may be. */
  hindrance(peer: Author): string | undefined {
    if (this.blocked.has(peer)) return 'the peer is blocked here'
    const { allow, breaker, clock } = this.#init
    if (allow !== undefined && !allow.has(peer)) return 'the peer is not on the allow list here'
    if (breaker.state(peer, clock.now()) === 'open') {
      return 'the peer broke the protocol too often: it is left alone for a while'
    }
    return undefined
  }
}

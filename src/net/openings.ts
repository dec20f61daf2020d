/**
 * How often a peer may open a stream here. One beyond the rate is reset before anything is read of it, since each costs
 * this node a HELLO and mostly a look at all its tips; who goes on counts as breaking the protocol.
 */
import type { Stream } from '@libp2p/interface'
import type { Clock } from '../base/index.js'
import { PEER, Rates } from '../base/index.js'
import type { Author } from '../log/index.js'

const RATE = { perSecond: PEER.streamsPerSecond, burst: PEER.streamsAtOnce, most: PEER.remembered }

export class Openings {
  readonly #clock: Clock
  readonly #onViolation: (peer: Author, reason: string) => void
  readonly #streams = new Rates<Author>(RATE)
  readonly #patience = new Rates<Author>(RATE)

  constructor(clock: Clock, onViolation: (peer: Author, reason: string) => void) {
    this.#clock = clock
    this.#onViolation = onViolation
  }

  /** Whether the peer may have this stream; it is reset otherwise. */
  admit(peer: Author, stream: Stream): boolean {
    const now = this.#clock.now()
    if (this.#streams.take(peer, now)) return true
    stream.abort(new Error('streams are opened too often'))
    // As many again are forgiven: they may have been under way.
    if (!this.#patience.take(peer, now)) this.#onViolation(peer, 'it opens streams without an end')
    return false
  }
}

/** What peers lacked when it was looked at last, so that the next look can say whether it grows. */
import type { Author } from '../../log/index.js'

export interface LagSeen {
  readonly ops: number
  readonly acked: number
  readonly atMs: number
}

/** Looks closer together than this say nothing of a tendency: the earlier one is kept. */
const tendencyMs = 5_000

export class LagMemory {
  readonly #seen = new Map<Author, LagSeen>()

  /** Takes a look in; answers the one before it, if that is long enough ago. */
  look(peer: Author, now: LagSeen): LagSeen | undefined {
    const before = this.#seen.get(peer)
    if (before !== undefined && Math.abs(now.atMs - before.atMs) < tendencyMs) return undefined
    this.#seen.set(peer, now)
    return before
  }

  /** Forgets all but these. */
  keepOnly(peers: readonly Author[]): void {
    for (const peer of this.#seen.keys()) if (!peers.includes(peer)) this.#seen.delete(peer)
  }
}

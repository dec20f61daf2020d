/** Ids that are committed while a lookup on disk is under way, so that its answer is not overtaken. */
import type { ShortId } from '../log/index.js'

export class RecentCommits {
  readonly #watching = new Set<Set<ShortId>>()

  watch(): Set<ShortId> {
    const ids = new Set<ShortId>()
    this.#watching.add(ids)
    return ids
  }

  unwatch(ids: Set<ShortId>): void {
    this.#watching.delete(ids)
  }

  committed(id: ShortId): void {
    for (const ids of this.#watching) ids.add(id)
  }
}

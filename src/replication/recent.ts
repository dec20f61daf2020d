/**
 * The batches that were applied last, with their positions. In two generations: of the older one all go at once, since
 * a map that loses its first entry each time walks over the places of all that it lost.
 */
import type { ShortId } from '../log/index.js'

/** Ids of one generation; at least so many are remembered, and at most twice as many. */
const generationBatches = 8192

export class RecentBatches {
  #young = new Map<ShortId, number>()
  #old = new Map<ShortId, number>()

  add(id: ShortId, position: number): void {
    this.#young.set(id, position)
    if (this.#young.size < generationBatches) return
    this.#old = this.#young
    this.#young = new Map()
  }

  has(id: ShortId): boolean {
    return this.#young.has(id) || this.#old.has(id)
  }

  /** The position of a batch; undefined where it is too long ago. */
  get(id: ShortId): number | undefined {
    return this.#young.get(id) ?? this.#old.get(id)
  }
}

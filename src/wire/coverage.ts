/**
 * Which signature covers which unsigned batch: a signature covers its own batch and, going back along `previous`, the
 * unsigned ones before it, within `FORMAT.unsignedBatches` and `FORMAT.unsignedBytes`.
 */
import { FORMAT } from '../base/index.js'
import type { BareHeader, BatchId } from '../log/index.js'

/** What one signature covers so far: `count` batches with its own, `bytes` of the bodies of the others. */
export interface Stretch {
  readonly count: number
  readonly bytes: number
}

/** Walked from the last item of a run to the first. */
export class Coverage {
  // Several stretches end at a batch where a fork begins behind it; any of them will do.
  readonly #stretches = new Map<BatchId, Stretch[]>()

  /** Notes that the signature of `item` is there: it covers what comes before. */
  sign(item: BareHeader): void {
    this.#offer(item.header.previous, { count: 1, bytes: 0 })
  }

  /**
   * Takes `item` in as one without a signature, with `extra` unsigned ones right before it that have to be covered
   * as well. False when no signature behind it covers them all.
   */
  cover(item: BareHeader, extra: Stretch = NOTHING): boolean {
    const { bodyLength, previous } = item.header
    let covered = false
    for (const stretch of this.#stretches.get(item.id) ?? []) {
      const grown = { count: stretch.count + 1, bytes: stretch.bytes + bodyLength }
      if (grown.count + extra.count > FORMAT.unsignedBatches) continue
      if (grown.bytes + extra.bytes > FORMAT.unsignedBytes) continue
      this.#offer(previous, grown)
      covered = true
    }
    return covered
  }

  #offer(id: BatchId, stretch: Stretch): void {
    const others = this.#stretches.get(id) ?? []
    if (others.some(other => isWithin(other, stretch))) return
    // Only those that are no worse in any way stay: at most one for each count, however many forks somebody makes.
    this.#stretches.set(id, [...others.filter(other => !isWithin(stretch, other)), stretch])
  }
}

const NOTHING: Stretch = { count: 0, bytes: 0 }

function isWithin(a: Stretch, b: Stretch): boolean {
  return a.count <= b.count && a.bytes <= b.bytes
}

/**
 * The signatures of a run that must travel: those at the ends of chains, and going back from each as few as keep every
 * batch covered.
 */
export function neededSignatures(items: readonly BareHeader[]): Set<BatchId> {
  // For each signed item the unsigned ones right before it: what lost cover if its signature were left out.
  const before = new Map<BatchId, Stretch>()
  const open = new Map<BatchId, Stretch>()
  for (const { header, id, signature } of items) {
    const unsigned = open.get(header.previous) ?? NOTHING
    if (signature !== undefined) before.set(id, unsigned)
    else open.set(id, { count: unsigned.count + 1, bytes: unsigned.bytes + header.bodyLength })
  }
  const needed = new Set<BatchId>()
  const coverage = new Coverage()
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i]!
    if (coverage.cover(item, before.get(item.id)) || item.signature === undefined) continue
    needed.add(item.id)
    coverage.sign(item)
  }
  return needed
}

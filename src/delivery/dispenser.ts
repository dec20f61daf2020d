/**
 * Hands the operations that are due out to the workers of one tick: each at most once, none that is being sent already,
 * and no more than the tick may take. Only seqs are held, so memory does not follow payloads.
 */
import type { Ledger } from './ledger.js'
import type { Accepts, Reads } from './reads.js'

export class Dispenser {
  readonly #ledger: Ledger
  readonly #reads: Reads
  readonly #time: () => number
  readonly #accepts: Accepts | undefined
  readonly #given = new Set<number>()
  /** Given ones that may still stand in the index: a read has to go past them. */
  #standing = 0
  #left: number
  #found: number[] = []
  #filling: Promise<void> | undefined

  /** `limit`: operations of the whole tick. */
  constructor(ledger: Ledger, reads: Reads, limit: number, time: () => number, accepts?: Accepts) {
    this.#ledger = ledger
    this.#reads = reads
    this.#left = limit
    this.#time = time
    this.#accepts = accepts
  }

  /** True when the tick ended because it may take no more. */
  get isSpent(): boolean {
    return this.#left === 0
  }

  /** The next one, reserved for the caller; undefined when there is none. */
  async next(): Promise<number | undefined> {
    for (let filled = false; this.#left > 0; ) {
      const seq = this.#found.shift()
      if (seq === undefined) {
        if (filled) return undefined
        this.#filling ??= this.#fill().finally(() => {
          this.#filling = undefined
        })
        await this.#filling
        filled = true
        continue
      }
      if (this.#given.has(seq) || this.#ledger.reserved.has(seq)) continue
      this.#given.add(seq)
      this.#ledger.reserved.add(seq)
      this.#left--
      return seq
    }
    return undefined
  }

  /** It was not sent, or is to be retried: it may stand in the index still. */
  stands(): void {
    this.#standing++
  }

  async #fill(): Promise<void> {
    const limit = this.#left + this.#standing + this.#ledger.reserved.size
    this.#found = await this.#reads.due(this.#time(), limit, this.#accepts)
  }
}

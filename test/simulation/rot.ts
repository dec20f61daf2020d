/**
 * The records of one directory in which a bit was flipped. Such a record is damaged for as long as its files hold the
 * flipped bytes, whoever wrote them last: a process that copies what it cannot read mends nothing, and what was written
 * and not synced may be gone again after a power cut.
 */
import { equalBytes } from '../../src/base/index.js'
import type { BatchId } from '../../src/log/index.js'
import type { Change } from './table.js'

export interface Flip {
  readonly key: Uint8Array
  /** What stands there since. */
  readonly damaged: Uint8Array
  /** What stood there before. */
  readonly whole: Uint8Array
  /** The batch whose record it is, or which it proves; none for what the log gives again. */
  readonly batch: BatchId | undefined
}

/** The value that the files have under a name. */
export type ValueOf = (name: string) => Uint8Array | undefined

export class Rot {
  readonly #flips: Map<string, Flip>

  constructor(flips: ReadonlyMap<string, Flip> = new Map()) {
    this.#flips = new Map(flips)
  }

  /** Those that the medium may yet have: a process may still read them. */
  get flips(): ReadonlyMap<string, Flip> {
    return this.#flips
  }

  add(name: string, flip: Flip): void {
    this.#flips.set(name, flip)
  }

  /** Those that whoever opens the files now would read. */
  standing(stored: ValueOf): Flip[] {
    return [...this.#flips].filter(([name, flip]) => isDamaged(flip, stored(name))).map(([, flip]) => flip)
  }

  /** These changes are on the medium for good. Answers the keys of what they mended. */
  settle(changes: readonly Change[]): Uint8Array[] {
    const mended: Uint8Array[] = []
    if (this.#flips.size === 0) return mended
    for (const { name, key, value } of changes) {
      const flip = this.#flips.get(name)
      if (flip === undefined || isDamaged(flip, value)) continue
      this.#flips.delete(name)
      mended.push(key)
    }
    return mended
  }
}

export function isDamaged(flip: Flip | undefined, value: Uint8Array | undefined): boolean {
  return flip !== undefined && value !== undefined && equalBytes(value, flip.damaged)
}

/**
 * Refuses commits before the file system is full: a full disk is the one fault that LevelDB does not survive gracefully.
 *
 * Asks the file system at most once a second, or earlier when what was committed since may have used up the margin.
 * The margin is `limits.freeBytes`, or 5 % of the file system where that is less: a small tmpfs stays usable.
 */

import type { Clock } from '../base/index.js'
import { NatterError } from '../base/index.js'

/** Bytes for the writer and of the whole file system. */
export interface Space {
  readonly free: number
  readonly total: number
}

/** One look at the file system serves all commits of so long a time. */
const lookMs = 1_000
/** Written bytes per committed byte: once to the log, once to a table, once more when tables are merged. */
const writeAmplification = 3
/** Share of the file system that is kept free at most. */
const freeShare = 0.05

export class SpaceGuard {
  readonly #look: () => Promise<Space>
  readonly #clock: Clock
  readonly #freeBytes: number
  #seen: Space | undefined
  #seenAtMs = 0
  #writtenSince = 0

  /** `freeBytes`: bytes that must stay free. */
  constructor(look: () => Promise<Space>, clock: Clock, freeBytes: number) {
    this.#look = look
    this.#clock = clock
    this.#freeBytes = freeBytes
  }

  /** Throws `DISK_FULL` when a commit of `bytes` would leave too little. */
  async admit(bytes: number): Promise<void> {
    this.#writtenSince += bytes * writeAmplification
    if (this.#fits()) return
    const seen = await this.#lookAgain()
    this.#writtenSince = bytes * writeAmplification
    if (this.#left(seen) >= 0) return
    this.#writtenSince = 0
    throw new NatterError(
      'DISK_FULL',
      `${seen.free} bytes are free on the disk, the write may take ${bytes * writeAmplification} and ` +
        `${this.#margin(seen)} must stay free: it was not made`
    )
  }

  /** Free bytes by a look that is at most a second old. */
  async freeBytes(): Promise<number> {
    const fresh = this.#seen !== undefined && this.#age() < lookMs
    return fresh ? this.#seen!.free : (await this.#lookAgain()).free
  }

  async #lookAgain(): Promise<Space> {
    this.#seen = await this.#look()
    this.#seenAtMs = this.#clock.now()
    this.#writtenSince = 0
    return this.#seen
  }

  #fits(): boolean {
    return this.#seen !== undefined && this.#age() < lookMs && this.#left(this.#seen) >= 0
  }

  /** A wall clock that stepped back must not keep an old look alive. */
  #age(): number {
    return Math.abs(this.#clock.now() - this.#seenAtMs)
  }

  #left(seen: Space): number {
    return seen.free - this.#writtenSince - this.#margin(seen)
  }

  #margin(seen: Space): number {
    return marginOf(seen, this.#freeBytes)
  }
}

/** Bytes that must stay free on a file system, where `freeBytes` is the limit that was set. */
export function marginOf({ total }: Space, freeBytes: number): number {
  return Math.min(freeBytes, Math.floor(total * freeShare))
}

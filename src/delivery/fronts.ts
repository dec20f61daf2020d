/**
 * Walks that begin at the front of an index from which entries leave as they are used.
 *
 * LevelDB walks over what was deleted until it is compacted away: an index that works as a queue would cost more and
 * more. So for each index this remembers, in memory, a key below which nothing stands. Entries that are written move it
 * back; a walk moves it forward, unless entries were written since it began.
 */
import { compareBytes } from '../base/index.js'
import type { Disk } from '../disk/index.js'
import { SPACE } from './keys.js'

/** Keys of the first read of a walk. */
const FIRST_KEYS = 8

interface Front {
  /** No key of the index is below this one. */
  floor: Uint8Array
  /** Counts the entries that were written. */
  written: number
}

export class Fronts {
  readonly #disk: Disk
  readonly #fronts = new Map<number, Front>()

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** An entry is on disk. */
  wrote(key: Uint8Array): void {
    const front = this.#fronts.get(nameOf(key))
    if (front === undefined) return
    front.written++
    if (compareBytes(key, front.floor) < 0) front.floor = key
  }

  /** What is on disk is not known any more. */
  reset(): void {
    this.#fronts.clear()
  }

  /**
   * The first keys that begin with `prefix`, a whole index, as long as they are `wanted`, and at most `limit`. Reads few
   * of those behind them: mostly none is wanted.
   */
  async first(
    prefix: Uint8Array,
    limit: number,
    wanted: (key: Uint8Array) => boolean = () => true
  ): Promise<Uint8Array[]> {
    const name = nameOf(prefix)
    let front = this.#fronts.get(name)
    if (front === undefined) {
      front = { floor: prefix, written: 0 }
      this.#fronts.set(name, front)
    }
    const { written } = front
    const end = endOf(prefix)
    const keys: Uint8Array[] = []
    let first: Uint8Array | undefined
    let reaches = limit > 0
    const walk = this.#disk.iterate({ gte: front.floor, lt: end })
    try {
      for (let size = FIRST_KEYS; reaches && keys.length < limit; size *= 4) {
        const entries = await walk.next(Math.min(size, limit - keys.length))
        first ??= entries[0]?.[0]
        for (const [key] of entries) {
          reaches = wanted(key)
          if (!reaches) break
          keys.push(key)
        }
        if (entries.length === 0) break
      }
    } finally {
      await walk.close()
    }
    if (front.written === written && limit > 0) front.floor = first ?? end
    return keys
  }
}

/** An index is named by the byte after `O`, the one of states also by the state. */
function nameOf(key: Uint8Array): number {
  return key[1] === SPACE.status ? key[1] * 256 + key[2]! : key[1]!
}

/** The first key behind all that begin with `prefix`. */
export function endOf(prefix: Uint8Array): Uint8Array {
  const end = new Uint8Array(prefix)
  end[end.length - 1]!++
  return end
}

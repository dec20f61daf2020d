/**
 * Which keys surely have no cell on disk, so that a write to a new key need not look for one. LevelDB compacts for the
 * sake of reads that found nothing: looking for each new key of a large store cost more than writing it.
 *
 * Keeps: every key whose cell is on disk is in the filter once that is complete, and in the lists or in the log behind
 * them; each commit adds the cells that it makes, and now and then writes the newest list.
 */
import type { Hashes, KeyFilterBounds } from '../base/index.js'
import type { DiskWrite } from '../disk/index.js'
import type { Mark } from '../log/index.js'
import { BloomFilter } from './bloom-filter.js'
import { encodeKeyList } from './key-lists.js'
import { keyListKey } from './keys.js'
import { keySum } from './records.js'

/** The newest list, which is written again until it is full. */
export interface OpenList {
  readonly number: number
  readonly from: number
  readonly keys: number[]
  /** Bytes of bodies in the log when it was written last. */
  readonly listedBytes: number
}

/** What of a key stands in the filter and in the lists. */
export const keyHash = keySum

export class KeyFilter {
  readonly bounds: KeyFilterBounds
  readonly #filter = new BloomFilter()
  /** Undefined while the filter lacks keys. */
  #open: OpenList | undefined

  constructor(bounds: KeyFilterBounds) {
    this.bounds = bounds
  }

  get isComplete(): boolean {
    return this.#open !== undefined
  }

  /** Whether no cell of the key is on disk; false as well where that is not known. */
  isNew(key: Uint8Array): boolean {
    return this.#open !== undefined && !this.#filter.mayHold(keyHash(key))
  }

  add(hash: number): void {
    this.#filter.add(hash)
  }

  /** Nothing on disk is missing any more; `open` goes on from here. */
  complete(open: OpenList): void {
    this.#open = open
  }

  /**
   * Has a commit that makes the cells of `made` and ends the log at `mark`, with `bytes` of bodies, write what is due.
   * Answers what to do when it is durable.
   */
  writeTo(
    write: DiskWrite,
    { made, mark, bytes }: { made: readonly number[]; mark: Mark; bytes: number },
    hashes: Hashes
  ): () => void {
    const open = this.#open
    const count = (open?.keys.length ?? 0) + made.length
    const isFull = count >= this.bounds.listKeys
    if (open === undefined || !(isFull || bytes - open.listedBytes >= this.bounds.listBytes)) {
      return () => this.#take(made)
    }
    const { number, from } = open
    const list = { number, from, mark, keys: [...open.keys, ...made] }
    write.put(keyListKey(number), encodeKeyList(list, hashes))
    return () => {
      this.#take(made)
      this.#open = isFull
        ? { number: number + 1, from: mark.position, keys: [], listedBytes: bytes }
        : { ...open, listedBytes: bytes }
    }
  }

  #take(made: readonly number[]): void {
    for (const hash of made) {
      this.#filter.add(hash)
      this.#open?.keys.push(hash)
    }
  }
}

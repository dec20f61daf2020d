/**
 * The epochs of which two batches stand under one name here, and from which seq on: there the place alone does not name
 * an op. A function of the log, so every node with the same batches prints the same names.
 */
import type { Hashes } from '../base/index.js'
import type { Epoch } from '../log/index.js'
import { epochOf } from '../log/index.js'
import { readUint } from './keys.js'
import { readRecord, writeRecord } from './records.js'

export interface ForkRecord {
  /** The number of the author in this store. */
  readonly author: number
  readonly epoch: Epoch
  /** The first seq of which there are two batches. */
  readonly seq: number
}

export function encodeFork(key: Uint8Array, { seq }: ForkRecord, hashes: Hashes): Uint8Array {
  return writeRecord(key, hashes, writer => {
    writer.u48(seq)
  })
}

export function decodeFork(key: Uint8Array, value: Uint8Array, hashes: Hashes): ForkRecord {
  return readRecord(key, value, hashes, 'the record of a fork', reader => ({
    author: readUint(key, 1, 4),
    epoch: epochOf(key.subarray(5, 13)),
    seq: reader.u48()
  }))
}

export class ForkTable {
  readonly #since = new Map<string, ForkRecord>()

  values(): IterableIterator<ForkRecord> {
    return this.#since.values()
  }

  /** Takes a fork in; answers false where it is known already. */
  add(fork: ForkRecord): boolean {
    if (this.covers(fork)) return false
    this.#since.set(`${fork.author}/${fork.epoch}`, fork)
    return true
  }

  /** Whether a batch may share its author, epoch and seq with another. */
  covers({ author, epoch, seq }: ForkRecord): boolean {
    if (this.#since.size === 0) return false
    const known = this.#since.get(`${author}/${epoch}`)
    return known !== undefined && known.seq <= seq
  }
}

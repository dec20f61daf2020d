/**
 * The chain of running checks over the log, for whoever walks it: what the check at the next position has to be. And the
 * note that checks do not fit any more: batches that come back into positions without a name may stand in another order
 * than before, and from there on every check is another.
 *
 * The note is written with whatever broke the chain, and goes from "due" to "made" when the chain fits again. Then it
 * stays until the manifest has a new sentinel, whose check may be one of the old.
 */
import type { Hashes } from '../base/index.js'
import type { Disk } from '../disk/index.js'
import type { BatchId } from '../log/index.js'
import { isDamage } from './damage.js'
import { RENEWAL_KEY } from './keys.js'
import { NO_CHECK, nextCheck } from './log-record.js'
import { readRecord, writeRecord } from './records.js'

/** Behind a position of which nothing is known the chain begins anew: what stands there keeps its check. */
export class CheckChain {
  /** The check at `last`; undefined where it cannot be told. */
  check: string | undefined
  last: number
  readonly #hashes: Hashes
  readonly #isUnknown: (position: number) => boolean

  /** `isUnknown` tells of a position that held a batch, and nothing says which. */
  constructor(
    hashes: Hashes,
    isUnknown: (position: number) => boolean,
    from: { last: number; check: string | undefined } = { last: 0, check: NO_CHECK }
  ) {
    this.#hashes = hashes
    this.#isUnknown = isUnknown
    this.last = from.last
    this.check = from.check
  }

  /** What the check of a batch at a position has to be, which carries `own`. */
  expected(position: number, id: BatchId, own: string): string {
    const follows = position === this.last + 1 && this.check !== undefined
    return follows ? nextCheck(this.check!, id, this.#hashes) : own
  }

  take(position: number, check: string): void {
    this.last = position
    this.check = check
  }

  /** A batch that is known to have stood at a position, and is not there. */
  hole(position: number, id: BatchId): void {
    for (let at = this.last + 1; at < position; at++) if (this.#isUnknown(at)) this.check = undefined
    if (this.check !== undefined) this.check = nextCheck(this.check, id, this.#hashes)
    this.last = position
  }
}

/** The first position whose check is to be made anew, or 'made'. */
export type RenewalNote = number | 'made'

export function encodeRenewal(note: RenewalNote, hashes: Hashes): Uint8Array {
  return writeRecord(RENEWAL_KEY, hashes, writer => writer.u48(note === 'made' ? 0 : note))
}

/** The note as it stands; undefined without one. A damaged one says the same as one of the whole log. */
export async function readRenewal(disk: Disk, hashes: Hashes): Promise<RenewalNote | undefined> {
  try {
    const value = await disk.get(RENEWAL_KEY)
    if (value === undefined) return undefined
    const from = readRecord(RENEWAL_KEY, value, hashes, 'the note of checks', reader => reader.u48())
    return from === 0 ? 'made' : from
  } catch (error) {
    if (!isDamage(error)) throw error
    return 1
  }
}

/** Whether checks may be others than they were when the sentinel was written. */
export async function checksWereRenewed(disk: Disk, hashes: Hashes): Promise<boolean> {
  return (await readRenewal(disk, hashes)) !== undefined
}

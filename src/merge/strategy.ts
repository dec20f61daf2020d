/** The strategies that pick a winner among the heads of a key. See protocols/batch.md, "Versions of a key". */

import type { Author, Epoch, HybridTime, Identity, ShortId } from '../log/index.js'
import { compareTime } from '../log/index.js'

export type Strategy = 'latest' | 'earliest' | 'all' | 'max' | 'min'

export const STRATEGIES: readonly Strategy[] = ['latest', 'earliest', 'all', 'max', 'min']

/** A version of a key that nobody has overwritten. */
export interface Version {
  readonly kind: number
  /** Absent for a tombstone. */
  readonly value?: Uint8Array
  readonly time: HybridTime
  readonly author: Author
  readonly epoch: Epoch
  readonly seq: number
  readonly index: number
  readonly id: ShortId
  /** The first 8 hex digits of the batch id, where author, epoch and seq name more than one batch. */
  readonly branch?: string
  /** Another copy of the same client's op was overwritten: ranks below every version without this. */
  readonly demoted: boolean
  /** Of an op with a client id: copies of one identity are one version. */
  readonly identity?: Identity
}

/** Total order: hybrid time, then author key, epoch, seq, index, batch id. */
export function compareVersions(a: Version, b: Version): number {
  return (
    compareTime(a.time, b.time) ||
    compareText(a.author, b.author) ||
    compareText(a.epoch, b.epoch) ||
    a.seq - b.seq ||
    a.index - b.index ||
    compareText(a.id, b.id)
  )
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

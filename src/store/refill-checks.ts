/**
 * Whether the running checks fit around batches that came back. A pair of neighbours is compared by the commit that brings
 * the later one of them, so no pair that does not fit is left without a note.
 */
import type { Hashes } from '../base/index.js'
import type { LogRecord } from './log-record.js'
import { NO_CHECK, nextCheck } from './log-record.js'

/** The first position whose check does not follow from the one before, next to any of `positions`. */
export async function firstMisfit(
  positions: Iterable<number>,
  recordAt: (position: number) => Promise<LogRecord | undefined>,
  hashes: Hashes
): Promise<number | undefined> {
  let first: number | undefined
  for (const filled of positions) {
    for (const position of [filled, filled + 1]) {
      if (first !== undefined && position >= first) continue
      const before = position === 1 ? undefined : await recordAt(position - 1)
      const record = await recordAt(position)
      if (record === undefined || (before === undefined && position > 1)) continue
      const expected = nextCheck(before?.check ?? NO_CHECK, record.batch.id, hashes)
      if (expected !== record.check) first = position
    }
  }
  return first
}

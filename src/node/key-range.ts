/** The byte range of a listing: its bounds as texts, narrowed to a prefix. */

import type { ListOptions } from '../base/index.js'
import { compareBytes, utf8 } from '../base/index.js'
import type { KeyRange } from '../store/index.js'

export function keyRange(options: ListOptions): KeyRange {
  const range: KeyRange = { reverse: options.reverse ?? false }
  for (const bound of ['gt', 'gte', 'lt', 'lte'] as const) {
    const text = options[bound]
    if (text !== undefined) range[bound] = utf8(text)
  }
  if (options.prefix === undefined || options.prefix === '') return range
  const prefix = utf8(options.prefix)
  const lower = range.gt ?? range.gte
  if (lower === undefined || compareBytes(lower, prefix) < 0) {
    delete range.gt
    range.gte = prefix
  }
  const end = endOfPrefix(prefix)
  const upper = range.lt ?? range.lte
  if (end !== undefined && (upper === undefined || compareBytes(upper, end) >= 0)) {
    delete range.lte
    range.lt = end
  }
  return range
}

/** The first bytes after every key that begins with `prefix`; undefined when there are none. */
function endOfPrefix(prefix: Uint8Array): Uint8Array | undefined {
  const last = prefix.findLastIndex(byte => byte < 0xff)
  if (last === -1) return undefined
  const end = prefix.slice(0, last + 1)
  end[last]!++
  return end
}

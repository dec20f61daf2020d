/**
 * Small JSON files that carry a checksum over their other fields: a flipped bit may leave a file well-formed that says
 * something else. A file without one is taken as it is: people may write such a file, or take the sum out after a change.
 */
import { crc32 } from '../base/crc32.js'
import { utf8 } from '../base/index.js'

/** The text of a file with these fields, of which none is named `sum`. */
export function summedText(fields: object): string {
  return `${JSON.stringify({ ...fields, sum: sumOf(fields) }, null, 2)}\n`
}

/** The fields without the sum, or undefined when it does not fit them. */
export function withoutSum(value: object): Record<string, unknown> | undefined {
  const { sum, ...fields } = value as Record<string, unknown>
  return sum === undefined || sum === sumOf(fields) ? fields : undefined
}

function sumOf(fields: object): string {
  return crc32(utf8(JSON.stringify(fields)))
    .toString(16)
    .padStart(8, '0')
}

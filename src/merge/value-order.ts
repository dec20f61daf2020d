/**
 * The total order of values that `max` and `min` pick by, the same on every node.
 *
 * A value that is a JSON number comes before one that is a JSON string, and that before all other bytes. Numbers
 * compare as IEEE doubles, strings by their UTF-8 bytes, anything else by its bytes. Values that compare equal
 * (`1` and `1.0`) leave the choice to the order of versions.
 */
import { compareBytes, fromUtf8, utf8 } from '../base/index.js'

/** What the bytes are as JSON, or undefined where they are none. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(bytes))
  } catch {
    return undefined
  }
}

const NUMBER = 0
const STRING = 1
const OTHER = 2

function classOf(value: unknown): number {
  return typeof value === 'number' ? NUMBER : typeof value === 'string' ? STRING : OTHER
}

export function compareValues(a: Uint8Array, b: Uint8Array): number {
  const left = parseJson(a)
  const right = parseJson(b)
  const difference = classOf(left) - classOf(right)
  if (difference !== 0) return difference
  if (typeof left === 'number') return compareNumbers(left, right as number)
  if (typeof left === 'string') return compareBytes(utf8(left), utf8(right as string))
  return compareBytes(a, b)
}

// A difference would be NaN for two infinities, which JSON texts such as 1e999 parse to.
function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0
}

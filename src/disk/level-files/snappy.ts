/** Unpacking Snappy blocks (format description of google/snappy), with every length checked before it is used. */
import { Cursor, FileDamage } from './bytes.js'

/** Bytes of an unpacked block at most: LevelDB cuts blocks at 4 KiB, and a single record may be a whole batch. */
const largestBlock = 64 * 1024 * 1024

export function unsnappy(packed: Uint8Array): Uint8Array {
  const cursor = new Cursor(packed)
  const size = cursor.varint()
  // A tag of three bytes makes at most 64: more cannot come of so few.
  if (size > largestBlock || size > packed.length * 64)
    throw new FileDamage('a packed block says a wrong size')
  const out = new Uint8Array(size)
  let at = 0
  while (cursor.left > 0) {
    const tag = cursor.take(1)[0]!
    if ((tag & 3) === 0) {
      const length = literalLength(cursor, tag)
      const bytes = cursor.take(length)
      if (at + length > size) throw new FileDamage('a packed block is too long')
      out.set(bytes, at)
      at += length
      continue
    }
    const { length, offset } = copyOf(cursor, tag)
    if (offset === 0 || offset > at || at + length > size)
      throw new FileDamage('a packed block copies what is not there')
    // The source may overlap what is being written: then it repeats.
    for (const end = at + length; at < end; at++) out[at] = out[at - offset]!
  }
  if (at !== size) throw new FileDamage('a packed block is too short')
  return out
}

function literalLength(cursor: Cursor, tag: number): number {
  const short = tag >> 2
  if (short < 60) return short + 1
  const bytes = cursor.take(short - 59)
  let length = 0
  for (let i = bytes.length - 1; i >= 0; i--) length = length * 256 + bytes[i]!
  return length + 1
}

function copyOf(cursor: Cursor, tag: number): { length: number; offset: number } {
  if ((tag & 3) === 1) return { length: 4 + ((tag >> 2) & 7), offset: ((tag >> 5) << 8) | cursor.take(1)[0]! }
  const bytes = cursor.take((tag & 3) === 2 ? 2 : 4)
  let offset = 0
  for (let i = bytes.length - 1; i >= 0; i--) offset = offset * 256 + bytes[i]!
  return { length: (tag >> 2) + 1, offset }
}

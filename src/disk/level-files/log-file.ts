/**
 * LevelDB's log format, of the write-ahead logs and of the MANIFEST: fragments in blocks of 32 KiB, each with a CRC.
 *
 * A file may end anywhere, as a power cut leaves it; a fragment that does not verify with a good one behind it is damage.
 */
import { uint32 } from './bytes.js'
import { maskedCrc32c } from './crc32c.js'

const blockBytes = 32 * 1024
const headerBytes = 7
const FULL = 1
const FIRST = 2
const LAST = 4

export interface LogFileRead {
  /** The records that are whole, in order. */
  readonly records: Uint8Array[]
  /** Offsets at which something that was written is lost; empty for a file that is whole or only cut at its end. */
  readonly damaged: number[]
  /** Where the end begins that does not verify, and is longer than what a cut would leave; undefined for none. */
  readonly brokenEnd: number | undefined
}

/** `keeps`: whether the records are wanted; without them only the fragments are checked. */
export function readLogFile(file: Uint8Array, keeps = true): LogFileRead {
  const records: Uint8Array[] = []
  const damaged: number[] = []
  let open: Uint8Array[] | undefined
  /** The first fragment that did not verify since the last good one. */
  let broken: number | undefined
  let at = 0
  while (at + headerBytes <= file.length) {
    const left = blockBytes - (at % blockBytes)
    if (left < headerBytes) {
      at += left
      continue
    }
    const fragment = fragmentAt(file, at, left)
    if (fragment === undefined) {
      broken ??= at
      open = undefined
      at = nextGood(file, at + 1)
      continue
    }
    if (broken !== undefined) damaged.push(broken)
    broken = undefined
    const { type, data } = fragment
    if (type === FULL || type === FIRST) {
      // The one that was begun never ended, and was never acknowledged: unless its end was lost, which is told above.
      open = type === FIRST ? [data] : undefined
      if (type === FULL && keeps) records.push(data)
    } else if (open === undefined) {
      if (damaged.at(-1) === undefined) damaged.push(at)
    } else {
      open.push(data)
      if (type === LAST) {
        if (keeps) records.push(joined(open))
        open = undefined
      }
    }
    at += headerBytes + data.length
  }
  return { records, damaged, brokenEnd: broken !== undefined && !isCut(file, broken) ? broken : undefined }
}

function fragmentAt(
  file: Uint8Array,
  at: number,
  left: number
): { type: number; data: Uint8Array } | undefined {
  const length = file[at + 4]! | (file[at + 5]! << 8)
  const type = file[at + 6]!
  const end = at + headerBytes + length
  if (type < FULL || type > LAST || headerBytes + length > left || end > file.length) return undefined
  if (uint32(file, at) !== maskedCrc32c(file, at + 6, end)) return undefined
  return { type, data: file.subarray(at + headerBytes, end) }
}

/** A fragment that says it goes on behind the end of the file: what a power cut leaves of the last write. */
function isCut(file: Uint8Array, at: number): boolean {
  const length = file[at + 4]! | (file[at + 5]! << 8)
  const left = blockBytes - (at % blockBytes)
  return headerBytes + length <= left && at + headerBytes + length > file.length
}

/** Where the next fragment stands that verifies, or the end. */
function nextGood(file: Uint8Array, from: number): number {
  for (let at = from; at + headerBytes <= file.length; at++) {
    const left = blockBytes - (at % blockBytes)
    if (left < headerBytes) {
      at += left - 1
      continue
    }
    const type = file[at + 6]!
    if (type < FULL || type > LAST) continue
    // A fragment of nothing is written only at the end of a block: elsewhere it would be found in chance bytes.
    if (file[at + 4] === 0 && file[at + 5] === 0 && left !== headerBytes) continue
    if (fragmentAt(file, at, left) !== undefined) return at
  }
  return file.length
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/**
 * A record on disk: a version, what its writer fills in, and a checksum over both and the key, so a flipped bit, a torn
 * record and one that stands under a wrong key are found when it is read, never served. The layouts stand in
 * protocols/storage.md and protocols/delivery.md.
 */
import { ByteReader, ByteWriter } from './bytes.js'
import { messageOf, NatterError } from './natter-error.js'
import type { Hashes } from './ports.js'

type Checksum = Pick<Hashes, 'crc32'>

export const RECORD_VERSION = 1
export const CRC_BYTES = 4

export function damaged(where: string, cause?: unknown): NatterError {
  const what = cause === undefined ? 'its checksum does not fit' : messageOf(cause)
  return new NatterError('STORE_DAMAGED', `${where} is damaged: ${what}`, { cause, details: { where } })
}

/** FNV-1a, 32 bits: for a few bytes cheaper than to call a CRC, and enough to tell a record under a wrong key. */
export function keySum(key: Uint8Array): number {
  let sum = 0x811c9dc5
  for (let i = 0; i < key.length; i++) sum = Math.imul(sum ^ key[i]!, 0x01000193)
  return sum
}

/** Puts the checksum into the last four bytes of `value`. */
export function seal(key: Uint8Array, value: Uint8Array, hashes: Checksum): Uint8Array {
  const end = value.length - CRC_BYTES
  const crc = hashes.crc32(value.subarray(0, end)) ^ keySum(key)
  value[end] = crc >>> 24
  value[end + 1] = crc >>> 16
  value[end + 2] = crc >>> 8
  value[end + 3] = crc
  return value
}

/** Whether the record carries its checksum and a version that is known. */
export function isIntact(key: Uint8Array, value: Uint8Array, hashes: Checksum): boolean {
  return value[0] === RECORD_VERSION && carriesChecksum(key, value, hashes)
}

/** Whether the record is as it was written, in whatever version. */
export function carriesChecksum(key: Uint8Array, value: Uint8Array, hashes: Checksum): boolean {
  const end = value.length - CRC_BYTES
  if (end < 1) return false
  const stored = (value[end]! << 24) | (value[end + 1]! << 16) | (value[end + 2]! << 8) | value[end + 3]!
  return (hashes.crc32(value.subarray(0, end)) ^ keySum(key)) === stored
}

export function writeRecord(
  key: Uint8Array,
  hashes: Checksum,
  fill: (writer: ByteWriter) => void,
  capacity = 64
): Uint8Array {
  const writer = new ByteWriter(capacity).u8(RECORD_VERSION)
  fill(writer)
  return seal(key, writer.u32(0).finish(), hashes)
}

/** Reads a record; `STORE_DAMAGED` with the name `where` when it does not carry its checksum or its grammar. */
export function readRecord<T>(
  key: Uint8Array,
  value: Uint8Array,
  hashes: Checksum,
  where: string | (() => string),
  read: (reader: ByteReader) => T
): T {
  const name = (): string => (typeof where === 'string' ? where : where())
  if (!isIntact(key, value, hashes)) throw damaged(name())
  try {
    const reader = new ByteReader(value.subarray(1, value.length - CRC_BYTES))
    const record = read(reader)
    reader.end()
    return record
  } catch (error) {
    throw error instanceof NatterError ? error : damaged(name(), error)
  }
}

/** CRC-32C (Castagnoli), as LevelDB puts it behind blocks and before fragments, eight bytes at a time. */

/** Eight tables of 256 entries, one behind the other. */
const tables = makeTables()

function makeTables(): Uint32Array {
  const made = new Uint32Array(8 * 256)
  for (let i = 0; i < 256; i++) {
    let crc = i
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0x82f63b78
    made[i] = crc
  }
  for (let i = 0; i < 256; i++) {
    let crc = made[i]!
    for (let table = 1; table < 8; table++) {
      crc = made[crc & 0xff]! ^ (crc >>> 8)
      made[table * 256 + i] = crc >>> 0
    }
  }
  return made
}

/** The CRC of `bytes` from `from` to `to`, as an unsigned number. */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length): number {
  const t = tables
  let crc = 0xffffffff
  let at = from
  for (const end = to - 7; at < end; at += 8) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
    crc =
      t[1792 + (low & 0xff)]! ^
      t[1536 + ((low >>> 8) & 0xff)]! ^
      t[1280 + ((low >>> 16) & 0xff)]! ^
      t[1024 + (low >>> 24)]! ^
      t[768 + bytes[at + 4]!]! ^
      t[512 + bytes[at + 5]!]! ^
      t[256 + bytes[at + 6]!]! ^
      t[bytes[at + 7]!]!
  }
  for (; at < to; at++) crc = t[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

/** As LevelDB stores it: rotated and moved, so that a CRC over bytes that hold CRCs is none of them. */
export function maskedCrc32c(bytes: Uint8Array, from = 0, to = bytes.length): number {
  const crc = crc32c(bytes, from, to)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** CRC-32 (IEEE 802.3, reflected, polynomial 0xEDB88320): the checksum of records where zlib is not at hand. */

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1
  return value
})

export function crc32(data: Uint8Array): number {
  let value = 0xffffffff
  for (let i = 0; i < data.length; i++) value = TABLE[(value ^ data[i]!) & 0xff]! ^ (value >>> 8)
  return (value ^ 0xffffffff) >>> 0
}

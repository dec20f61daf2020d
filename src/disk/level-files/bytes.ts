/** Reading numbers of LevelDB's files: little-endian, and varints. Every read is within bounds or throws `FileDamage`. */

/** A file of the database is not what it must be. */
export class FileDamage extends Error {
  override readonly name = 'FileDamage'
}

export function uint32(bytes: Uint8Array, at: number): number {
  if (at < 0 || at + 4 > bytes.length) throw new FileDamage('it is cut short')
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

/** A place in bytes that moves on as they are read. */
export class Cursor {
  readonly bytes: Uint8Array
  at: number
  readonly end: number

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  get left(): number {
    return this.end - this.at
  }

  /** Up to 2^53; larger ones are damage, for no file is so large. */
  varint(): number {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      if (this.at >= this.end || shift > 2 ** 56) throw new FileDamage('a number is cut short')
      const byte = this.bytes[this.at++]!
      value += (byte & 0x7f) * shift
      if (byte < 0x80) break
    }
    if (!Number.isSafeInteger(value)) throw new FileDamage('a number is too large')
    return value
  }

  take(length: number): Uint8Array {
    if (length > this.left) throw new FileDamage('it is cut short')
    const taken = this.bytes.subarray(this.at, this.at + length)
    this.at += length
    return taken
  }

  skip(length: number): void {
    if (length > this.left) throw new FileDamage('it is cut short')
    this.at += length
  }

  block(): Uint8Array {
    return this.take(this.varint())
  }
}

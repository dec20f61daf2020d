/** Bytes: text, hexadecimal, comparison, and the reader and writer under every binary format of natter. */

const textEncoder = new TextEncoder()
const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export const EMPTY_BYTES = new Uint8Array(0)

/**
 * Small buffers are cut from pieces of this size. One of their own costs four times as much to make, and the garbage
 * collector more than that to follow. What is kept keeps its whole piece, so the pieces are small.
 */
const pieceBytes = 8 * 1024
/** Larger buffers are worth one of their own; up to 64 bytes an engine has them beside the object, for next to nothing. */
const cutBytes = 2 * 1024
const besideBytes = 64
/** Texts up to this length are written by a loop while they are ASCII; the engine is faster with longer ones. */
const byHandLength = 256
let piece = EMPTY_BYTES
let pieceAt = 0

/** `length` bytes of any content, to be written over. */
function takeBytes(length: number): Uint8Array {
  if (length <= besideBytes || length > cutBytes) return new Uint8Array(length)
  if (pieceAt + length > piece.length) {
    piece = new Uint8Array(pieceBytes)
    pieceAt = 0
  }
  const bytes = piece.subarray(pieceAt, pieceAt + length)
  pieceAt += length
  return bytes
}

export function utf8(text: string): Uint8Array {
  const most = 3 * text.length
  if (most > cutBytes) return textEncoder.encode(text)
  if (pieceAt + most > piece.length) {
    piece = new Uint8Array(pieceBytes)
    pieceAt = 0
  }
  const begin = pieceAt
  if (text.length > byHandLength || !putAscii(text)) {
    pieceAt = begin + textEncoder.encodeInto(text, piece.subarray(begin, begin + most)).written
  }
  return piece.subarray(begin, pieceAt)
}

/** Writes a text of ASCII into the piece; false where it is not that. */
function putAscii(text: string): boolean {
  let at = pieceAt
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return false
    piece[at++] = code
  }
  pieceAt = at
  return true
}

/** Throws `TypeError` when `bytes` is not well-formed UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  return textDecoder.decode(bytes)
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += HEX[bytes[i]!]
  return text
}

const NO_DIGIT = 0xff
// Values of hexadecimal digits by character code: names are turned into bytes for every header and frame.
const DIGITS = new Uint8Array(128).fill(NO_DIGIT)
for (let digit = 0; digit < 16; digit++) {
  DIGITS[digit.toString(16).charCodeAt(0)] = digit
  DIGITS[digit.toString(16).toUpperCase().charCodeAt(0)] = digit
}

/** Throws `TypeError` unless `text` is an even number of hexadecimal digits. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) throw new TypeError('not hexadecimal')
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) {
    const high = DIGITS[text.charCodeAt(2 * i)] ?? NO_DIGIT
    const low = DIGITS[text.charCodeAt(2 * i + 1)] ?? NO_DIGIT
    if (high === NO_DIGIT || low === NO_DIGIT) throw new TypeError('not hexadecimal')
    bytes[i] = high * 16 + low
  }
  return bytes
}

/** A copy with a buffer of its own. Not `slice()`, which on a Node.js Buffer gives a view. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  return bytes.length === 0 ? EMPTY_BYTES : new Uint8Array(bytes)
}

/** Lexicographic order of unsigned bytes: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

/** Bytes that an unsigned LEB128 varint of `value` takes. */
export function varintLength(value: number): number {
  let length = 1
  while (value >= 0x80) {
    value = Math.floor(value / 0x80)
    length++
  }
  return length
}

/** A growing buffer. Integers are big-endian, so that encoded order is numeric order; varints are unsigned LEB128. */
export class ByteWriter {
  #buffer: Uint8Array
  #length = 0

  constructor(capacity = 256) {
    this.#buffer = takeBytes(capacity)
  }

  get length(): number {
    return this.#length
  }

  #reserve(bytes: number): number {
    const offset = this.#length
    const needed = offset + bytes
    if (needed > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2))
      larger.set(this.#buffer.subarray(0, offset))
      this.#buffer = larger
    }
    this.#length = needed
    return offset
  }

  /** Begins again behind the first `length` bytes, for a writer that serves many times. */
  restart(length: number): this {
    this.#length = length
    return this
  }

  u8(value: number): this {
    const at = this.#reserve(1)
    this.#buffer[at] = value
    return this
  }

  u16(value: number): this {
    return this.#uint(value, 2)
  }

  u32(value: number): this {
    return this.#uint(value, 4)
  }

  u48(value: number): this {
    return this.#uint(value, 6)
  }

  u64(value: number): this {
    return this.#uint(value, 8)
  }

  #uint(value: number, bytes: number): this {
    const at = this.#reserve(bytes)
    for (let i = bytes - 1; i >= 0; i--) {
      this.#buffer[at + i] = value % 256
      value = Math.floor(value / 256)
    }
    return this
  }

  varint(value: number): this {
    while (value >= 0x80) {
      this.u8((value % 0x80) | 0x80)
      value = Math.floor(value / 0x80)
    }
    return this.u8(value)
  }

  bytes(part: Uint8Array): this {
    const at = this.#reserve(part.length)
    this.#buffer.set(part, at)
    return this
  }

  /** A varint length and the bytes. */
  block(part: Uint8Array): this {
    return this.varint(part.length).bytes(part)
  }

  /** What was written, as a view on the writer's buffer: write no more afterwards. */
  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }
}

/** Reads what `ByteWriter` wrote. Every method throws `RangeError` at the end of the bytes or at a non-canonical varint. */
export class ByteReader {
  readonly #bytes: Uint8Array
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get offset(): number {
    return this.#offset
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  #take(bytes: number): number {
    const at = this.#offset
    if (bytes > this.remaining) throw new RangeError(`${bytes} bytes wanted, ${this.remaining} left`)
    this.#offset = at + bytes
    return at
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!
  }

  u16(): number {
    return this.#uint(2)
  }

  u32(): number {
    return this.#uint(4)
  }

  u48(): number {
    return this.#uint(6)
  }

  /** Throws `RangeError` above 2^53 − 1. */
  u64(): number {
    const value = this.#uint(8)
    if (!Number.isSafeInteger(value)) throw new RangeError('integer above 2^53 - 1')
    return value
  }

  #uint(bytes: number): number {
    const at = this.#take(bytes)
    let value = 0
    for (let i = 0; i < bytes; i++) value = value * 256 + this.#bytes[at + i]!
    return value
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (byte === 0 && i > 0) throw new RangeError('varint is not in its shortest form')
        if (!Number.isSafeInteger(value)) throw new RangeError('varint above 2^53 - 1')
        return value
      }
      scale *= 0x80
    }
    throw new RangeError('varint of more than 8 bytes')
  }

  /** A view on the next `length` bytes. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** A varint length of at most `max`, and a view on that many bytes. */
  block(max: number): Uint8Array {
    const length = this.varint()
    if (length > max) throw new RangeError(`a block of ${length} bytes, at most ${max} allowed`)
    return this.bytes(length)
  }

  /** Throws `RangeError` unless everything was read. */
  end(): void {
    if (this.remaining !== 0) throw new RangeError(`${this.remaining} bytes too many`)
  }
}

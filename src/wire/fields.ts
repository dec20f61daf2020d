/**
 * Protobuf fields, written and read by hand: what the frames that carry everything are made with. Bytes are those that
 * generated code makes: fields in the order of their numbers, defaults left out. Reading takes whatever order and skips
 * what it does not know.
 */
import { varintLength } from '../base/index.js'

/** Types of fields on the wire that proto3 knows. */
const VARINT = 0
const FIXED64 = 1
const DELIMITED = 2
const FIXED32 = 5

/** The tag of a field: below 128 for the numbers 1 to 15, which are all that there are. */
export const numberTag = (field: number): number => field * 8 + VARINT
export const bytesTag = (field: number): number => field * 8 + DELIMITED

/** Bytes of a number with its tag; absent ones and zeros of fields that are not optional take none. */
export function numberSize(value: number): number {
  return value === 0 ? 0 : 1 + varintLength(value)
}

/** Bytes of a field of so many bytes with its tag and length. */
export function blockSize(length: number): number {
  return 1 + varintLength(length) + length
}

/** Writes into a buffer that has exactly the size of what will be written. */
export class FieldWriter {
  readonly bytes: Uint8Array
  #at = 0

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
  }

  varint(value: number): void {
    const { bytes } = this
    let at = this.#at
    while (value >= 0x80) {
      bytes[at++] = (value % 0x80) | 0x80
      value = Math.floor(value / 0x80)
    }
    bytes[at++] = value
    this.#at = at
  }

  /** A number, unless it is zero. */
  number(field: number, value: number): void {
    if (value === 0) return
    this.varint(numberTag(field))
    this.varint(value)
  }

  /** The tag and the length of a field whose bytes are written next. */
  open(field: number, length: number): void {
    this.varint(bytesTag(field))
    this.varint(length)
  }

  block(field: number, block: Uint8Array): void {
    this.open(field, block.length)
    this.bytes.set(block, this.#at)
    this.#at += block.length
  }
}

/** Reads the fields of one message. Throws `RangeError` where bytes are missing. */
export class FieldReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number

  constructor(bytes: Uint8Array, from = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#at = from
    this.#end = end
  }

  get more(): boolean {
    return this.#at < this.#end
  }

  /** A number of up to ten bytes; inexact above 2^53. */
  varint(): number {
    const bytes = this.#bytes
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      if (this.#at >= this.#end) throw new RangeError('a number is cut off')
      const byte = bytes[this.#at++]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 0x80
    }
    throw new RangeError('a number of more than ten bytes')
  }

  /** A view on the bytes of a field. */
  block(): Uint8Array {
    const from = this.#take(this.varint())
    return this.#bytes.subarray(from, this.#at)
  }

  /** A reader of the message in a field. */
  message(): FieldReader {
    const from = this.#take(this.varint())
    return new FieldReader(this.#bytes, from, this.#at)
  }

  skip(tag: number): void {
    const type = tag % 8
    if (type === VARINT) this.varint()
    else if (type === DELIMITED) this.#take(this.varint())
    else if (type === FIXED64) this.#take(8)
    else if (type === FIXED32) this.#take(4)
    else throw new RangeError(`a field of type ${type}`)
  }

  #take(length: number): number {
    const from = this.#at
    if (length > this.#end - from) throw new RangeError('a field is cut off')
    this.#at = from + length
    return from
  }
}

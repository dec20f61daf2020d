/**
 * Mutations of bytes that decoders have reason to fear: flips, cuts, repeats, splices of two inputs, and lies about
 * lengths and numbers. Everything follows from the seed.
 */
import { utf8 } from '../../src/base/index.js'

/** Unsigned LEB128 as it is, the largest that are allowed, one above, forms that are too long, and one that never ends. */
const VARINTS: readonly (readonly number[])[] = [
  [0],
  [1],
  [0x7f],
  [0x80, 1],
  [0xff, 0xff, 3],
  [0x80, 0x80, 0x10],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x80, 0x80, 0x80, 0x80, 0x10],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
  [0x80, 0],
  [0x81, 0x80, 0],
  Array.from({ length: 12 }, () => 0xff)
]
const BYTES = [0, 1, 2, 3, 4, 8, 16, 0x20, 0x22, 0x2c, 0x7f, 0x80, 0xc0, 0xed, 0xfe, 0xff]
/** What texts are made of that parsers trip over. */
const TEXTS = [
  '9007199254740992',
  '18446744073709551616',
  '-1',
  '1e999',
  '0x10',
  '%',
  '%ff',
  '%00',
  '/p2p/',
  '/../',
  '"',
  '\\u',
  '\\ud800',
  '{',
  '[',
  '__proto__',
  'constructor',
  '~',
  '.',
  '\u0000',
  '\ufeff',
  '\u{1f600}'
].map(utf8)
/** Bytes above which an input is cut: the structure stands at the beginning, and long inputs are slow. */
const LONGEST = 8192
/** Bytes at the front where most changes go: that is where the structure is. */
const FRONT = 96

/** A small generator (mulberry32). */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** An integer from 0 to `below − 1`. */
  below(below: number): number {
    return Math.floor(this.fraction() * below)
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) bytes[i] = this.below(256)
    return bytes
  }
}

/** One to five changes of `bytes`; `other` is what it may be spliced with. `text`: changes that texts know. */
export function mutated(bytes: Uint8Array, other: Uint8Array, chance: Chance, text: boolean): Uint8Array {
  let result: Uint8Array = bytes.slice()
  let changes = 1 + chance.below(chance.below(3) === 0 ? 5 : 2)
  for (; changes > 0; changes--) result = change(result, other, chance, text)
  return result.length > LONGEST ? result.subarray(0, LONGEST) : result
}

function change(bytes: Uint8Array, other: Uint8Array, chance: Chance, text: boolean): Uint8Array {
  const span = chance.below(3) === 0 ? bytes.length : Math.min(bytes.length, FRONT)
  const at = chance.below(span + 1)
  switch (chance.below(10)) {
    case 0:
      if (at < bytes.length) bytes[at]! ^= 1 << chance.below(8)
      return bytes
    case 1:
      if (at < bytes.length) bytes[at] = chance.of(BYTES)
      return bytes
    case 2:
      if (at < bytes.length) bytes[at] = chance.below(256)
      return bytes
    case 3: {
      const cut = 1 + chance.below(chance.below(4) === 0 ? 40 : 4)
      return spliced(bytes, at, cut, NONE)
    }
    case 4:
      return spliced(bytes, at, 0, text ? chance.of(TEXTS) : chance.bytes(1 + chance.below(4)))
    case 5: {
      const part = bytes.subarray(at, at + 1 + chance.below(40))
      return spliced(bytes, chance.below(bytes.length + 1), 0, part)
    }
    case 6:
      return bytes.subarray(0, at).slice()
    case 7: {
      const from = chance.below(other.length + 1)
      const part = other.subarray(from, from + 1 + chance.below(64))
      return spliced(bytes, at, chance.below(2) === 0 ? part.length : 0, part)
    }
    case 8: {
      const lie = text ? chance.of(TEXTS) : Uint8Array.from(chance.of(VARINTS))
      return spliced(bytes, at, 1 + chance.below(3), lie)
    }
    default:
      if (at < bytes.length) bytes[at] = (bytes[at]! + (chance.below(2) === 0 ? 1 : 255)) & 0xff
      return bytes
  }
}

const NONE = new Uint8Array(0)

function spliced(bytes: Uint8Array, at: number, cut: number, put: Uint8Array): Uint8Array {
  const rest = bytes.subarray(Math.min(bytes.length, at + cut))
  const result = new Uint8Array(at + put.length + rest.length)
  result.set(bytes.subarray(0, at))
  result.set(put, at)
  result.set(rest, at + put.length)
  return result
}

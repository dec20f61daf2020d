/**
 * A set of 32-bit hashes that may say yes to one it was never given, and never says no to one it was: a scalable Bloom
 * filter (Almeida, Baquero, Preguiça, Hutchison 2007). A layer that is full is followed by one four times as large, so
 * memory follows what is in it; the last layer takes whatever comes, and says yes more and more often.
 */
import { KEY_FILTER } from '../base/index.js'

/** Bits that are set for each hash: with sixteen bits of room for each, one in a thousand is taken for another. */
const probes = 6
const bitsEach = 16

class Layer {
  readonly #words: Uint32Array
  readonly #mask: number
  #room: number

  constructor(bits: number) {
    this.#words = new Uint32Array(bits / 32)
    this.#mask = bits - 1
    this.#room = Math.floor(bits / bitsEach)
  }

  get bits(): number {
    return this.#mask + 1
  }

  get isFull(): boolean {
    return this.#room <= 0
  }

  add(at: number, step: number): void {
    this.#room--
    for (let i = 0; i < probes; i++) {
      const bit = at & this.#mask
      this.#words[bit >>> 5]! |= 1 << (bit & 31)
      at = (at + step) | 0
    }
  }

  has(at: number, step: number): boolean {
    for (let i = 0; i < probes; i++) {
      const bit = at & this.#mask
      if ((this.#words[bit >>> 5]! & (1 << (bit & 31))) === 0) return false
      at = (at + step) | 0
    }
    return true
  }
}

export class BloomFilter {
  /** The newest first: it is the largest, and most of what is here is in it. */
  readonly #layers: Layer[] = []

  add(hash: number): void {
    if (this.mayHold(hash)) return
    const first = this.#layers[0]
    if (first === undefined) this.#layers.unshift(new Layer(KEY_FILTER.firstBits))
    else if (first.isFull && first.bits < KEY_FILTER.lastBits) this.#layers.unshift(new Layer(first.bits * 4))
    this.#layers[0]!.add(mixed(hash), stepOf(hash))
  }

  mayHold(hash: number): boolean {
    const at = mixed(hash)
    const step = stepOf(hash)
    for (const layer of this.#layers) if (layer.has(at, step)) return true
    return false
  }
}

/** Spreads what a simple hash leaves in its low bits over all of them. */
function mixed(hash: number): number {
  let mix = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35)
  return mix ^ (mix >>> 16)
}

/** Odd, so that the probes of one hash do not meet. */
function stepOf(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) | 1
}

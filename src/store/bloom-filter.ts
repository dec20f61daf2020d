/**
 * A set of 32-bit hashes that may say yes to one it was never given, and never says no to one it was: a scalable Bloom
 * filter (Almeida, Baquero, Preguiça, Hutchison 2007) of cache-sized blocks (Putze, Sanders, Singler 2007). A layer that is
 * full is followed by one four times as large, so memory follows what is in it; the last layer takes whatever comes, and
 * says yes more and more often. All bits of a hash lie in one block: to look for it costs one access to memory a layer.
 */
import { KEY_FILTER } from '../base/index.js'

/** Bits that are set for each hash: with sixteen bits of room for each, two in a thousand are taken for another. */
const probes = 6
const bitsEach = 16
/** Words of a block: a line of the processor's cache, of 512 bits. */
const blockWords = 16
/** What of a product picks a bit of a block: its uppermost nine bits. */
const blockShift = 32 - 9

class Layer {
  readonly bits: number
  readonly #words: Uint32Array
  readonly #blockMask: number
  #room: number

  constructor(bits: number) {
    this.bits = bits
    this.#words = new Uint32Array(bits / 32)
    this.#blockMask = bits / 32 / blockWords - 1
    this.#room = Math.floor(bits / bitsEach)
  }

  get isFull(): boolean {
    return this.#room <= 0
  }

  add(at: number, step: number): void {
    this.#room--
    const block = (at & this.#blockMask) * blockWords
    for (let i = 0; i < probes; i++) {
      const bit = step >>> blockShift
      this.#words[block + (bit >>> 5)]! |= 1 << (bit & 31)
      step = Math.imul(step, 0x9e3779b1)
    }
  }

  has(at: number, step: number): boolean {
    const block = (at & this.#blockMask) * blockWords
    for (let i = 0; i < probes; i++) {
      const bit = step >>> blockShift
      if ((this.#words[block + (bit >>> 5)]! & (1 << (bit & 31))) === 0) return false
      step = Math.imul(step, 0x9e3779b1)
    }
    return true
  }
}

export class BloomFilter {
  /** The newest first: it is the largest, and most of what is here is in it. */
  readonly #layers: Layer[] = []

  add(hash: number): void {
    const at = mixed(hash)
    const step = stepOf(hash)
    if (this.#has(at, step)) return
    const first = this.#layers[0]
    if (first === undefined) this.#layers.unshift(new Layer(KEY_FILTER.firstBits))
    else if (first.isFull && first.bits < KEY_FILTER.lastBits) this.#layers.unshift(new Layer(first.bits * 4))
    this.#layers[0]!.add(at, step)
  }

  mayHold(hash: number): boolean {
    return this.#has(mixed(hash), stepOf(hash))
  }

  #has(at: number, step: number): boolean {
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

/** Odd, so that products of it do not come to nothing. */
function stepOf(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) | 1
}

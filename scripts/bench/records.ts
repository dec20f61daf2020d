/** The records that every measurement writes: the same ones for natter and for what it is compared with. */

export interface Entry {
  key: string
  value: { n: number; text: string }
}

export type PutOp = Entry & { type: 'put' }

const TEXT_LENGTH = 120
/** Spreads rising numbers over all keys, as the keys of real records lie: each number below a milliard becomes one. */
const SPREAD = 736_338_717
const KEYS = 1_000_000_000

/** Numbers its records. Two of one prefix that begin at one number give the same records. */
export class Records {
  readonly #prefix: string
  #next: number
  readonly #random = new Fractions(1)

  constructor(prefix = 'bench', from = 0) {
    this.#prefix = prefix
    this.#next = from
  }

  static keyOf(n: number, prefix = 'bench'): string {
    return `${prefix}/${String((n * SPREAD) % KEYS).padStart(9, '0')}`
  }

  take(count: number): Entry[] {
    return Array.from({ length: count }, () => this.#one())
  }

  /** `count` records as batches, ready for `db.batch()`. */
  batches(count: number, size: number): PutOp[][] {
    return Array.from({ length: Math.ceil(count / size) }, () => putsOf(this.take(size)))
  }

  /** Half random, half not: a store that compresses ends at a bit more than half of it. */
  #one(): Entry {
    let text = ''
    while (text.length < TEXT_LENGTH / 2) text += Math.floor(this.#random.next() * 36 ** 6).toString(36)
    const n = this.#next++
    return { key: Records.keyOf(n, this.#prefix), value: { n, text: text.padEnd(TEXT_LENGTH, ' of text') } }
  }
}

/** Numbers in [0, 1) that follow from a seed: xorshift32. */
export class Fractions {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  next(): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) / 0x1_0000_0000
  }
}

export function putsOf(list: readonly Entry[]): PutOp[] {
  return list.map(({ key, value }) => ({ type: 'put', key, value }))
}

/** Bytes of the keys and the JSON values. */
export function payloadBytes(list: readonly Entry[]): number {
  return list.reduce(
    (sum, { key, value }) => sum + Buffer.byteLength(key) + Buffer.byteLength(JSON.stringify(value)),
    0
  )
}

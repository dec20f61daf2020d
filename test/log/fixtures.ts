/** Authors, ops and chains of batches for tests: everything a function of the seeds given. */
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import type { Signer } from '../../src/base/index.js'
import { utf8 } from '../../src/base/index.js'
import type {
  Author,
  BareHeader,
  Batch,
  BatchHeader,
  BatchId,
  Epoch,
  HybridTime,
  Op
} from '../../src/log/index.js'
import {
  authorOf,
  databaseIdOf,
  encodeBody,
  makeBatch,
  NO_BATCH,
  OP_FLAG,
  OP_KIND,
  signedMessage
} from '../../src/log/index.js'

export const DATABASE = databaseIdOf('fixtures', nodeCrypto)
export const START_MS = 1_700_000_000_000

/** A small generator (mulberry32), so that a failing run is repeated by its printed seed. */
export class Seeded {
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

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }
}

export function put(key: string, value: string | Uint8Array): Op {
  const bytes = typeof value === 'string' ? utf8(value) : value
  return {
    kind: OP_KIND.put,
    flags: OP_FLAG.head | OP_FLAG.value,
    key: utf8(key),
    value: bytes,
    over: [],
    extensions: []
  }
}

export interface NextBatch {
  ops?: readonly Op[]
  /** In place of ops: the bytes of the body. */
  body?: Uint8Array
  opCount?: number
  /** @default true */
  sign?: boolean
  deps?: BatchHeader['deps']
  extensions?: BatchHeader['extensions']
  time?: HybridTime
}

/** Writes one author's log. */
export class Writer {
  readonly signer: Signer
  readonly author: Author
  epoch: Epoch
  seq = 0
  previous: BatchId = NO_BATCH
  ms = START_MS

  constructor(seed: number) {
    this.signer = nodeSigner(new Uint8Array(32).fill(seed))
    this.author = authorOf(this.signer.publicKey)
    this.epoch = `6500000${seed % 10}0000000${seed % 10}` as Epoch
  }

  next(init: NextBatch = {}): Batch {
    const ops = init.ops ?? [put(`key ${this.seq}`, `value ${this.seq}`)]
    this.seq++
    this.ms++
    const batch = makeBatch(
      {
        database: DATABASE,
        author: this.author,
        epoch: this.epoch,
        seq: this.seq,
        previous: this.previous,
        opCount: init.opCount ?? ops.length,
        time: init.time ?? { ms: this.ms, counter: this.seq % 3 },
        deps: init.deps ?? [],
        extensions: init.extensions ?? []
      },
      init.body ?? encodeBody(ops),
      nodeCrypto
    )
    this.previous = batch.id
    return init.sign === false ? batch : signed(batch, this.signer)
  }

  /** Begins another epoch. */
  restart(epoch: string): this {
    this.epoch = epoch as Epoch
    this.seq = 0
    this.previous = NO_BATCH
    return this
  }
}

export function signed(batch: Batch, signer: Signer): Batch {
  return { ...batch, signature: Uint8Array.from(signer.sign(signedMessage(batch.headerBytes)) as Uint8Array) }
}

export function bare({ header, headerBytes, id, signature }: Batch): BareHeader {
  return signature === undefined ? { header, headerBytes, id } : { header, headerBytes, id, signature }
}

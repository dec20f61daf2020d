/**
 * The log of an author who does not keep to the rules: branches of one epoch, bodies that are no bodies, times far
 * ahead, deps that are nowhere. Everything it signs carries a true signature: that is what makes it hard.
 */
import type { Crypto, Signer } from '../../src/base/index.js'
import { concatBytes, utf8 } from '../../src/base/index.js'
import type {
  Author,
  Batch,
  BatchId,
  DatabaseId,
  Dep,
  Epoch,
  HybridTime,
  Op,
  Tip
} from '../../src/log/index.js'
import {
  authorOf,
  clientIdExtension,
  encodeBody,
  makeBatch,
  mintEpoch,
  NO_BATCH,
  OP_FLAG,
  OP_KIND,
  shortId,
  signedMessage
} from '../../src/log/index.js'
import { BEGIN_MS } from './clock.js'
import type { Dice } from './dice.js'

/** A kind that no version knows. */
const unknownKind = 77
const yearMs = 365 * 24 * 60 * 60_000

export type Twist =
  | 'none'
  | 'bad body'
  | 'far future'
  | 'unknown kind'
  | 'dep that is nowhere'
  | 'borrowed id'
  | 'over without a dep'

export interface LiarLogInit {
  readonly dice: Dice
  readonly signer: Signer
  readonly crypto: Crypto
  readonly database: DatabaseId
  readonly keys: number
  readonly now: () => number
}

export class LiarLog {
  readonly author: Author
  readonly #init: LiarLogInit
  readonly #epoch: Epoch
  /** Each branch whole, from its first batch. */
  readonly branches: Batch[][] = [[]]
  /** By batch, the key of its first op. */
  readonly #keys = new Map<BatchId, Uint8Array>()
  #made = 0

  constructor(init: LiarLogInit) {
    this.#init = init
    this.author = authorOf(init.signer.publicKey)
    this.#epoch = mintEpoch(BEGIN_MS, init.dice.bytes(4))
  }

  /** The next batch of a branch. */
  next(branch: Batch[], twist: Twist): Batch {
    const { dice, crypto, database } = this.#init
    const first = twist === 'over without a dep' ? this.#overUnseen(branch) : this.#op(twist)
    const ops = [first, ...(dice.chance(0.3) ? [this.#op('none')] : [])]
    const last = branch.at(-1)
    const body = twist === 'bad body' ? dice.bytes(dice.whole(0, 60)) : encodeBody(ops)
    const fields = {
      database,
      author: this.author,
      epoch: this.#epoch,
      seq: branch.length + 1,
      previous: last?.id ?? NO_BATCH,
      opCount: ops.length,
      time: this.#time(twist),
      deps: twist === 'dep that is nowhere' ? [this.#nowhere()] : [],
      extensions: []
    }
    const batch = this.sign(makeBatch(fields, body, crypto))
    branch.push(batch)
    this.#keys.set(batch.id, first.key)
    return batch
  }

  /** A batch in the name of another author, under a signature that is not that author's. */
  forge(author: Author): Batch {
    const { dice, crypto, database } = this.#init
    const fields = {
      database,
      author,
      epoch: mintEpoch(BEGIN_MS, dice.bytes(4)),
      seq: 1,
      previous: NO_BATCH,
      opCount: 1,
      time: this.#time('none'),
      deps: [],
      extensions: []
    }
    return this.sign(makeBatch(fields, encodeBody([this.#op('none')]), crypto))
  }

  /** A second history from some batch on. */
  fork(): Batch[] {
    const { dice } = this.#init
    const from = dice.pick(this.branches)
    const branch = from.slice(0, dice.below(from.length))
    this.branches.push(branch)
    return branch
  }

  sign(batch: Batch): Batch {
    const signature = this.#init.signer.sign(signedMessage(batch.headerBytes))
    if (signature instanceof Promise) throw new TypeError('keys of the simulator sign at once')
    return { ...batch, signature }
  }

  /** Everything up to a batch, on whichever branch it stands. */
  upTo(tip: Tip): Batch[] | undefined {
    for (const branch of this.branches) {
      const at = branch.findIndex(({ id }) => shortId(id) === tip.id)
      if (at >= 0) return branch.slice(0, at + 1)
    }
    return undefined
  }

  #op(twist: Twist): Op {
    const { dice, keys, crypto } = this.#init
    const key = utf8(`k${dice.below(keys)}`)
    const value = utf8(`liar ${this.#made++}`)
    const extensions = twist === 'borrowed id' ? [clientIdExtension(`c${dice.below(20)}`, 0, crypto)] : []
    const kind = twist === 'unknown kind' ? unknownKind : OP_KIND.put
    return { kind, flags: OP_FLAG.head | OP_FLAG.value, key, value, over: [], extensions }
  }

  /** An op over a version of another branch, which its batch does not name. */
  #overUnseen(branch: readonly Batch[]): Op {
    const op = this.#op('none')
    const others = this.branches.flat().filter(batch => !branch.includes(batch))
    if (others.length === 0) return op
    const { id } = this.#init.dice.pick(others)
    return { ...op, key: this.#keys.get(id) ?? op.key, over: [{ batch: shortId(id), index: 0 }] }
  }

  #time(twist: Twist): HybridTime {
    const { dice, now } = this.#init
    const ms = Math.floor(BEGIN_MS + now())
    if (twist === 'far future') return { ms: ms + dice.whole(61_000, yearMs), counter: dice.below(65_536) }
    return { ms: dice.chance(0.2) ? dice.below(1_000) : ms, counter: dice.below(4) }
  }

  #nowhere(): Dep {
    const { dice, crypto } = this.#init
    const bytes = (): Uint8Array => crypto.sha256(concatBytes(dice.bytes(8)))
    const id = Buffer.from(bytes()).toString('hex') as BatchId
    const author = dice.chance(0.5) ? this.author : authorOf(bytes())
    const epoch = mintEpoch(BEGIN_MS - 100_000, dice.bytes(4))
    return { author, epoch, seq: dice.whole(1, 9), id }
  }
}

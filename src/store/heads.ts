/** The heads of a key as the store holds them, and the cell that readers see. */
import { ByteWriter } from '../base/index.js'
import type { Author, Epoch, HybridTime, Identity, OpName, ShortId } from '../log/index.js'
import { OP_KIND } from '../log/index.js'
import type { Strategy, Version } from '../merge/index.js'
import { distinct, pick } from '../merge/index.js'
import type { Cell } from './index.js'
import type { Chain } from './keys.js'
import { putHex } from './keys.js'

/** Where a version comes from: what all ops of a batch share. */
export class Origin implements Chain {
  /** The number of the author in this store. */
  readonly author: number
  readonly name: Author
  readonly epoch: Epoch
  readonly branch: number
  readonly seq: number
  readonly time: HybridTime
  /** Empty while a local batch is being put together. */
  id: ShortId
  #bytes: Uint8Array | undefined

  constructor(
    chain: Chain,
    name: Author,
    place: { seq: number; id: ShortId; time: HybridTime },
    bytes?: Uint8Array
  ) {
    this.author = chain.author
    this.name = name
    this.epoch = chain.epoch
    this.branch = chain.branch
    this.seq = place.seq
    this.id = place.id
    this.time = place.time
    this.#bytes = bytes
  }

  /** `author varint ‖ epoch 8 ‖ branch varint ‖ seq varint ‖ id 16 ‖ time u48 u16`, the same for every op of the batch. */
  get bytes(): Uint8Array {
    if (this.#bytes === undefined) {
      const epoch = new Uint8Array(8)
      putHex(epoch, 0, this.epoch)
      const id = new Uint8Array(16)
      putHex(id, 0, this.id)
      const writer = new ByteWriter(64).varint(this.author).bytes(epoch).varint(this.branch).varint(this.seq)
      this.#bytes = writer.bytes(id).u48(this.time.ms).u16(this.time.counter).finish()
    }
    return this.#bytes
  }
}

/** A version that nobody has overwritten. */
export interface Head {
  readonly origin: Origin
  readonly index: number
  readonly kind: number
  /** Absent for a tombstone. */
  readonly value: Uint8Array | undefined
  readonly identity: Identity | undefined
  /** Some copy of this client's op was overwritten. */
  demoted: boolean
}

export const NO_HEADS: readonly Head[] = []

/** What stands under a key. */
export interface CellRecord {
  readonly heads: readonly Head[]
  /** Position at which what a read shows last changed. */
  readonly changedAt: number
  /** Whether a read showed a value when this was written: what the count of keys counts. */
  readonly present: boolean
  /**
   * The heads are not known: the record was damaged, and so was the log where it would be made again from. Digest and
   * counts hold what the key was at at this position; the ops behind it are in the log and its history only.
   */
  readonly lostAfter?: number | undefined
}

/** Whether author, epoch and seq name more than one batch. */
export type IsForked = (origin: Origin) => boolean

export function versionOf(head: Head, isForked?: IsForked): Version {
  const { origin, index, kind, demoted, value, identity } = head
  const { name: author, epoch, seq, id, time } = origin
  return {
    kind,
    author,
    epoch,
    seq,
    index,
    id,
    time,
    demoted,
    ...(isForked?.(origin) && { branch: id.slice(0, 8) }),
    ...(value !== undefined && { value }),
    ...(identity !== undefined && { identity })
  }
}

export function isKnownKind(kind: number): boolean {
  return kind === OP_KIND.put || kind === OP_KIND.del
}

/** The cell as a reader sees it. */
export function cellOf(record: CellRecord, strategy: Strategy, isForked?: IsForked): Cell {
  const heads = distinct(record.heads.map(head => versionOf(head, isForked)))
  const winner = pick(heads, strategy)
  const { changedAt } = record
  // A kind that this version does not know may make the value mean anything: better no answer than a wrong one.
  if (winner !== undefined && !isKnownKind(winner.kind)) {
    return {
      heads,
      winner: undefined,
      changedAt,
      unreadable: `an op of kind ${winner.kind} is not known here`
    }
  }
  return { heads, winner, changedAt }
}

/**
 * Whether `name` is the version that the cell shows, or another copy of the same client's op. A name without its branch
 * is no version of a forked epoch: it may have been given for the other branch.
 */
export function isAt(record: CellRecord, cell: Cell, name: OpName, isForked: IsForked): boolean {
  const { winner } = cell
  if (winner === undefined) return false
  return record.heads.some(
    ({ origin, index, identity }) =>
      origin.name === name.author &&
      origin.epoch === name.epoch &&
      origin.seq === name.seq &&
      index === name.index &&
      (name.branch === undefined ? !isForked(origin) : origin.id.startsWith(name.branch)) &&
      (origin.id === winner.id
        ? index === winner.index
        : identity !== undefined && identity === winner.identity)
  )
}

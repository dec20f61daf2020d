/**
 * The store: the log and the state that follows from it, on one disk, changed by one atomic synced write per commit.
 *
 * Keeps: batches are applied in chain order and after their deps; every op takes effect once; heads, history, frontier,
 * client ids and digests are what the log says, at every instant, also after a crash. Knows nothing of networks: it
 * says what is held, in local positions. Disk layout: protocols/storage.md and keys.ts.
 */
import type {
  Clock,
  Crypto,
  KeyFilterBounds,
  Limits,
  NodeEvents,
  Random,
  ScrubStatus,
  Signer,
  VerifyOptions,
  VerifyReport
} from '../base/index.js'
import type { Disk, DiskSnapshot } from '../disk/index.js'
import type {
  Author,
  BareHeader,
  Batch,
  BatchId,
  BatchName,
  Cursor,
  DatabaseId,
  Frontier,
  HybridTime,
  Mark,
  OpName,
  StoreId,
  Tip,
  Want
} from '../log/index.js'
import type { Strategy, Version } from '../merge/index.js'
import type { StoreSurvey } from './survey.js'

/** A local write, before it has a place in the log. */
export interface LocalOp {
  readonly kind: number
  readonly key: Uint8Array
  readonly value?: Uint8Array
  /** The writer's own time in milliseconds, kept and shown. */
  readonly writerTimeMs?: number
}

export interface LocalWrite {
  readonly ops: readonly LocalOp[]
  /** The writer's own id for the write. */
  readonly id?: string
  /** What each key must be at, by this node's view: an op's name, or null for absent. */
  readonly conditions?: readonly { readonly key: Uint8Array; readonly at: OpName | null }[]
}

export interface Committed {
  /** One per op of the write, in order. Of the first copy known here when the id was known. */
  readonly ops: readonly OpName[]
  /** The batch they stand in. */
  readonly batch: BatchId
  /** Local position of the batch. */
  readonly position: number
  readonly time: HybridTime
  /** The id was known: nothing was written. */
  readonly repeated: boolean
}

export type ApplyResult =
  | { readonly batch: Batch; readonly status: 'applied'; readonly mark: Mark }
  | { readonly batch: Batch; readonly status: 'duplicate' }
  /**
   * Its previous batch or a dep is not applied: hold it back and try again when `missing` are. `impossible`: what one of
   * them names is applied under another name, or another id stands for it, so that it can never be met: let it go.
   */
  | {
      readonly batch: Batch
      readonly status: 'missing'
      readonly missing: readonly Tip[]
      readonly impossible?: true
    }

/** One batch of a commit, as it is told to listeners after it is durable, in position order. */
export interface AppliedBatch {
  readonly batch: Batch
  readonly mark: Mark
  readonly local: boolean
}

export interface CommitNotice {
  readonly applied: readonly AppliedBatch[]
}

/**
 * The versions of a key, and which of them a read shows. Where the record is damaged it is made again from the log; where
 * that is damaged too, reads reject with `STORE_DAMAGED`, and so do writes of that key.
 */
export interface Cell {
  /** Copies of one client's op are one version. */
  readonly heads: readonly Version[]
  /** Undefined when the key reads as absent (also when a tombstone wins). */
  readonly winner: Version | undefined
  /** The position at which what a read shows last changed. */
  readonly changedAt: number
  /** Why the cell cannot be read, where a version of a kind that is not known here would win. `winner` is undefined. */
  readonly unreadable?: string
}

export interface KeyRange {
  gt?: Uint8Array
  gte?: Uint8Array
  lt?: Uint8Array
  lte?: Uint8Array
  reverse?: boolean
}

/** A walk over present keys (those whose winner is a value), in byte order. */
export interface CellIterator {
  next(count: number): Promise<{ key: Uint8Array; cell: Cell & { winner: Version } }[]>
  seek(key: Uint8Array): void
  close(): Promise<void>
}

/** One op of the log with its place, the name with its branch where its epoch is forked; `position` is the local position of its batch. */
export interface LoggedOp {
  readonly name: OpName
  readonly batch: BatchId
  readonly position: number
  readonly time: HybridTime
  readonly kind: number
  readonly key: Uint8Array
  readonly value?: Uint8Array
  readonly writerTimeMs?: number
  readonly clientId?: string
}

/** A peer's account: how far each side has the other's log. At most about 120 bytes on disk. */
export interface PeerRecord {
  /** How far this node has applied the peer's positions. */
  readonly theirs?: Cursor
  /** This node's position up to which the peer has applied and fsynced everything. */
  readonly acked: number
  /** When `acked` last moved, in milliseconds since the Unix epoch; 0 for never. */
  readonly ackedAtMs: number
  /** False when the peer does not fsync: its acks do not count for receipts. */
  readonly durable: boolean
  /** A libp2p peer, or a program that acknowledges by client id (`from` of POST /p2p/ack). */
  readonly kind: 'peer' | 'program'
  /** Refused for ever by an operator. */
  readonly blocked: boolean
  readonly name?: string
  /** Last known addresses, for dialling after a restart. */
  readonly addrs: readonly string[]
}

/**
 * Reads the batches that answer WANTs, in arrival order, a piece at a time. Memory holds about what was asked for, or one
 * batch. Of a branch with a damaged record the rest is left out, and a `storage` event says so.
 */
export interface RunReader {
  /**
   * The next batches, at least one unless done, about `maxBytes` of headers and bodies. `proof` holds the bare headers up to the
   * covering signature of each chain whose last batch among these is unsigned: every piece proves itself.
   */
  next(maxBytes: number): Promise<{ batches: Batch[]; proof: BareHeader[]; done: boolean }>
  /** Adds a further WANT to the same walk; answers false when no batch of `have` is known here. */
  add(want: Want): Promise<boolean>
  close(): Promise<void>
}

/** A batch whose record is damaged or missing here, and what a WANT for it says. */
export interface MissingHere {
  readonly tip: Tip
  readonly batch: BatchId
  readonly position: number
  /** What stands right before it in its author's log. */
  readonly have: readonly Tip[]
  /** Every peer that was connected was asked for it, and none had it. */
  readonly nobody: boolean
}

export interface StoreStatus {
  readonly ops: number
  readonly keys: number
  /** Bytes of all batch bodies. */
  readonly bytes: number
}

export interface Store {
  readonly disk: Disk
  readonly author: Author
  readonly database: DatabaseId
  readonly storeId: StoreId
  readonly frontier: Frontier
  /** The newest durable position and its check. */
  readonly mark: Mark
  /** 32 hex digits; memoised until the frontier changes. */
  frontierDigest(): string
  /** 32 hex digits: the multiset of live heads. */
  stateDigest(): string
  status(): StoreStatus
  /** Looks at what is held, each of bounded work, for those who look after a node. */
  survey(): StoreSurvey
  /** Called after each durable commit, in order, before the writers of that commit resolve. */
  onCommit(listener: (notice: CommitNotice) => void): () => void
  /** Forks, clock leaps, conflicts, cells that cannot be read, changes of storage state. */
  onEvent<K extends keyof NodeEvents>(type: K, listener: (event: NodeEvents[K]) => void): () => void

  /** Resolves when it is durable. Ops of one write stand in one batch, whole. */
  write(write: LocalWrite, options?: { signal?: AbortSignal }): Promise<Committed>
  /**
   * Applies verified batches in the given order and resolves when those that could be applied are durable. `proof` are
   * bare headers up to the signature that covers unsigned batches at the end. A batch that is applied already and whose
   * record here is damaged is written again in its place; its result is 'duplicate'.
   */
  apply(batches: readonly Batch[], proof?: readonly BareHeader[]): Promise<ApplyResult[]>

  get(key: Uint8Array, options?: { snapshot?: DiskSnapshot | undefined }): Promise<Cell | undefined>
  getMany(
    keys: readonly Uint8Array[],
    options?: { snapshot?: DiskSnapshot | undefined }
  ): Promise<(Cell | undefined)[]>
  iterate(range: KeyRange, options?: { snapshot?: DiskSnapshot | undefined }): CellIterator
  /** Keys with more than one version, from `after` on. */
  conflicts(after?: Uint8Array): AsyncIterable<{ key: Uint8Array; cell: Cell }>
  /** Every op on the key, newest arrival first. */
  history(key: Uint8Array): AsyncIterable<LoggedOp>
  /** Every op with a position above `from`, in arrival order. */
  replay(from: number): AsyncIterable<LoggedOp>
  /** For one page of positions above `from`: the keys whose shown value last changed there. At most `count` positions. */
  changesAfter(
    from: number,
    count: number
  ): Promise<{ upTo: number; keys: { key: Uint8Array; op: LoggedOp; cell: Cell }[] }>

  /** Undefined when no such op is applied; throws `AMBIGUOUS_OP_ID` where the short form fits two. */
  findOp(name: OpName): Promise<LoggedOp | undefined>
  /** The ops of the first copy known here of a client's write. */
  findClientId(id: string): Promise<LoggedOp[] | undefined>
  /** Whether a batch of exactly this name and id is applied. */
  hasBatch(tip: Tip): Promise<boolean>
  /** The applied batches of this place in a log: more than one where it is forked, none where there is no such batch. */
  batchesAt(name: BatchName): Promise<Tip[]>
  /** Local position of an applied batch. */
  positionOf(tip: Tip): Promise<number | undefined>
  /** The check at a position, or undefined when there is no such position here. */
  checkAt(position: number): Promise<string | undefined>
  /** Tips that changed at positions above `position` and are tips still; all tips for 0. */
  tipsSince(position: number): Promise<{ tips: Tip[]; mark: Mark }>
  openRun(): RunReader
  /** Ops, bytes and age of what lies above a position, without what the peer is known to have. */
  backlog(
    above: number,
    has: (tip: Tip) => boolean
  ): Promise<{ ops: number; bytes: number; oldestMs: number }>

  peer(peer: string): PeerRecord | undefined
  peers(): IterableIterator<[string, PeerRecord]>
  /** Not synced by itself: losing it costs a repeat, never data. */
  savePeer(peer: string, record: PeerRecord): void
  /** Holds at once, and resolves when it is on disk. One that rejects is written with a later commit all the same. */
  keepPeer(peer: string, record: PeerRecord): Promise<void>
  forgetPeer(peer: string): Promise<void>
  /**
   * Ops that a program acknowledged, in any order; unknown ones are ignored. Above 65,536 that stand apart only those of
   * the first batch that is not complete are taken: the others count as not acknowledged until they come again.
   */
  ackFromProgram(from: string, ops: readonly OpName[]): Promise<void>
  programHas(from: string, name: OpName): Promise<boolean>

  /** The batches whose records are damaged here, by position, at most `limit`. `apply` puts each back in its place. */
  missing(limit?: number): Promise<MissingHere[]>
  /** Called when `missing` changed. */
  onMissing(listener: () => void): () => void
  /** Every peer that is connected was asked for this batch, and none has it. */
  noteUnanswered(batch: BatchId): void
  /**
   * Checks chain, signatures, checksums, and the state against the log. With `repair` everything that follows from the
   * log is made again where it differs, and what is to come from peers is noted; commits wait meanwhile. Interrupted,
   * it is simply repeated.
   */
  verify(options?: VerifyOptions): Promise<VerifyReport>
  /** The quiet check of the whole store. */
  readonly scrub: ScrubStatus
  close(): Promise<void>
}

export interface StoreInit {
  readonly disk: Disk
  readonly network: string
  readonly signer: Signer
  readonly crypto: Crypto
  readonly clock: Clock
  readonly random: Random
  readonly limits: Limits
  readonly strategy: (key: Uint8Array) => Strategy
  /**
   * The store id that is kept beside the database. Where another one stands in the database, one of the two was put
   * back or copied: the store takes a new id, and positions of before mean nothing to peers. @default not compared
   */
  readonly storeId?: string | undefined
  /** When the filter of known keys is made, and its lists are written. @default KEY_FILTER */
  readonly keyFilter?: KeyFilterBounds
}

export { checksWereRenewed } from './checks.js'
export { repairClosedStore, standOf, verifyClosedStore } from './closed.js'
export { openStore } from './open.js'
export { holdTogether } from './sentinel.js'
export type { CellSurvey, ClockReading, Fork, StoreSurvey } from './survey.js'

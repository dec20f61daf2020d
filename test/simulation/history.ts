/**
 * What happened in a run, as values: the only thing that checkers look at beside the nodes themselves.
 *
 * Each event carries the virtual time at which it happened and the name of the node at which it did. Events of one
 * node come in the order in which they happened there; between nodes the order is that of the simulator. Nothing in
 * here is copied: batches and records are the objects that the product handed out, so nobody may change them.
 */
import type { NodeEvents } from '../../src/base/index.js'
import type { Author, BareHeader, Batch, BatchId, Epoch, Message, Tip } from '../../src/log/index.js'
import type {
  ApplyResult,
  Cell,
  CommitNotice,
  Committed,
  LocalWrite,
  PeerRecord
} from '../../src/store/index.js'

interface Happened {
  /** Virtual milliseconds since the run began. */
  readonly at: number
  /** Name of the node. */
  readonly node: string
  /** Which life of a process at this node, counted from 1 over the whole run: a restart is another one. */
  readonly life: number
}

/** A client began an operation. `op` numbers operations of the run. */
export interface Invoked extends Happened {
  readonly type: 'invoke'
  readonly op: number
  readonly call: ClientCall
}

export type ClientCall =
  | { readonly kind: 'write'; readonly write: LocalWrite }
  | { readonly kind: 'read'; readonly key: Uint8Array }
  | { readonly kind: 'scan' }

export type ClientAnswer =
  | { readonly kind: 'write'; readonly committed: Committed }
  | { readonly kind: 'read'; readonly cell: Cell | undefined }
  | { readonly kind: 'scan'; readonly found: readonly { readonly key: Uint8Array; readonly cell: Cell }[] }

/** The operation was answered. */
export interface Succeeded extends Happened {
  readonly type: 'ok'
  readonly op: number
  readonly answer: ClientAnswer
}

/** The operation was refused and had no effect: `code` is one of the table of errors. */
export interface Failed extends Happened {
  readonly type: 'fail'
  readonly op: number
  readonly code: string
}

/** Nobody knows whether it had an effect: code `INDETERMINATE`, or `CRASHED` where the process died under it. */
export interface Indeterminate extends Happened {
  readonly type: 'indeterminate'
  readonly op: number
  readonly code: string
}

/** The store told its listeners of a durable commit. `again`: after a fence, of what an interrupted commit did make. */
export interface CommitTold extends Happened {
  readonly type: 'commit'
  readonly notice: CommitNotice
}

/** The engine handed verified batches to the store, and got these answers. */
export interface Applied extends Happened {
  readonly type: 'apply'
  readonly batches: readonly Batch[]
  readonly proof: readonly BareHeader[]
  readonly results: readonly ApplyResult[]
}

/** A frame left or reached a node. `message` is absent for a part of a large batch. */
export interface Framed extends Happened {
  readonly type: 'sent' | 'received'
  readonly peer: Author
  /** Name of the node at the other end. */
  readonly other: string
  /** Numbers streams of the run: the same at both ends. */
  readonly stream: number
  readonly message: Message | undefined
  /** Of the frame, without its length prefix. */
  readonly bytes: number
}

/** A gossip message left or reached a node. `batch` is absent where it does not decode. */
export interface Gossiped extends Happened {
  readonly type: 'published' | 'heard'
  /** Who forwarded it; absent for one's own. */
  readonly from?: Author
  readonly batch: Batch | undefined
}

/** The account of a peer moved: its cursor, or what it acknowledged. Not on disk yet. */
export interface PeerSaved extends Happened {
  readonly type: 'peer'
  /** Peer id. */
  readonly peer: string
  readonly before: PeerRecord | undefined
  readonly record: PeerRecord
}

/** `engine.holds` answered for the first time in this life that `peer` has an own batch applied and fsynced. */
export interface Receipted extends Happened {
  readonly type: 'receipt'
  readonly peer: Author
  readonly tip: Tip
  readonly position: number
}

/** What befell the node as a whole. */
export interface Lived extends Happened {
  readonly type: 'life'
  readonly what: /** A process opened its store; nothing was committed yet. */
    | 'opened'
    /** It joined the others. */
    | 'started'
    /** A process could not open the store; `detail` is the code. */
    | 'refused'
    /** It was stopped in order: everything is closed. */
    | 'stopped'
    /** Killed: what was handed to the operating system stays. */
    | 'killed'
    /** The machine lost power: what was not synced is gone or there in part. */
    | 'power-cut'
    /** The process stands still, or goes on. */
    | 'paused'
    | 'resumed'
    /** The directory was lost: the node begins with an empty one, with the same key. */
    | 'directory-lost'
    /** As before, and with a new key: another author from here on. */
    | 'key-lost'
    /** An older copy of the directory was put back, with its manifest noticing it. */
    | 'restored'
    /** As before, by a means that nothing reveals: a snapshot of the whole machine. */
    | 'rolled-back'
    /** A second process was started on a copy of this node's directory; `detail` is the name of the new node. */
    | 'cloned'
    /** Its store was looked through and mended; `detail` says how much. */
    | 'repaired'
  readonly detail?: string
  /** Of `opened`: the log as the process found it, from position 1 on. */
  readonly log?: readonly Batch[]
  /** Of `stopped`: timers, streams, iterators and snapshots that the process left open, one text each. */
  readonly left?: readonly string[]
}

/** The disk did something that it should not. */
export interface DiskFault extends Happened {
  readonly type: 'disk'
  readonly what: /** A write failed: with what the system said, and whether its bytes are in the file. */
    | 'write-failed'
    | 'open-failed'
    | 'read-failed'
    /** A write that the handle acknowledged after one that failed: it is gone at the next open. */
    | 'doomed'
    /** In a crash: a write in flight was found whole, or not. */
    | 'kept'
    | 'torn'
    /** A bit of a stored value is another one now. */
    | 'flipped'
    /** The place that was flipped was written anew. */
    | 'mended'
  /** Of a write that failed: its bytes are in the file all the same. */
  readonly reached?: boolean
  /** `ENOSPC` or `EIO`, where it is an error. */
  readonly code?: 'ENOSPC' | 'EIO'
  /** Of a flip: the key of the record. */
  readonly key?: Uint8Array
  /** Of a flip in the log: the batch that it befell. */
  readonly batch?: BatchId
}

/** The signer of a node signed a header. */
export interface Signed extends Happened {
  readonly type: 'signed'
  readonly author: Author
  readonly epoch: Epoch
  readonly seq: number
  readonly id: BatchId
}

/** The store told of a fork, a clock ahead, a conflict, an unreadable cell, or a change of storage. */
export interface Noticed extends Happened {
  readonly type: 'notice'
  readonly what: 'fork' | 'clock' | 'conflict' | 'unreadable' | 'storage'
  readonly event: NodeEvents['fork' | 'clock' | 'conflict' | 'unreadable' | 'storage']
}

/** The net was told of a violation by a peer. */
export interface Penalized extends Happened {
  readonly type: 'penalty'
  readonly peer: Author
  readonly reason: string
}

/** All faults are over; from here on liveness must hold. */
export interface Healed extends Happened {
  readonly type: 'healed'
}

export type HistoryEvent =
  | Invoked
  | Succeeded
  | Failed
  | Indeterminate
  | CommitTold
  | Applied
  | Framed
  | Gossiped
  | PeerSaved
  | Receipted
  | Lived
  | DiskFault
  | Signed
  | Noticed
  | Penalized
  | Healed

/** An event before the world has put time on it. */
export type HistoryEntry = HistoryEvent extends infer E
  ? E extends HistoryEvent
    ? Omit<E, 'at'>
    : never
  : never

/**
 * Replication: who needs what, as a state machine. `step(state, event, now)` takes one event and answers with effects;
 * it holds no timer, socket, file or promise, and time and randomness are given to it. Implements the decisions of
 * protocols/sync-ops.md.
 *
 * Keeps: a position is acknowledged only when everything shown up to it is applied and durable; a node pushes its own
 * batches and announces the others; what is wanted follows from what connected peers have shown and this node lacks;
 * memory per peer is bounded. Leaves to others: bytes (wire), signatures (checked before an event enters), what can be
 * applied (the store says so), and performing the effects in their order (engine).
 */
import type { Hashes, Limits } from '../base/index.js'
import type {
  Author,
  BareHeader,
  Batch,
  Cursor,
  DatabaseId,
  Hello,
  Mark,
  Message,
  Run,
  ShortId,
  StoreId,
  SyncErrorCode,
  Tip,
  Want
} from '../log/index.js'

export { heldSince, inSync } from './accounts.js'
export { helloTo } from './handlers/hello.js'
export { selectNeighbours } from './neighbours.js'
export { appliedAll } from './receiving.js'
export { digestOf, type State, type Stream } from './state.js'
export { createState, step } from './step.js'
export { NOTHING_WAITS, type Waiting, waitingOf } from './waiting.js'

/** One open stream, numbered by the engine; a number is never used twice. */
export type StreamId = number

export interface ReplicationInit {
  readonly author: Author
  readonly database: DatabaseId
  readonly store: StoreId
  /** Whether an applied batch is fsynced here. */
  readonly durable: boolean
  readonly mark: Mark
  /** Every tip that is applied here. */
  readonly tips: Iterable<Tip>
  /** Position of the newest applied batch of this node's own author; 0 for none. */
  readonly lastOwn: number
  readonly hashes: Hashes
  /** 32 bits for jitter and for choosing among peers. */
  readonly seed: number
  /** Milliseconds between PINGs. */
  readonly intervalMs: number
  /** Milliseconds without a frame after which a stream is given up. */
  readonly timeoutMs: number
  /** False: all heads are shown at each handshake, whatever the cursor. */
  readonly differential: boolean
  readonly limits: Pick<
    Limits,
    'neighbours' | 'parkedBatchesPerAuthor' | 'parkedBytesPerPeer' | 'windowBytes'
  >
}

/** What is kept of a peer between two streams. */
export interface SavedPeer {
  readonly theirs?: Cursor
  readonly acked: number
  readonly ackedAtMs: number
  readonly durable: boolean
}

export interface AppliedHere {
  readonly batch: Batch
  readonly mark: Mark
  /** Written by this process, not received. */
  readonly local: boolean
}

/** A batch whose record is damaged here, and what stands right before it in its author's log. */
export interface Hole {
  readonly tip: Tip
  readonly have: readonly Tip[]
}

export type Outcome =
  | { readonly batch: Batch; readonly status: 'applied' | 'duplicate' }
  /** It names a batch that is applied here under another name: what it waits for can never come. */
  | { readonly batch: Batch; readonly status: 'never' }
  /** The disk did not take it: it is not here, and will be asked for again. */
  | { readonly batch: Batch; readonly status: 'failed' }
  | { readonly batch: Batch; readonly status: 'missing'; readonly missing: readonly Tip[] }

export type Event =
  /** A stream is there; the first frames are still to come. */
  | {
      readonly type: 'opened'
      readonly stream: StreamId
      readonly peer: Author
      readonly outbound: boolean
      readonly rttMs: number | null
      readonly saved?: SavedPeer
    }
  | { readonly type: 'closed'; readonly stream: StreamId; readonly reason: string }
  /** A decoded message whose signatures hold. */
  | {
      readonly type: 'received'
      readonly stream: StreamId
      readonly message: Message
      /** Bytes of its frames; of a RUN, those that count against the window. */
      readonly bytes: number
      /** For HELLO: the cursor in it was found here, at this position and with this check. */
      readonly cursorValid?: boolean
      /** For HEADS: which of the tips are applied here. */
      readonly applied?: readonly boolean[]
    }
  /** Bytes of a large batch that is not yet whole have left the stream's buffer. */
  | { readonly type: 'staged'; readonly stream: StreamId; readonly bytes: number }
  /** Batches that gossip brought. It shows nothing of whoever forwarded them. */
  | { readonly type: 'gossiped'; readonly from: Author; readonly batches: readonly Batch[] }
  /** A durable commit, in position order; told before the results of the `apply` it came from. */
  | { readonly type: 'committed'; readonly applied: readonly AppliedHere[] }
  /** What became of the batches of an `apply` effect. */
  | {
      readonly type: 'results'
      readonly stream: StreamId | null
      readonly from: Author
      readonly bytes: number
      /** As in the effect. */
      readonly since: number
      readonly outcomes: readonly Outcome[]
      readonly proof: readonly BareHeader[]
    }
  | { readonly type: 'headsRead'; readonly stream: StreamId; readonly tips: readonly Tip[] }
  /** A WANT was taken up, or no batch it names as held is known here. */
  | { readonly type: 'served'; readonly stream: StreamId; readonly tip: Tip; readonly known: boolean }
  | {
      readonly type: 'runRead'
      readonly stream: StreamId
      readonly batches: readonly Batch[]
      readonly proof: readonly BareHeader[]
      readonly done: boolean
    }
  /** Applied batches of the epoch of `tip`, 1, 2, 4, … back. */
  | {
      readonly type: 'backRead'
      readonly stream: StreamId
      readonly tip: Tip
      readonly have: readonly Tip[]
    }
  /** A RUN took so many bytes of the peer's window. */
  | { readonly type: 'sent'; readonly stream: StreamId; readonly bytes: number }
  /** The stream's write buffer is full, or empty again. */
  | { readonly type: 'choked'; readonly stream: StreamId; readonly choked: boolean }
  /** A node without a stream said in its HELLO what it has of this node's log. */
  | {
      readonly type: 'answered'
      readonly peer: Author
      readonly hello: Hello
      /** As for `received`. */
      readonly cursorValid: boolean
      /** What this node's own HELLO said. */
      readonly sent: { readonly digest: string; readonly mark: Mark }
      readonly saved?: SavedPeer
    }
  /** What is kept of a peer is dropped, and a stream with it is closed. */
  | { readonly type: 'forgotten'; readonly peer: Author }
  /** The batches whose records are damaged here, all of them, whenever that changed. */
  | { readonly type: 'holes'; readonly holes: readonly Hole[] }
  | { readonly type: 'rtt'; readonly peer: Author; readonly rttMs: number }
  /** Somebody asks for a round with a peer now. */
  | { readonly type: 'sync'; readonly peer: Author }
  /** The time of the last `wake` effect has come. */
  | { readonly type: 'wake' }

export type Effect =
  | { readonly type: 'send'; readonly stream: StreamId; readonly message: Message }
  /** As `send`; report the bytes with `sent`. */
  | { readonly type: 'sendRun'; readonly stream: StreamId; readonly message: Run }
  /** Apply in this order; answer with `results`. */
  | {
      readonly type: 'apply'
      readonly stream: StreamId | null
      readonly from: Author
      readonly batches: readonly Batch[]
      readonly proof: readonly BareHeader[]
      readonly bytes: number
      /** The newest position that was known when this was decided: tells what the verdict did not yet see. */
      readonly since: number
    }
  /** Read the tips that changed above a position (all for 0); answer with `headsRead`. */
  | { readonly type: 'readHeads'; readonly stream: StreamId; readonly since: number }
  /** Take a WANT into the walk of this stream; answer with `served`. */
  | { readonly type: 'serve'; readonly stream: StreamId; readonly want: Want }
  /** Read the next piece of the walk; answer with `runRead`. */
  | { readonly type: 'readRun'; readonly stream: StreamId; readonly maxBytes: number }
  | { readonly type: 'readBack'; readonly stream: StreamId; readonly tip: Tip }
  /** The account of a peer moved. Need not be synced: losing it costs a repeat. */
  | { readonly type: 'savePeer'; readonly peer: Author; readonly record: SavedPeer }
  /** Close after what was sent; `violation` counts against the peer, `again` says when to try anew. */
  | {
      readonly type: 'close'
      readonly stream: StreamId
      readonly reason: string
      readonly violation: boolean
      /** Milliseconds until a further try makes sense; Infinity for never by itself. */
      readonly againMs: number
    }
  | { readonly type: 'roundBegan'; readonly stream: StreamId; readonly peer: Author }
  | {
      readonly type: 'roundEnded'
      readonly stream: StreamId
      readonly peer: Author
      readonly ok: boolean
      readonly reason?: string
      readonly roundTrips: number
    }
  /** What a peer has, or what is known of it, changed. */
  | { readonly type: 'progress'; readonly peer: Author }
  /** Call again with `wake` at this time, in place of any earlier such request. */
  | { readonly type: 'wake'; readonly atMs: number }
  /** Something that a peer shows cannot be applied here. */
  | { readonly type: 'trouble'; readonly peer: Author; readonly reason: string }
  /** Every peer that is connected was asked for a batch that is damaged here, and none has sent it. */
  | { readonly type: 'unanswered'; readonly tip: Tip }
  /** Both sides hold the same tips by their words, and their digests differ: check the own disk. */
  | { readonly type: 'suspect'; readonly peer: Author }

export type { ShortId, SyncErrorCode }

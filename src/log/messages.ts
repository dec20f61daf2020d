/**
 * What two nodes say to each other over `/sync/ops/1.0.0`, as values. `wire` turns them into frames and back,
 * `replication` decides on them; neither knows the other. Grammar and limits: protocols/sync-ops.md.
 *
 * Positions are local to their owner: the n-th batch that arrived in its store, from 1; 0 is before all.
 */
import type { BareHeader, Batch } from './batch.js'
import type { Author, DatabaseId, Tip } from './ids.js'

/** One life of a store: 16 hex digits, new at each restore. Positions of another incarnation mean nothing. */
export type StoreId = string & { readonly __store: true }

/** A position, and an 8-byte running check over all batch ids up to it (16 hex digits): proof that it is the same log. */
export interface Mark {
  readonly position: number
  readonly check: string
}

/** A mark in the positions of one store. */
export interface Cursor extends Mark {
  readonly store: StoreId
}

export interface Hello {
  readonly type: 'hello'
  readonly protocol: number
  readonly database: DatabaseId
  readonly store: StoreId
  /** Whether this node fsyncs before it acknowledges. */
  readonly durable: boolean
  /** The sender's own position. */
  readonly position: Mark
  /** How far the sender has applied the receiver's positions; absent when it never met that store. */
  readonly cursor?: Cursor
  /** The sender's frontier digest, 32 hex digits. */
  readonly digest: string
  /** What the sender has applied of the receiver's own log. */
  readonly yours: readonly Tip[]
  /** Bytes of RUN and BODY frames the sender takes before it returns credit. */
  readonly window: number
}

/** Tips changed since the last HEADS on this stream; at its start since the receiver's cursor. */
export interface Heads {
  readonly type: 'heads'
  readonly tips: readonly Tip[]
  /** The sender's position that all HEADS so far reach to; absent while further frames of the same list follow. */
  readonly position?: Mark
}

export interface Want {
  readonly type: 'want'
  readonly tip: Tip
  /** What of that author is held here: the last batch of that epoch if any, else the tips. */
  readonly have: readonly Tip[]
  /** Bytes of the body of `tip` that are here already, where a large one was cut off. */
  readonly offset: number
}

/** Batches in the sender's arrival order. */
export interface Run {
  readonly type: 'run'
  readonly batches: readonly Batch[]
  /** Headers without bodies up to a signature that covers the last batches. */
  readonly proof: readonly BareHeader[]
  /** The position of the sender up to which everything has been shown on this stream; absent where that is unchanged. */
  readonly position?: Mark
  /** Authors of batches of a format that is not known here: they were left out. Never in one that is sent. */
  readonly skipped?: readonly Author[]
  /** Bytes of the body of the only batch that the receiver has, where a large one is resumed. Never in a decoded one. */
  readonly offset?: number
}

export interface Ack {
  readonly type: 'ack'
  /** Everything that the receiver has shown up to this position of its own is applied and fsynced at the sender. */
  readonly position: number
}

/** Bytes of RUN and BODY frames that have left the sender's buffers: the receiver may send as many more. */
export interface Credit {
  readonly type: 'credit'
  readonly bytes: number
}

export interface Ping {
  readonly type: 'ping'
  readonly digest: string
  readonly position: Mark
}

export type SyncErrorCode =
  | 'NO_COMMON'
  | 'BUSY'
  | 'OTHER_DATABASE'
  | 'OTHER_PROTOCOL'
  | 'PAUSED'
  | 'INVALID'
  | 'UNAVAILABLE'

export interface Err {
  readonly type: 'err'
  readonly code: SyncErrorCode
  readonly retryable: boolean
  readonly retryAfterMs: number
  readonly text: string
  /** For NO_COMMON: the tip of the WANT that is answered. */
  readonly tip?: Tip
}

export type Message = Hello | Heads | Want | Run | Ack | Credit | Ping | Err

/**
 * natter/delivery: a durable outbox for any operation over any transport.
 *
 * Keeps, in this order, always: **1** the operation is on disk **2** its claim is on disk **3** it is sent **4** its end
 * is on disk **5** the application is told. So nothing is lost, and one whose end is on disk is never sent again; one whose
 * sender died between 3 and 4 is, under the same idempotency key. Per target first in, first out; a target that fails
 * holds up nobody else. Leaves to others: what an operation does where it arrives (`Transport`), and the disk.
 *
 * Format on disk: protocols/delivery.md. Rests on `disk` alone and is usable without a node; a node's directory may hold
 * an outbox beside its log.
 */
import type { Clock, ErrorCode, Hashes, Limits, Random } from '../base/index.js'
import type { Disk, DiskState } from '../disk/index.js'

/**
 * `pending` (may be sent once all before it on its target are final) → `inflight` (claimed) → `done`; or `failed` (a retry
 * is due at `nextRetryAtMs`) → `inflight` → …; or `permanent-failed`, which only `retry` brings back.
 */
export type OperationStatus = 'pending' | 'inflight' | 'done' | 'failed' | 'permanent-failed'

/** What an application hands in. */
export interface NewOperation {
  /** What is to be done: `http.<method>`, or any name that the transport knows. */
  kind: string
  /** Where: a path, a URL, a topic. Operations of one target are sent in the order of their enqueueing. */
  target: string
  /** A text, bytes or any JSON value; each comes back as what it was. Absent: nothing. At most 1 MiB. */
  payload?: unknown
  /** Given again with the same content, nothing happens; with other content: `ID_REUSED`. @default a random one */
  id?: string
  /** The same at every attempt, so that the receiver can tell a repetition. @default the id */
  idempotencyKey?: string
}

export interface Operation {
  readonly id: string
  readonly kind: string
  readonly target: string
  /** `string`, `Uint8Array` or a JSON value; undefined when there is none. */
  readonly payload: unknown
  readonly idempotencyKey: string
  /** False: it is sent whatever else waits for its target. */
  readonly ordered: boolean
  readonly createdAtMs: number
  readonly updatedAtMs: number
  /** How often it was claimed. */
  readonly attempt: number
  /** When a `failed` one may be claimed again; null in every other state. */
  readonly nextRetryAtMs: number | null
  readonly status: OperationStatus
  /** What the newest attempt that failed said, at most 2 KiB of it. */
  readonly lastError: string | null
  /** Who holds it while it is `inflight`. */
  readonly owner: string | null
}

/** Attempt n is retried after `baseDelayMs × factor^(n−1)`, between `baseDelayMs` and `maxDelayMs`, ± jitter. */
export interface RetryPolicy {
  /** Attempts, counted from the newest `retry` by hand, after which a failure is permanent. @default 8 */
  maxAttempts: number
  /** @default 500 */
  baseDelayMs: number
  /** @default 30_000 */
  maxDelayMs: number
  /** @default 2 */
  factor: number
  /** 0.2: each delay is up to a fifth longer or shorter. @default 0.2 */
  jitterRatio: number
}

/** What an outbox is told wherever it stands. */
export interface OutboxSettings {
  /** Names who claims. @default a random name */
  owner?: string
  retry?: Partial<RetryPolicy>
  /** Milliseconds that finished operations are kept, and their ids known. @default 86_400_000: a day */
  keepDoneMs?: number
  /** Milliseconds that records of the log are kept. @default a week, or `keepDoneMs` where that is longer */
  keepLogMs?: number
  /** @default the clock of the machine */
  clock?: Clock
  /** @default the randomness of the machine */
  random?: Random
}

export interface OutboxInit extends OutboxSettings {
  /** A data directory, made when there is none. @default memory only */
  dataDir?: string
  /** 'os': commits are handed to the operating system and not synced. @default 'fsync' */
  durability?: 'fsync' | 'os'
  /** @default limits.freeBytes of src/base/limits.ts */
  limits?: Partial<Pick<Limits, 'freeBytes'>>
}

/** The disk of somebody who closes it, a node for example. */
export interface OutboxOnDisk extends OutboxSettings {
  disk: Disk
  /** CRC-32 of the platform. @default one in JavaScript */
  crc32?: Hashes['crc32']
}

export interface EnqueueOptions {
  /** False: neither waits for others of its target nor holds them up. @default true */
  ordered?: boolean
}

export interface FailOptions {
  /** False: it is never sent again. @default true */
  retryable?: boolean
  /** @default the clock */
  nowMs?: number
  /** Instead of the back-off, as a server asked for; an hour at most. */
  retryAfterMs?: number
  /** The attempt that ended so. @default the one in flight */
  attempt?: number
}

export interface CompleteOptions {
  /** The attempt that ended so. @default the one in flight */
  attempt?: number
}

export interface OperationFilter {
  status?: OperationStatus
  /** Without an index of its own: looks through all operations, or those of the status. */
  target?: string
  /** @default 1_000 */
  limit?: number
  /** Id of the last operation of the page before. */
  after?: string
}

/** How many operations are in which state. */
export type OperationCounts = Readonly<Record<OperationStatus, number>>

export type DeliveryRecordType = 'put' | 'claim' | 'done' | 'failed' | 'permanent-failed' | 'retry' | 'drop'

/** One transition, in the order in which they were made durable. */
export interface DeliveryRecord {
  /** Rises by 1 from record to record, from 1 on, and survives restarts. */
  readonly position: number
  readonly id: string
  readonly type: DeliveryRecordType
  readonly tsMs: number
  readonly error?: string
  readonly nextRetryAtMs?: number
}

/** Why an operation is or is not sent now. */
export interface Explanation {
  readonly id: string
  readonly status: OperationStatus
  /**
   * `due`: the next free worker takes it · `waits-for-retry`: until `atMs` · `waits-for-target`: until the operation
   * `behind` is final · `in-flight`: `owner` has it since `atMs` · `done` · `gave-up`.
   */
  readonly reason: 'due' | 'waits-for-retry' | 'waits-for-target' | 'in-flight' | 'done' | 'gave-up'
  /** The same as a sentence. */
  readonly text: string
  readonly atMs?: number
  readonly behind?: string
  readonly owner?: string
}

/** What faces (HTTP, command line) ask of an outbox; `Outbox` is one. */
export interface DeliveryFace {
  /**
   * Resolves with the id when the operation is on disk.
   * Rejects with `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE`, `ID_REUSED`, `STORE_FENCED`, `STORE_CLOSED`, `DISK_FULL` (nothing
   * changed) or `INDETERMINATE` (repeat it with the same id).
   */
  enqueue(op: NewOperation, nowMs?: number, options?: EnqueueOptions): Promise<string>
  /** The operation, or undefined when there is none of that id. */
  get(id: string): Promise<Operation | undefined>
  /** In the order of their enqueueing. */
  list(filter?: OperationFilter): Promise<Operation[]>
  /**
   * Sends a `permanent-failed` one again, with as many attempts as a new one, or a `failed` one at once. Rejects with
   * `NOT_FOUND`, `OPERATION_IN_FLIGHT` or `OPERATION_DONE`; one that is pending stays as it is.
   */
  retry(id: string, nowMs?: number): Promise<void>
  /** Forgets it, whatever became of it. Rejects with `NOT_FOUND` or `OPERATION_IN_FLIGHT`. */
  drop(id: string, nowMs?: number): Promise<void>
  /** Rejects with `NOT_FOUND`. */
  explain(id: string, nowMs?: number): Promise<Explanation>
  /** As of the newest commit. */
  counts(): OperationCounts
  /** Milliseconds since the oldest operation that is not final was enqueued; null when there is none. */
  oldestAgeMs(nowMs?: number): Promise<number | null>
  /** Whether the disk takes commits, and why not; nothing is sent meanwhile. */
  readonly storage: { readonly state: DiskState; readonly reason?: string }
  readonly events: OutboxEvents
}

/**
 * Payloads of events, which tell of what is on disk. What a commit made although it ended as `INDETERMINATE` is not told: the
 * log has it.
 */
export interface DeliveryEvents {
  enqueued: { readonly id: string; readonly kind: string; readonly target: string }
  /** It is done. */
  sent: { readonly id: string; readonly attempt: number }
  /** It will be retried. */
  failed: {
    readonly id: string
    readonly attempt: number
    readonly error: string
    readonly nextRetryAtMs: number
  }
  /** It is permanent-failed. */
  'gave-up': { readonly id: string; readonly attempt: number; readonly error: string }
}

/** What an engine says: of the operations that it sent, and `idle` whenever a tick found nothing more to send. */
export interface EngineEvents extends Omit<DeliveryEvents, 'enqueued'> {
  idle: Record<string, never>
  /** A tick of the loop did not work out; the loop goes on. */
  error: { readonly code: ErrorCode | undefined; readonly message: string }
}

/** An `EventTarget` that dispatches `CustomEvent`s whose `detail` is the payload by the map `M`. */
export interface EventsOf<M> extends EventTarget {
  addEventListener<K extends keyof M & string>(
    type: K,
    listener: (event: CustomEvent<M[K]>) => void,
    options?: AddEventListenerOptions | boolean
  ): void
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean
  ): void
}

export type OutboxEvents = EventsOf<DeliveryEvents>

/** How an attempt ended. */
export type SendResult =
  | { readonly ok: true }
  | {
      readonly ok: false
      /** False: it can never succeed, so it is not sent again. */
      readonly retryable: boolean
      readonly error: string
      /** How long the receiver asked to be left alone; taken instead of the back-off, up to an hour. */
      readonly retryAfterMs?: number
    }

export interface Transport {
  /**
   * Sends one operation and says how that ended; a rejection is a retryable failure. When `signal` aborts, the attempt
   * counts as failed: nothing may be sent for it any more.
   */
  send(op: Operation, options: { signal: AbortSignal }): Promise<SendResult>
}

export { isNatterError, NatterError } from '../base/natter-error.js'
export { type EngineInit, SyncEngine } from './engine.js'
export { HttpTransport, type HttpTransportInit } from './http-transport.js'
export { OPERATION_STATUSES } from './keys.js'
export { Outbox } from './outbox.js'
export { NetworkProbe } from './probe.js'
export { RecordingTransport, type Rule } from './recording-transport.js'
export { SyncWorker, type WorkerInit } from './worker.js'

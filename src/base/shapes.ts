/**
 * The shapes that natter shows: what the library returns, HTTP answers and the command line prints. Types only.
 * One vocabulary for all faces: times are ISO strings named `at` or `…At`, durations end in `Ms`.
 */

/** How long an `ack` target is waited for, and how to give up. */
export interface WaitOptions {
  /** Milliseconds; @default 30_000 */
  timeout?: number
  signal?: AbortSignal
}

export type AckTarget = 'local' | 'all' | number

export interface WriteOp {
  type: 'put' | 'del'
  key: string | Uint8Array
  /** For `put`: any JSON value but null; bytes are stored as they are. */
  value?: unknown
}

export interface WriteOptions extends WaitOptions {
  /** How many other nodes must have it on disk before the call resolves. @default 'local' */
  ack?: AckTarget
  /** Compare-and-set against this node's view only: key to the op id it must be at, or null for absent. */
  if?: Readonly<Record<string, string | null>>
  /** The writer's own id for the write, 1 to 256 bytes: given again, it takes effect once, wherever it arrives. */
  id?: string
}

export interface PeerAck {
  /** Peer id. */
  peer: string
  at: string
}

/** How far a write has spread, as of the last look. */
export interface ReceiptState {
  opIds: string[]
  /** The client id of the write, where it had one. */
  id?: string
  cursor: string
  /** When it was written, by the hybrid clock of the writer. */
  at: string
  /** Whether it is applied here. */
  applied: boolean
  acks: PeerAck[]
  /** Peer ids of known nodes that have not acknowledged it. */
  missing: string[]
  /** Whether the target was reached. */
  reached: boolean
}

export interface Receipt extends ReceiptState {
  /** Waits until `target` other nodes have applied it and have it on disk; resolves with what was reached. */
  wait(target: number | 'all', options?: WaitOptions): Promise<Receipt>
}

export interface Change {
  type: 'put' | 'del' | 'caught-up'
  cursor: string
  /** Absent for caught-up, like the fields below. */
  key?: string
  value?: unknown
  /** Where the bytes are not JSON: base64, and `value` is null. */
  valueBase64?: string
  opId?: string
  at?: string
  origin?: 'local' | 'remote'
  /** Peer id of the author, for remote ones. */
  from?: string
}

export interface ChangesOptions {
  /** A cursor, `'now'`, or `'start'`. @default 'now' */
  since?: string
  prefix?: string
  /** Ends after so many events. */
  limit?: number
  signal?: AbortSignal
  /** End at 'caught-up' in place of waiting for more. @default true */
  live?: boolean
}

/** One of the concurrent versions of a key, or one step of its history; `hlc` is its hybrid time in 16 hex digits. */
export interface VersionInfo {
  opId: string
  kind: string
  /** Absent for a delete. */
  value?: unknown
  /** Where the bytes are not JSON: base64, and `value` is null. */
  valueBase64?: string
  at: string
  hlc: string
  author: string
  winner: boolean
  /** The time that a program gave with it (`ts_ms` of POST /p2p/ops). */
  tsMs?: number
}

/** What a key is at, with the particulars that HTTP shows. */
export interface CellInfo {
  key: string
  value: unknown
  valueBase64?: string
  opId: string
  at: string
  /** How many other concurrent versions there are. */
  conflicts: number
}

export interface Lag {
  ops: number
  bytes: number
  /** Age of the oldest, in milliseconds. */
  oldestMs: number
}

export type PeerState = 'current' | 'syncing' | 'behind' | 'unknown' | 'offline' | 'blocked'

export interface PeerInfo {
  peer: string
  name: string | null
  state: PeerState
  reason?: string
  addrs: string[]
  rttMs: number | null
  theyLack: Lag | 'unknown'
  weLack: Lag | 'unknown'
  lastContactAt: string | null
  lastSyncAt: string | null
  successfulSyncs: number
  failedSyncs: number
  consecutiveFailures: number
  /** Bytes of `/sync/ops` frames since this node joined the network. */
  bytesSent: number
  bytesReceived: number
  circuit: 'closed' | 'open' | 'half-open'
  app: { name: string; version: string } | null
  capabilities: string[]
}

export interface OutboxInfo {
  peer: string
  name: string | null
  /** The arrival position that this peer has acknowledged, as a cursor of this node. */
  position: string
  ops: number
  bytes: number
  oldestMs: number
  lastError: string | null
  nextTryAt: string | null
}

export interface OutboxOp {
  opId: string
  kind: string
  key: string
  at: string
}

export interface SyncRound {
  peer: string
  status: 'ok' | 'failed' | 'skipped'
  reason?: string
  sent: number
  received: number
  bytesSent: number
  bytesReceived: number
  roundTrips: number
  durationMs: number
}

export interface NodeStatus {
  peerId: string
  name: string
  network: string
  addrs: string[]
  cursor: string
  ops: number
  keys: number
  bytes: number
  frontierDigest: string
  stateDigest: string
  uptimeMs: number
  storage: {
    kind: 'disk' | 'memory'
    location: string | null
    durability: 'fsync' | 'os' | 'memory'
    state: 'open' | 'fenced' | 'closed'
    reason?: string
    freeBytes: number | null
  }
  paused: boolean
  version: string
}

export interface LogRecord {
  position: number
  opId: string
  kind: string
  key: string
  value?: unknown
  at: string
}

export interface WaitTarget extends WaitOptions {
  /** So many peers connected. */
  connected?: number
  /** Everything written here acknowledged by so many other nodes. */
  acked?: number
  /** No difference to any connected peer. */
  inSync?: boolean
  /** This node's position at least there. */
  cursor?: string
}

export interface VerifyReport {
  /** Nothing is damaged, or nothing is any more. */
  ok: boolean
  batches: number
  ops: number
  keys: number
  /** One entry a fault that stands; empty when all is well. */
  damage: { where: string; what: string }[]
  /** One entry a fault that was found and is mended; empty without `repair`. */
  repaired: { where: string; what: string }[]
  /** The batches that are damaged here and come from a peer as soon as one that has them is connected. */
  waiting: MissingBatch[]
}

/** A batch of the log whose record is damaged or missing here. */
export interface MissingBatch {
  /** Batch id, 64 hex digits. */
  batch: string
  /** Peer id of its author. */
  author: string
  epoch: string
  seq: number
  /** Its position in the log of this node. */
  position: number
  /** Whether this node wrote it. */
  own: boolean
  /** Every peer that was connected was asked for it, and none had it. */
  nobody: boolean
}

/** What the quiet check of the whole store found, and how far it is. Times in milliseconds since the Unix epoch. */
export interface ScrubStatus {
  /** When the last whole pass ended; null before the first. */
  lastPassAtMs: number | null
  /** Of the pass under way, 0 to 1. */
  progress: number
  /** Batches that wait for a peer, and records found damaged in the last pass and this one that are not mended. */
  damaged: number
}

export interface VerifyOptions {
  /** Mend what can be made again from the log, and note what is to be fetched from peers. @default false */
  repair?: boolean
  signal?: AbortSignal
}

export interface Invite {
  /** The line to hand over, a secret: `natter1:…` */
  invite: string
  network: string
  addrs: string[]
}

export type DoctorStatus = 'ok' | 'warn' | 'fail'

/** One thing that was looked at. */
export interface DoctorCheck {
  /** Stable, such as `peers` or `integrity`. */
  name: string
  status: DoctorStatus
  /** What was seen: a sentence, and a line for each case where there are several. */
  evidence: string
  /** What to do; for all that is not ok. */
  remedy?: string
  /** The same for programs; durations end in `Ms`, times in `At`. */
  details?: Record<string, unknown>
}

export interface DoctorReport {
  /** The worst of the checks. */
  status: DoctorStatus
  at: string
  /** Null where a directory is too damaged to say whose it is. */
  peerId: string | null
  network: string | null
  /** False for a directory whose node does not run. */
  running: boolean
  checks: DoctorCheck[]
  /** Checks that could not be made, and why. */
  leftOut: { name: string; reason: string }[]
  durationMs: number
}

/** Payloads of `node.events`, by type. */
export interface NodeEvents {
  peer: { peer: string; state: 'connected' | 'disconnected' | 'refused' | 'discovered'; reason?: string }
  sync: SyncRound
  conflict: { key: string; versions: number; reason: 'concurrent' | 'id-reused' }
  unreadable: { key: string; reason: string }
  storage: { state: 'open' | 'fenced' | 'closed'; reason?: string }
  fork: { author: string; epoch: string; seq: number; batches: string[] }
  clock: { author: string; aheadMs: number }
}

/** Where the HTTP face of a node listens, and who may call it. */
export interface ServeOptions {
  /** Name or address to listen on. @default '127.0.0.1' */
  host?: string
  /** 0 chooses one. @default 7070 */
  port?: number
  /** File in which the port that 0 chose is kept, to be tried first the next time. */
  keepPort?: string
  /** The bearer token that every request must carry. */
  token?: string
  /** File that holds it; made with mode 0600 when there is none. Needed, or `token`, beyond loopback. */
  tokenFile?: string
  /** Names that a Host header may carry beside localhost and literal addresses. */
  allowHosts?: readonly string[]
}

export interface Served {
  /** Origin by which this machine reaches it. */
  readonly url: string
  /** Address it is bound to. */
  readonly host: string
  readonly port: number
  /** Ends streams at once and other requests within two seconds. */
  close(): Promise<void>
}

/**
 * A running node as its faces see it: the one interface that the library returns and HTTP serves. Types only; the shapes
 * of what it takes and gives are in shapes.ts.
 */
import type {
  CellInfo,
  Change,
  ChangesOptions,
  DoctorReport,
  Invite,
  NodeStatus,
  OutboxInfo,
  OutboxOp,
  PeerInfo,
  Receipt,
  SyncRound,
  VerifyOptions,
  VerifyReport,
  VersionInfo,
  WaitOptions,
  WaitTarget,
  WriteOp,
  WriteOptions
} from './shapes.js'

/** Methods that can be given up. */
export interface Signal {
  signal?: AbortSignal
}

/** Options of a listing over keys; bounds are texts in byte order of their UTF-8. */
export interface ListOptions extends Signal {
  prefix?: string
  gt?: string
  gte?: string
  lt?: string
  lte?: string
  reverse?: boolean
  /** @default no limit */
  limit?: number
}

export interface ProgramResult {
  ackedIds: string[]
  rejected: { id: string | null; code: string; error: string; retryable: boolean }[]
}

/**
 * A running node as its faces see it: `createNode` returns it (with `db` beside), HTTP serves it, the command line
 * prints what HTTP answers. Every method rejects with a `NatterError`, or with `TypeError` for a wrong type.
 */
export interface NodeFace {
  readonly peerId: string
  readonly events: EventTarget
  /** Writes ops as one atomic batch; resolves when it is on disk here and the `ack` target was reached or missed. */
  write(ops: readonly WriteOp[], options?: WriteOptions): Promise<Receipt>
  /** How far a write has spread, by op id or client id; `NOT_FOUND` when it is not known here. */
  receipt(id: string, options?: Signal): Promise<Receipt>
  /** What a key is at; `NOT_FOUND` when it is absent. */
  cell(key: string, options?: Signal): Promise<CellInfo>
  /** Present keys in byte order. */
  cells(options?: ListOptions): AsyncIterable<CellInfo>
  changes(options?: ChangesOptions): AsyncIterable<Change>
  versions(key: string, options?: Signal): Promise<VersionInfo[]>
  history(key: string, options?: Signal): AsyncIterable<VersionInfo>
  /** Writes an op that overwrites every version seen here: with one of them, or with a value. */
  resolve(
    key: string,
    choice: { take: string } | { value: unknown },
    options?: WriteOptions
  ): Promise<Receipt>
  /** Keys with more than one version. */
  conflicts(options?: Signal): AsyncIterable<{ key: string; versions: number }>
  peers(): PeerInfo[] | Promise<PeerInfo[]>
  connect(multiaddr: string, options?: Signal): Promise<{ peer: string }>
  /** A PEER argument is a peer id, a unique prefix of one, or the name of exactly one known peer. */
  forget(peer: string): Promise<void>
  block(peer: string): Promise<void>
  invite(options?: { rotate?: boolean } & Signal): Promise<Invite>
  outboxes(): Promise<OutboxInfo[]>
  outboxOps(peer: string, options?: { limit?: number } & Signal): AsyncIterable<OutboxOp>
  readonly sync: {
    now(peer?: string, options?: WaitOptions): Promise<SyncRound[]>
    /** `TARGET_NOT_REACHED` when the time is over. */
    wait(target: WaitTarget): Promise<void>
    pause(): Promise<void>
    resume(): Promise<void>
  }
  status(): Promise<NodeStatus>
  /** With `repair` what follows from the log is made again, and damaged batches are asked of peers; writes wait. */
  verify(options?: VerifyOptions): Promise<VerifyReport>
  /** Looks at everything that can go wrong, within about a second. What it finds is in the report: it does not reject. */
  doctor(options?: Signal): Promise<DoctorReport>
  /** Ops of a program, each durable and taking effect once by its id. */
  acceptProgramOps(from: string, ops: readonly unknown[]): Promise<ProgramResult>
  /** Marks ops as delivered to a program; ids that are not known are ignored. */
  ackFromProgram(from: string, ids: readonly string[]): Promise<void>
  /** Whether the node can answer: not while it starts, stops, or its store is fenced. */
  ready(): { ready: boolean; reason?: string }
  stop(): Promise<void>
}

/**
 * Every bound of natter, in one place, with its unit and its reason.
 *
 * `FORMAT` is part of the formats: the same on every node, for ever. `PROTOCOL` bounds what a frame may hold.
 * `DEFAULT_LIMITS` bounds what this node takes and keeps; `createNode({ limits })` changes those.
 */

const KIB = 1024
const MIB = 1024 * KIB

/** Validity: a batch outside these is no batch of this format. Constant, so that the verdict is the same everywhere. */
export const FORMAT = {
  /** Ops in a batch: an op's index fits 16 bits. */
  batchOps: 65_536,
  /** Bytes of a body: small enough to stage in memory whole, large enough for any group commit. */
  bodyBytes: 8 * MIB,
  /** Bytes of a key: longer ones are documents in disguise and make every index slow. */
  keyBytes: 8 * KIB,
  /** Dependencies of a batch: keeps a header below 84 KiB. */
  deps: 1024,
  /** Bytes of the extension block of a header. */
  headerExtensionBytes: KIB,
  /** Bytes of the extension block of an op. */
  opExtensionBytes: 256,
  /** Bytes of a piece of the body under the Merkle root: one page, one hash. */
  segmentBytes: 4 * KIB,
  /** Versions that one op may overwrite by name: more heads than that take a second write. */
  over: 1024,
  /** Batches of an author between two signatures in a run: one check pays for at most this many. */
  unsignedBatches: 64,
  /** Bytes of bodies between two signatures in a run. */
  unsignedBytes: MIB,
  /** Bytes of a client id or of the name of a program that sends (`from`). */
  clientIdBytes: 256
} as const

/** Bounds of the frames between nodes. */
export const PROTOCOL = {
  /** Bytes of one frame: small enough that an ACK never waits long behind data. */
  frameBytes: 256 * KIB,
  /** Bytes of unacknowledged data per direction of a stream. */
  windowBytes: 2 * MIB,
  /** Tips in one HEADS frame: 32 bytes each stay far below a frame. */
  headsTips: 2048,
  /** Tips that a WANT names as held here: 1, 2, 4, … back. */
  wantHave: 32,
  /** Tips of the receiver's own log in a HELLO: more are found by HEADS. */
  helloTips: 64,
  /** Bytes of the text of an ERR frame. */
  errorTextBytes: 256,
  /** Tips of one author above which it counts as broken or lying; they are kept, shown and served like any others. */
  authorTips: 64,
  /** Authors that one stream may number: bounds the dictionary a peer can make us hold. */
  streamAuthors: 65_536,
  /** Authors that one frame may name for the first time: as many as fit. */
  frameAuthors: 8192,
  /** Authors whose last batch both ends of a stream remember, so that the next one is sent as a difference. */
  streamChains: 256,
  /** Bytes of the frames of one RUN: 64 headers with 1,024 deps each, and their bodies, still fit. */
  runBytes: 8 * MIB,
  /** Batches and bare headers of one RUN: bounds the objects that a few bytes make. */
  runBatches: 8192,
  /** Deps of all headers of one RUN: 64 headers with 1,024 each. */
  runDeps: 65_536,
  /** Bytes of a gossip message: a whole small batch with its header. */
  gossipBytes: 32 * KIB,
  /** Bytes of a batch that gossip carries whole: above it streams are cheaper. */
  gossipBatchBytes: 16 * KIB,
  /** Bytes of one presence frame. */
  presenceFrameBytes: 64 * KIB,
  /** Bytes of a name, an application's name or version, or a capability. */
  presenceTextBytes: 128,
  /** Capabilities of one node. */
  presenceCapabilities: 64,
  /** Addresses of one node. */
  presenceAddrs: 16,
  /** Bytes of one address. */
  presenceAddrBytes: 256,
  /** Nodes a network may have: the presence table is held in memory. */
  presenceNodes: 4096
} as const

/** What one peer may cost this node: beyond these it is made to wait, or left. */
export const PEER = {
  /** Bytes queued for one peer on one stream, at which it is given up: a large batch and what stands behind it, and some. */
  backlogBytes: 16 * MIB,
  /** Tips and batches that one stream has shown and that are not applied here. */
  outstandingTips: 131_072,
  /** Marks of a stream that are remembered beside one for each tip that is waited for. */
  spareMarks: 64,
  /** Large batches of which a peer has asked for the rest only. */
  resumedBatches: 64,
  /** WANTs of one stream that are being looked up at a time. */
  openServes: 4096,
  /** Streams that a peer may open a second, and at once: one HELLO to each of many nodes takes 20 a second here. */
  streamsPerSecond: 20,
  streamsAtOnce: 64,
  /** Gossip messages of one peer a second, and at once, that are looked into at all. */
  gossipLooks: 512,
  /** Those of them whose signature is checked. */
  gossipChecks: 64,
  /** Signature checks in a row before others get a turn: some 5 ms. */
  checksInARow: 32,
  /** Frames of one stream in a row before others get a turn: a flood of the smallest fills buffers with thousands. */
  framesInARow: 64,
  /** Milliseconds between two times that all tips are shown because digests differ. */
  compareMs: 1000,
  /** Peers of which rates, errors and statistics are remembered. */
  remembered: 4096
} as const

/** What is remembered of the keys that have a cell, so that a write to a new one need not look for it. */
export const KEY_FILTER = {
  /** Bits of the first layer: 32 KiB, for 16,000 keys. */
  firstBits: 2 ** 18,
  /** Bits of the last one: 8 MiB; with 10.6 in all, of 10 million keys one new key in thirty is looked for. */
  lastBits: 2 ** 26,
  /** Keys of one list on disk: 64 KiB, read in a fraction of a millisecond. */
  listKeys: 16_384,
  /** Bytes of bodies after which the newest list is written again: at an opening as much of the log is read. */
  listBytes: 4 * MIB,
  /** Cells that were looked for and not there before the filter is made: a few reads cost less. */
  missed: 16
} as const

/** Those of them that are set by a store, so that a small one can have it all happen. */
export type KeyFilterBounds = Record<'listKeys' | 'listBytes' | 'missed', number>

/** The quiet check of the whole store. */
export const SCRUB = {
  /** Milliseconds from the opening to the first slice: what runs for a moment only has other things to do. */
  firstMs: 600_000,
  /** Bytes of one slice: a millisecond or two of work. */
  sliceBytes: 256 * KIB,
  /** Milliseconds between two slices: about 2.5 MiB a second, one or two per cent of a core. */
  pauseMs: 100,
  /** Milliseconds between two passes: bit rot is slow, and disks wear. */
  passMs: 24 * 3_600_000
} as const

/** Bounds of the HTTP face. */
export const HTTP = {
  /** Bytes of the request line and all headers: a key of 8 KiB is 24 KiB percent-encoded, and a listing may carry two. */
  headerBytes: 64 * KIB,
  /** Levels of nesting in a JSON body: deeper ones overflow the stack of programs that print them. */
  jsonDepth: 256,
  /** Items of a page when the request names no limit. */
  pageItems: 1000,
  /** Items of a page at most. */
  pageItemsMax: 10_000,
  /** Bytes of values after which a page ends early: it is built in memory. */
  pageBytes: 8 * MIB,
  /** Open connections. */
  connections: 1024,
  /** Requests on one connection before it is closed, so that none lives for ever. */
  requestsPerSocket: 10_000,
  /** Milliseconds in which a request has to arrive whole: 8 MiB at 1 Mbit/s. */
  requestMs: 70_000,
  /** Milliseconds in which its headers have to arrive. */
  headersMs: 10_000,
  /** Milliseconds between looks at those two. */
  checkMs: 1_000,
  /** Milliseconds without a byte in either direction, outside of streams and waits, after which a connection is cut. */
  idleMs: 60_000,
  /** Milliseconds that a connection is kept for the next request. */
  keepAliveMs: 30_000,
  /** Milliseconds that the rest of a refused body is read and thrown away, so that the client gets to see the answer. */
  lingerMs: 1_000,
  /** Milliseconds after which a reader of a stream that takes nothing is cut. */
  stallMs: 60_000,
  /** Milliseconds between the comments that keep an event stream open through proxies. */
  heartbeatMs: 15_000,
  /** Milliseconds that `?wait=` and `timeout` may ask for. */
  waitMs: 3_600_000,
  /** Milliseconds that requests under way get to end when the server closes. */
  closeMs: 1_500,
  /** Events that wait for a slow reader of /events; older ones are dropped and counted. */
  queuedEvents: 1_000
} as const

/** Bounds of the delivery outbox. */
export const DELIVERY = {
  /** Bytes of an encoded payload: it is held in memory while it is sent. */
  payloadBytes: MIB,
  /** Bytes of an id, an idempotency key, a kind or an owner: they stand in headers and in every record. */
  nameBytes: 256,
  /** Bytes of a target: a long URL. */
  targetBytes: 2 * KIB,
  /** Bytes that are kept of the error of an attempt: a sentence and the first kilobyte of an answer. */
  errorBytes: 2 * KIB,
  /** Bytes of an answer that are kept to say why it failed. */
  answerBytes: KIB,
  /** Bytes of an answer that are read, so that its connection can be used again; a longer one costs the connection. */
  drainBytes: 64 * KIB,
  /** Milliseconds that the body of an answer is waited for: its status alone decides. */
  answerMs: 1_000,
  /** Milliseconds that a receiver may ask to be left alone: longer, and nobody would notice that it came back. */
  retryAfterMs: 3_600_000,
  /** Bytes of what one commit takes in: more callers go into the next. */
  groupBytes: MIB,
  /** Callers that wait for a commit: more are told STORE_FENCED rather than queued for ever. */
  queuedCalls: 100_000,
  /** Operations of a page when the call names no limit. */
  pageItems: 1_000,
  /** Index entries that one step of a walk reads: a page of a few KiB. */
  walkItems: 256,
  /** Finished operations and records of the log that one tick removes: a few milliseconds of work. */
  sweptItems: 256,
  /** Operations of a dead owner that one commit takes over. */
  takenOverItems: 256,
  /** Milliseconds that sends in flight get to end when an engine stops; then they are aborted. */
  stopMs: 2_000,
  /** Milliseconds for which the loop of an engine trusts an answer of its probe. */
  probeMs: 1_000
} as const

/** Bounds of this node, each changeable by `createNode({ limits })`. */
export interface Limits {
  /** Bytes of one value written here. */
  valueBytes: number
  /** Bytes of one HTTP body. */
  httpBodyBytes: number
  /** Bytes of op bodies that one group commit puts into a batch: more callers go into the next. */
  groupBytes: number
  /** Local writes waiting for a commit: more callers are told STORE_FENCED rather than queued for ever. */
  queuedWrites: number
  /** Bytes of verified batches of one peer that wait for a predecessor or a dependency. */
  parkedBytesPerPeer: number
  /** Batches of one author that wait so. */
  parkedBatchesPerAuthor: number
  /** Bytes of all partly received large batches. */
  stagedBytes: number
  /** Bytes of data in flight to one peer. */
  windowBytes: number
  /** Bytes of a stream's write buffer above which a peer counts as slow. */
  slowPeerBytes: number
  /** Neighbour streams of this node. */
  neighbours: number
  /** Bytes that must stay free on the disk; below it writes are refused before LevelDB sees a full disk. */
  freeBytes: number
  /** Milliseconds by which a remote clock may drag the local one past wall time. */
  clockDriftMs: number
  /** Milliseconds a stop may take. */
  stopMs: number
}

export const DEFAULT_LIMITS: Readonly<Limits> = {
  valueBytes: 256 * KIB,
  httpBodyBytes: 8 * MIB + 64 * KIB,
  groupBytes: MIB,
  queuedWrites: 100_000,
  parkedBytesPerPeer: 4 * MIB,
  parkedBatchesPerAuthor: 1024,
  stagedBytes: 32 * MIB,
  windowBytes: PROTOCOL.windowBytes,
  slowPeerBytes: 4 * MIB,
  neighbours: 16,
  freeBytes: 64 * MIB,
  clockDriftMs: 60_000,
  stopMs: 10_000
}

/** `DEFAULT_LIMITS` with `given` laid over it; `TypeError` for an unknown name or a number that is not positive. */
export function withLimits(given: Partial<Limits> = {}): Limits {
  const limits: Limits = { ...DEFAULT_LIMITS }
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) throw new TypeError(`unknown limit: ${name}`)
    if (value === undefined) continue
    if (typeof value !== 'number' || !(value > 0))
      throw new TypeError(`limits.${name} must be a positive number`)
    limits[name as keyof Limits] = value
  }
  return limits
}

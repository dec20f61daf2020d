/**
 * What the state machine remembers: per peer an account, per stream what each side has shown the other, and for each
 * batch that was shown and is not applied here, whom it was asked of. Everything is bounded per stream or per peer.
 */

import type { Author, Batch, BatchName, Cursor, Frontier, Mark, ShortId, StoreId, Tip } from '../log/index.js'
import type { Effect, ReplicationInit, StreamId } from './index.js'
import type { Parking } from './parked.js'
import type { RecentBatches } from './recent.js'

/** How long changed tips of others are collected before a HEADS. */
export const headsDelayMs = 50
/** The same for what stands, forks aside, behind a tip that the peer has shown: applying that tip makes it no news. */
export const lateHeadsDelayMs = 1000
/** Rtt assumed before the first measurement. */
export const unknownRttMs = 50
/** Own batches kept in memory, so that pushing goes on after a moment without credit: so many, and bytes of bodies. */
export const writtenBatches = 256
export const writtenBytes = 512 * 1024
/** Pushes without an ack from which on small ones are gathered: one that the peer writes, and one for it to go on with. */
export const pushesAhead = 2
/** The second of them is that long behind the first: acks of a near peer come so fast that nothing would gather. */
export const gatheredMs = 2
/** What is gathered goes all the same from so many batches or bytes of bodies on, so that a long way is filled. */
export const gatheredBatches = 64
export const gatheredBytes = 64 * 1024
/** Batches remembered that can never be applied: each costs one look of the store when it comes again. */
export const neverBatches = 4096

/** How far a peer has this node's log, and this node the peer's; outlives its streams. */
export interface Account {
  readonly peer: Author
  /** Own position up to which the peer has everything applied and durable. */
  acked: number
  ackedAtMs: number
  /** The last advances of `acked`, oldest first. */
  readonly steps: { position: number; atMs: number }[]
  /** Whether the peer fsyncs before it acknowledges. */
  durable: boolean
  /** How far this node has applied the peer's positions. */
  theirs: Cursor | undefined
  /** What the peer said in its last HELLO to have of this node's own log, and when. */
  yours: readonly Tip[]
  yoursAtMs: number
}

/** Tips that arrived since the last mark of the peer, or up to `mark`. */
export interface Shown {
  readonly open: Set<ShortId>
  mark: Mark | undefined
  /** Among them is a batch that could not be read: neither this mark nor a later one can be acknowledged. */
  unread: boolean
}

export interface Round {
  /** Own position that the peer shall have. */
  mine: number
  /** The peer's position that this node shall have; known from its HELLO or PING. */
  theirs: number | undefined
  wanted: number
  served: number
}

/** An own batch that was written here lately: what can be pushed without a look at the disk. */
export interface Written {
  readonly batch: Batch
  readonly position: number
  /** Position of this author's batch before it; 0 for none. */
  readonly after: number
}

export interface Stream {
  readonly id: StreamId
  readonly peer: Author
  readonly outbound: boolean
  readonly openedAtMs: number
  readonly account: Account
  rttMs: number
  /** Waiting for HELLO; reading the heads to show; exchanging. */
  phase: 'hello' | 'reading' | 'ready'
  readonly sentHello: { readonly digest: string; readonly mark: Mark }
  theirStore: StoreId | undefined
  heardAtMs: number
  choked: boolean

  // What this node shows
  /** Applied tips that the peer neither showed nor was shown. Each covers what is behind it. */
  readonly pending: Map<ShortId, Tip>
  /** The last position that the peer was told. */
  told: number
  /** A RUN went out without a position: a later HEADS must carry one. */
  unplaced: boolean
  /** Own position up to which the peer has, or was pushed, every batch of this node's author. */
  mineThrough: number
  /** Own position up to which batches of this node's author were told by HEADS: the peer asks for these itself. */
  mineTold: number
  /** Own positions of the pushes that are not acknowledged as far as was looked, oldest first; and when the newest was. */
  readonly pushed: number[]
  pushedAtMs: number
  /** When what is gathered goes. */
  pushDueMs: number
  headsAtMs: number
  headsDueMs: number
  /** While heads are read: tips that the peer showed to have meanwhile. */
  has: Set<ShortId> | undefined

  // What the peer shows
  readonly shown: Shown[]
  /** Shown and not applied here; to the entry of `shown` that waits for it. */
  readonly outstanding: Map<ShortId, Shown>
  /** By author and epoch, the highest seq among what was shown and waited for; emptied with `outstanding`. */
  readonly ahead: Map<string, number>
  /** Not shown, but behind what was shown, and not applied here. */
  readonly implied: Set<ShortId>
  /** All that the peer had at the handshake is shown. */
  complete: boolean
  /** Why what the peer has shown cannot all be applied, as far as is known. */
  trouble: string | undefined
  /** Authors of whom the peer has sent batches of a newer format, the first ones. */
  readonly newer: Set<Author>
  /** An ack that waits for the write buffer. */
  ackDue: Mark | undefined

  // Windows
  /** Bytes that the peer takes before it returns credit, and how many of them are left. */
  window: number
  credit: number
  owed: number
  applying: number
  runAtMs: number

  // WANTs of the peer
  serves: number
  serving: boolean
  reading: boolean

  // Agreement
  pingDueMs: number
  pingsAwaited: number
  disagreements: number
  comparedAtMs: number
  /** When all tips were shown last because digests differed. */
  showedAllAtMs: number
  round: Round | undefined
}

/** A batch that is shown, not applied and not here: whom it was asked of. */
export interface Ask {
  readonly tip: Tip
  /** Since when it has been asked for without an end. */
  readonly sinceMs: number
  dueMs: number
  /** Much may stand behind it: answers get more time before another peer is asked. */
  readonly patient: boolean
  /** Milliseconds until the same peer is asked again; longer each time it sent what could not be read. */
  repeatMs: number
  /** Streams it was asked on, oldest first, with the time. */
  readonly requests: { stream: StreamId; atMs: number }[]
  /** When each stream was asked last, also where that is given up. */
  readonly tried: Map<StreamId, number>
  /** How far back the WANT reached: 0 the own tips, 1 ids further back, 2 from the author's first batch. */
  depth: number
}

/** A batch that is applied and whose record here is damaged: whom it was asked of. */
export interface HoleAsk {
  readonly tip: Tip
  readonly have: readonly Tip[]
  /** The stream that is asked now, if any. */
  asked: { readonly stream: StreamId; readonly atMs: number } | undefined
  /** Streams that were asked in this round over the peers. */
  readonly tried: Set<StreamId>
  dueMs: number
  /** When the next round begins; infinite while one is under way. */
  againMs: number
  /** Milliseconds until all peers are asked again; longer each time. */
  repeatMs: number
  /** Its predecessors are known to nobody who was asked: the whole log behind it is asked for. */
  bare: boolean
}

export interface State {
  readonly init: ReplicationInit
  readonly frontier: Frontier
  mark: Mark
  lastOwn: number
  /** The newest own batches, oldest first, without a gap. */
  readonly written: Written[]
  /** Bytes of their bodies. */
  writtenBytes: number
  /** Memoised until the frontier changes. */
  digest: string | undefined
  readonly accounts: Map<Author, Account>
  readonly streams: Map<StreamId, Stream>
  readonly byPeer: Map<Author, Stream>
  readonly asks: Map<ShortId, Ask>
  /** A lower bound of the times in `asks`. */
  asksDueMs: number
  /** No look at `asks` before this time: a look takes as long as they are many. */
  asksRestMs: number
  readonly holes: Map<ShortId, HoleAsk>
  /** A lower bound of the times in `holes`. */
  holesDueMs: number
  /** Batches that are being applied. */
  readonly applying: Map<ShortId, number>
  readonly parking: Parking
  /** For tips that were dropped for lack of room: asked again when these are applied. */
  readonly dropped: Map<ShortId, Map<ShortId, Tip>>
  /** The batches that were applied last, so that a lookup that a commit overtook is still answered right. */
  readonly recent: RecentBatches
  /** Batches that name what can never be applied; the oldest goes. */
  readonly never: Set<ShortId>
  /** When the own disk was suspected last: a look at all of it is dear, and a peer can provoke it. */
  suspectedAtMs: number
  random: number
  wakeAtMs: number
}

/** One step in the making. */
export interface Turn {
  readonly state: State
  readonly now: number
  readonly effects: Effect[]
}

/** Names the log of an author's epoch. */
export function logOf({ author, epoch }: BatchName): string {
  return author + epoch
}

export function digestOf(state: State): string {
  state.digest ??= state.frontier.digest(state.init.hashes)
  return state.digest
}

/** A number in [0, 1) from the seed (mulberry32). */
export function fraction(state: State): number {
  state.random = (state.random + 0x6d2b79f5) | 0
  let t = Math.imul(state.random ^ (state.random >>> 15), 1 | state.random)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

export function send(
  turn: Turn,
  stream: Stream,
  message: Extract<Effect, { type: 'send' }>['message']
): void {
  turn.effects.push({ type: 'send', stream: stream.id, message })
}

/** Notes that something which the peer shows cannot be applied here; told when it changes. */
export function trouble(turn: Turn, stream: Stream, reason: string): void {
  if (stream.trouble === reason) return
  stream.trouble = reason
  turn.effects.push({ type: 'trouble', peer: stream.peer, reason })
}

/** Notes that the peer shows a batch that can never be applied. */
export function troubleOfNever(turn: Turn, stream: Stream, id: ShortId): void {
  trouble(turn, stream, `shows batch ${id.slice(0, 16)}, which names a batch that there is not`)
}

/** Ends a stream that broke the protocol; the peer is told. */
export function violate(turn: Turn, stream: Stream, text: string): void {
  send(turn, stream, { type: 'err', code: 'INVALID', retryable: false, retryAfterMs: 0, text })
  closeStream(turn, stream, text, { violation: true })
}

/** Takes the stream out of the state and has it closed. */
export function closeStream(
  turn: Turn,
  stream: Stream,
  reason: string,
  { violation = false, againMs = 0 }: { violation?: boolean; againMs?: number } = {}
): void {
  if (!dropStream(turn, stream, reason)) return
  turn.effects.push({ type: 'close', stream: stream.id, reason, violation, againMs })
}

/** Forgets a stream; its requests are due elsewhere. False when it was gone already. */
export function dropStream(turn: Turn, stream: Stream, reason: string): boolean {
  const { state, effects, now } = turn
  if (!state.streams.delete(stream.id)) return false
  if (state.byPeer.get(stream.peer) === stream) state.byPeer.delete(stream.peer)
  for (const ask of state.asks.values()) {
    ask.tried.delete(stream.id)
    const at = ask.requests.findIndex(request => request.stream === stream.id)
    if (at < 0) continue
    ask.requests.splice(at, 1)
    ask.dueMs = Math.min(ask.dueMs, now)
    state.asksDueMs = Math.min(state.asksDueMs, now)
  }
  for (const hole of state.holes.values()) {
    hole.tried.delete(stream.id)
    if (hole.asked?.stream !== stream.id) continue
    hole.asked = undefined
    hole.dueMs = now
    state.holesDueMs = now
  }
  if (stream.round !== undefined) {
    effects.push({
      type: 'roundEnded',
      stream: stream.id,
      peer: stream.peer,
      ok: false,
      reason,
      roundTrips: 1 + Math.max(stream.round.wanted, stream.round.served)
    })
    stream.round = undefined
  }
  effects.push({ type: 'progress', peer: stream.peer })
  return true
}

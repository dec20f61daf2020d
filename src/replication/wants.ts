/**
 * What is wanted, of whom, and when. Nothing here is a record: a want is a tip that a connected peer has shown and that
 * is neither applied nor being applied nor parked. Whom it was asked of is kept so that it is not asked twice.
 *
 * A tip shown at a handshake is asked for at once, and so is one whose author shows it or is no neighbour; otherwise
 * its author is about to push it, and it is asked for only when that does not come.
 */

import { PROTOCOL } from '../base/index.js'
import type { Author, ShortId, Tip } from '../log/index.js'
import { shortId } from '../log/index.js'
import type { Held } from './parked.js'
import { shownBySomebody } from './receiving.js'
import type { Ask, State, Stream, Turn } from './state.js'
import { fraction, logOf, send, troubleOfNever } from './state.js'

/** Least wait for the push of an author that is a neighbour. */
const pushWaitMs = 80
/** Least wait for an answer before another peer is asked. */
const answerWaitMs = 200
/** The same for what was shown at a handshake: a whole log may stand behind it, and a second answer costs as much. */
const patientWaitMs = 3000
/** Wait before the same peer is asked again. */
const repeatMs = 10_000
/** The same at most, where it sent what could not be read. */
const longestRepeatMs = 3_600_000
/** Longest time until wants that could not be asked for are looked at again. */
const queueMs = 50
/** Peers that are asked for one tip at a time. */
const askedAtOnce = 2
/** Tips asked for on one stream at a time: the rest follows as these arrive. */
const openRequests = 256

/** Looks at all that is asked for rest a millisecond for so many: whoever invents tips gets no more than a part of the time. */
const asksPerMs = 256

/** Tips that one stream implies at a time; what is behind more of them is found when these are applied. */
const impliedTips = 8192
/** Entries of what was dropped; the oldest goes, and is asked for again by time. */
const droppedTips = 4096

/** A peer has shown a tip that is not applied here. */
export function noteWant(turn: Turn, stream: Stream, tip: Tip, atOnce: boolean): void {
  // A parked batch is here, but who shows it has what it waits for.
  imply(turn, stream, [tip.id])
  want(turn, stream, tip, atOnce)
}

function want(turn: Turn, stream: Stream, tip: Tip, atOnce: boolean): void {
  const { state, now } = turn
  if (isHere(state, tip.id)) return
  if (state.never.has(tip.id)) {
    troubleOfNever(turn, stream, tip.id)
    return
  }
  const urgent = atOnce || tip.author === stream.peer || !state.byPeer.has(tip.author)
  const dueMs = urgent ? now : now + Math.max(pushWaitMs, 2 * stream.rttMs)
  const ask = state.asks.get(tip.id)
  if (ask === undefined)
    state.asks.set(tip.id, {
      tip,
      sinceMs: now,
      dueMs,
      patient: atOnce,
      repeatMs,
      requests: [],
      tried: new Map(),
      depth: 0
    })
  // Who was not asked yet may answer where the one who was does not: looked at at once, also in a long wait.
  else if (!ask.tried.has(stream.id)) ask.dueMs = Math.min(ask.dueMs, dueMs)
  state.asksDueMs = Math.min(state.asksDueMs, dueMs)
}

/** Batches are held back: a peer that has shown one of them has what that one stands on. */
export function noteBehind(turn: Turn, stream: Stream, held: readonly Held[]): void {
  for (const { batch, missing } of held) {
    const id = shortId(batch.id)
    if (!stream.outstanding.has(id) && !stream.implied.has(id)) continue
    implyAll(turn, stream, missing)
  }
}

/** The peer has what these parked batches wait for, and what that waits for in turn. */
function imply(turn: Turn, stream: Stream, ids: Iterable<ShortId>): void {
  for (const id of ids) implyAll(turn, stream, turn.state.parking.missingOf(id))
}

function implyAll(turn: Turn, stream: Stream, tips: Iterable<Tip>): void {
  const { recent, parking } = turn.state
  const open = [...tips]
  for (let tip = open.pop(); tip !== undefined; tip = open.pop()) {
    if (recent.has(tip.id) || stream.outstanding.has(tip.id) || stream.implied.has(tip.id)) continue
    if (stream.implied.size >= impliedTips) return
    stream.implied.add(tip.id)
    want(turn, stream, tip, false)
    open.push(...parking.missingOf(tip.id))
  }
}

/** The batch is here, being applied or parked. */
export function noteArrived(turn: Turn, id: ShortId): void {
  const { state } = turn
  if (!state.asks.delete(id)) return
  state.asksDueMs = Math.min(state.asksDueMs, turn.now)
}

/** A tip found no room: it is asked for again when what it misses is applied. */
export function noteDropped(turn: Turn, tip: Tip, missing: readonly Tip[]): void {
  const { state, now } = turn
  if (!shownBySomebody(state, tip.id)) return
  state.asks.set(tip.id, {
    tip,
    sinceMs: state.asks.get(tip.id)?.sinceMs ?? now,
    dueMs: now + repeatMs,
    patient: true,
    repeatMs,
    requests: [],
    tried: new Map(),
    depth: 0
  })
  state.asksDueMs = Math.min(state.asksDueMs, now + repeatMs)
  for (const { id } of missing) {
    const tips = state.dropped.get(id) ?? new Map<ShortId, Tip>()
    if (tips.size < droppedTips) tips.set(tip.id, tip)
    state.dropped.set(id, tips)
    if (state.dropped.size > droppedTips) state.dropped.delete(state.dropped.keys().next().value!)
  }
}

/** A peer answered with batches of these authors that cannot be read here: it will have no other answer soon. */
export function askLater(turn: Turn, stream: Stream, authors: readonly Author[]): void {
  for (const ask of turn.state.asks.values()) {
    if (!authors.includes(ask.tip.author)) continue
    if (!ask.tried.has(stream.id)) continue
    ask.repeatMs = Math.min(longestRepeatMs, ask.repeatMs * 2)
  }
}

/** What was dropped for want of this batch can be asked for now. */
export function wakeDropped(turn: Turn, id: ShortId): void {
  const { state, now } = turn
  const tips = state.dropped.get(id)
  if (tips === undefined) return
  state.dropped.delete(id)
  for (const tip of tips.values()) {
    const ask = state.asks.get(tip.id)
    if (ask === undefined) continue
    ask.dueMs = now
    state.asksDueMs = now
  }
}

export function isHere(state: State, id: ShortId): boolean {
  return state.applying.has(id) || state.parking.has(id) || state.recent.has(id)
}

/** Sends the WANTs that are due. */
export function scheduleWants(turn: Turn): void {
  const { state, now } = turn
  if (state.asks.size === 0) {
    state.asksDueMs = Number.POSITIVE_INFINITY
    return
  }
  if (now < state.asksDueMs || now < state.asksRestMs) return
  state.asksRestMs = now + Math.floor(state.asks.size / asksPerMs)
  const busy = new Busy(state, now)
  let next = Number.POSITIVE_INFINITY
  for (const [id, ask] of state.asks) {
    if (ask.dueMs <= now) askFor(turn, id, ask, busy)
    if (state.asks.has(id)) next = Math.min(next, ask.dueMs <= now ? now + queueMs : ask.dueMs)
  }
  state.asksDueMs = next
}

/** What is being asked for already: one request per author's epoch, so many per stream. */
class Busy {
  readonly logs = new Set<string>()
  readonly requests = new Map<number, number>()

  constructor(state: State, now: number) {
    for (const ask of state.asks.values()) {
      for (const { stream: id, atMs } of ask.requests) {
        this.count(id)
        const stream = state.streams.get(id)
        if (stream !== undefined && !isStalled(stream, ask, atMs, now)) this.logs.add(logOf(ask.tip))
      }
    }
  }

  /** Whether the stream takes another request. */
  takes(stream: Stream): boolean {
    return !stream.choked && (this.requests.get(stream.id) ?? 0) < openRequests
  }

  count(stream: number): void {
    this.requests.set(stream, (this.requests.get(stream) ?? 0) + 1)
  }
}

function answerMs(stream: Stream, ask: Ask): number {
  return Math.max(ask.patient ? patientWaitMs : answerWaitMs, 2 * stream.rttMs)
}

/** Whether nothing came on the stream for as long as an answer may take. What waits for this node's disk is no stall. */
function isStalled(stream: Stream, ask: Ask, askedAtMs: number, now: number): boolean {
  if (stream.applying > 0) return false
  return now - Math.max(askedAtMs, stream.runAtMs) >= answerMs(stream, ask)
}

function askFor(turn: Turn, id: ShortId, ask: Ask, busy: Busy): void {
  const { state, now } = turn
  const last = ask.requests.at(-1)
  const lastStream = last === undefined ? undefined : state.streams.get(last.stream)
  if (last !== undefined && lastStream !== undefined && !isStalled(lastStream, ask, last.atMs, now)) {
    ask.dueMs = Math.max(
      now + queueMs,
      last.atMs + answerMs(lastStream, ask),
      lastStream.runAtMs + answerMs(lastStream, ask)
    )
    return
  }
  const reach = reachOf(state, id, busy)
  if (reach === 'nobody') state.asks.delete(id)
  if (reach !== 'somebody') return
  const showers = [...state.streams.values()].filter(
    stream => stream.phase !== 'hello' && (stream.outstanding.has(id) || stream.implied.has(id))
  )
  // What cannot be asked for yet stays due, and is looked at again when something arrived.
  if (busy.logs.has(logOf(ask.tip))) return
  const stream = choose(turn, ask, showers, busy)
  if (stream === undefined) {
    // Looked at again when the first of them may be asked again; or soon, where one is only busy.
    const times = showers.map(shower => (ask.tried.get(shower.id) ?? Number.NEGATIVE_INFINITY) + ask.repeatMs)
    ask.dueMs = Math.max(ask.dueMs, Math.min(...times))
    return
  }
  const repeated = ask.requests.findIndex(request => request.stream === stream.id)
  if (repeated >= 0) ask.requests.splice(repeated, 1)
  else if (ask.requests.length >= askedAtOnce) ask.requests.shift()
  ask.requests.push({ stream: stream.id, atMs: now })
  ask.tried.set(stream.id, now)
  ask.dueMs = now + answerMs(stream, ask)
  ask.depth = 0
  busy.logs.add(logOf(ask.tip))
  busy.count(stream.id)
  sendWant(turn, stream, ask.tip, heldOf(state, ask.tip))
}

/**
 * Whether a peer that has shown the batch can be asked now. Where all of them are asked for as much as may be, nothing
 * else is looked at: there may be a hundred thousand such.
 */
function reachOf(state: State, id: ShortId, busy: Busy): 'nobody' | 'later' | 'somebody' {
  let reach: 'nobody' | 'later' = 'nobody'
  for (const stream of state.streams.values()) {
    if (stream.phase === 'hello') continue
    if (!stream.outstanding.has(id) && !stream.implied.has(id)) continue
    if (busy.takes(stream)) return 'somebody'
    reach = 'later'
  }
  return reach
}

/** The author itself, then the nearest, then anybody; one that was asked before only after a while. */
function choose(turn: Turn, ask: Ask, showers: readonly Stream[], busy: Busy): Stream | undefined {
  const { state, now } = turn
  let best: Stream | undefined
  let bestRank = Number.POSITIVE_INFINITY
  for (const stream of showers) {
    if (!busy.takes(stream)) continue
    const askedAtMs = ask.tried.get(stream.id)
    if (askedAtMs !== undefined && now - askedAtMs < ask.repeatMs) continue
    const rank =
      (askedAtMs === undefined ? 0 : 1e9) +
      (stream.peer === ask.tip.author ? 0 : 1e6) +
      stream.rttMs +
      fraction(state)
    if (rank >= bestRank) continue
    best = stream
    bestRank = rank
  }
  return best
}

/** What of the author is applied here: the last batches of that epoch if any, else the tips. */
function heldOf(state: State, tip: Tip): Tip[] {
  const tips = state.frontier.of(tip.author)
  const sameEpoch = tips.filter(own => own.epoch === tip.epoch)
  return (sameEpoch.length > 0 ? sameEpoch : tips).slice(-PROTOCOL.wantHave)
}

function sendWant(turn: Turn, stream: Stream, tip: Tip, have: readonly Tip[]): void {
  if (stream.round !== undefined) stream.round.wanted = Math.max(1, stream.round.wanted)
  send(turn, stream, { type: 'want', tip, have, offset: 0 })
}

/** The peer knows nothing of what was named as held here: reach further back, at last to the beginning. */
export function reachBack(turn: Turn, stream: Stream, tip: Tip): void {
  const ask = turn.state.asks.get(tip.id)
  if (ask === undefined || !ask.requests.some(request => request.stream === stream.id)) return
  ask.depth++
  if (stream.round !== undefined) stream.round.wanted++
  if (ask.depth === 1) turn.effects.push({ type: 'readBack', stream: stream.id, tip })
  else if (ask.depth === 2) sendWant(turn, stream, tip, [])
}

export function askBack(turn: Turn, stream: Stream, tip: Tip, have: readonly Tip[]): void {
  const ask = turn.state.asks.get(tip.id)
  if (ask?.depth !== 1) return
  if (have.length === 0) ask.depth = 2
  sendWant(turn, stream, tip, have.slice(0, PROTOCOL.wantHave))
}

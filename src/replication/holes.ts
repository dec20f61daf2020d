/**
 * Fetching again what is damaged here: batches that are applied and whose records in the log cannot be read. They are no
 * wants, for no position waits for them and nobody has to have shown them: each is asked of one connected peer after
 * another by a WANT for exactly that batch, and of all again when peers change or after a growing pause.
 */

import type { ShortId, Tip } from '../log/index.js'
import type { Hole } from './index.js'
import type { HoleAsk, State, Stream, Turn } from './state.js'
import { fraction, send } from './state.js'

/** Wait for an answer before the next peer is asked: there is no word for "I have it not". */
const answerMs = 3000
/** Pause after which all peers are asked again, doubled each time. */
const repeatMs = 60_000
const longestRepeatMs = 3_600_000
/** Holes that are asked for at a time on one stream: a torn disk must not keep peers from their work. */
const openPerStream = 8

/** Takes in which batches are damaged here. */
export function onHoles(turn: Turn, holes: readonly Hole[]): void {
  const { state, now } = turn
  const ids = new Set(holes.map(({ tip }) => tip.id))
  for (const id of state.holes.keys()) if (!ids.has(id)) state.holes.delete(id)
  for (const { tip, have } of holes) {
    if (state.holes.has(tip.id)) continue
    state.holes.set(tip.id, {
      tip,
      have,
      asked: undefined,
      tried: new Set(),
      dueMs: now,
      againMs: Number.POSITIVE_INFINITY,
      repeatMs,
      bare: false
    })
  }
  state.holesDueMs = now
}

/** A peer is ready that was not asked yet. */
export function askForHoles(turn: Turn, stream: Stream): void {
  const { state, now } = turn
  if (state.holes.size === 0 || stream.phase !== 'ready') return
  for (const hole of state.holes.values()) {
    if (hole.asked === undefined && !hole.tried.has(stream.id)) hole.dueMs = now
  }
  state.holesDueMs = now
}

/** Whether a batch that comes is to be written although it is applied. */
export function isHole(state: State, id: ShortId): boolean {
  return state.holes.size > 0 && state.holes.has(id)
}

/** The peer knows nothing of what stands before the batch. False where that was not asked for the sake of a hole. */
export function holeHasNoCommon(turn: Turn, stream: Stream, tip: Tip): boolean {
  const hole = turn.state.holes.get(tip.id)
  if (hole?.asked?.stream !== stream.id) return false
  if (!hole.bare) {
    hole.bare = true
    sendWant(turn, stream, hole)
    return true
  }
  hole.asked = undefined
  hole.dueMs = turn.now
  turn.state.holesDueMs = turn.now
  return true
}

/** Sends the WANTs that are due. */
export function scheduleHoles(turn: Turn): void {
  const { state, now } = turn
  if (state.holes.size === 0) {
    state.holesDueMs = Number.POSITIVE_INFINITY
    return
  }
  if (now < state.holesDueMs) return
  const busy = new Map<number, number>()
  for (const { asked } of state.holes.values()) {
    if (asked !== undefined) busy.set(asked.stream, (busy.get(asked.stream) ?? 0) + 1)
  }
  let next = Number.POSITIVE_INFINITY
  for (const hole of state.holes.values()) {
    if (hole.dueMs <= now) askNext(turn, hole, busy)
    next = Math.min(next, hole.dueMs)
  }
  state.holesDueMs = next
}

function askNext(turn: Turn, hole: HoleAsk, busy: Map<number, number>): void {
  const { state, now } = turn
  const asked = hole.asked === undefined ? undefined : state.streams.get(hole.asked.stream)
  if (asked !== undefined && isUnderWay(asked, hole, now)) {
    hole.dueMs = now + answerMs
    return
  }
  if (asked !== undefined) busy.set(asked.id, (busy.get(asked.id) ?? 1) - 1)
  hole.asked = undefined
  if (hole.againMs <= now) {
    hole.tried.clear()
    hole.againMs = Number.POSITIVE_INFINITY
  }
  const ready = [...state.streams.values()].filter(stream => stream.phase === 'ready')
  const open = ready.filter(stream => !hole.tried.has(stream.id))
  const free = open.filter(stream => !stream.choked && (busy.get(stream.id) ?? 0) < openPerStream)
  const stream = choose(state, hole, free)
  if (stream === undefined) {
    if (open.length > 0) hole.dueMs = now + answerMs
    else endRound(turn, hole, ready.length > 0)
    return
  }
  busy.set(stream.id, (busy.get(stream.id) ?? 0) + 1)
  hole.tried.add(stream.id)
  hole.bare = hole.have.length === 0
  hole.asked = { stream: stream.id, atMs: now }
  hole.dueMs = now + answerMs
  sendWant(turn, stream, hole)
}

/** Every peer that is there was asked; with none there, the next that comes is. */
function endRound({ state, now, effects }: Turn, hole: HoleAsk, somebody: boolean): void {
  if (hole.againMs === Number.POSITIVE_INFINITY && somebody)
    hole.againMs = now + hole.repeatMs * (0.8 + 0.4 * fraction(state))
  hole.dueMs = hole.againMs
  if (!somebody) return
  hole.repeatMs = Math.min(hole.repeatMs * 2, longestRepeatMs)
  effects.push({ type: 'unanswered', tip: hole.tip })
}

/** The answer, or what stands before it in the stream, is coming in or being written. */
function isUnderWay(stream: Stream, { asked }: HoleAsk, now: number): boolean {
  return stream.applying > 0 || now - Math.max(asked!.atMs, stream.runAtMs) < answerMs
}

/** The author itself, else the nearest. */
function choose(state: State, { tip }: HoleAsk, streams: readonly Stream[]): Stream | undefined {
  let best: Stream | undefined
  let bestRank = Number.POSITIVE_INFINITY
  for (const stream of streams) {
    const rank = (stream.peer === tip.author ? 0 : 1e6) + stream.rttMs + fraction(state)
    if (rank >= bestRank) continue
    best = stream
    bestRank = rank
  }
  return best
}

function sendWant(turn: Turn, stream: Stream, { tip, have, bare }: HoleAsk): void {
  send(turn, stream, { type: 'want', tip, have: bare ? [] : have, offset: 0 })
}

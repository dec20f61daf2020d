/** The state machine: one event in, effects out. Every event ends with the wants, the acks and the next time to wake. */

import type { Author, Message, ShortId } from '../log/index.js'
import { Frontier, shortId } from '../log/index.js'
import { onAnswered, onForgotten } from './accounts.js'
import { handlers, type Notes } from './handlers/index.js'
import { sendPing } from './handlers/ping.js'
import { askForHoles, onHoles, scheduleHoles } from './holes.js'
import type { AppliedHere, Effect, Event, ReplicationInit } from './index.js'
import { onOpened } from './opening.js'
import { batchesOf, Parking } from './parked.js'
import { acknowledge, returnCredit, settleShown } from './receiving.js'
import { RecentBatches } from './recent.js'
import { onResults, resubmit } from './results.js'
import { beginRound } from './rounds.js'
import { onRunRead, onSent, onServed, pumpRun } from './serving.js'
import { settleAll } from './settle.js'
import { headsDue, noteOwn, pushDue, pushWritten, showApplied, showRead } from './showing.js'
import type { State, Stream, Turn } from './state.js'
import { closeStream, dropStream, violate } from './state.js'
import { askBack, isHere, noteArrived, scheduleWants, wakeDropped } from './wants.js'

export function createState(init: ReplicationInit): State {
  return {
    init,
    frontier: new Frontier(init.tips),
    mark: init.mark,
    lastOwn: init.lastOwn,
    written: [],
    writtenBytes: 0,
    digest: undefined,
    accounts: new Map(),
    streams: new Map(),
    byPeer: new Map(),
    asks: new Map(),
    holes: new Map(),
    holesDueMs: Number.POSITIVE_INFINITY,
    asksDueMs: Number.POSITIVE_INFINITY,
    asksRestMs: Number.NEGATIVE_INFINITY,
    applying: new Map(),
    parking: new Parking(init.limits),
    dropped: new Map(),
    recent: new RecentBatches(),
    never: new Set(),
    suspectedAtMs: Number.NEGATIVE_INFINITY,
    random: init.seed | 0,
    wakeAtMs: Number.POSITIVE_INFINITY
  }
}

/** Takes one event at the time `now` (milliseconds). The effects are to be performed in their order. */
export function step(state: State, event: Event, now: number): Effect[] {
  const turn: Turn = { state, now, effects: [] }
  if (event.type === 'wake') state.wakeAtMs = Number.POSITIVE_INFINITY
  take(turn, event)
  scheduleWants(turn)
  scheduleHoles(turn)
  scheduleWake(turn)
  return turn.effects
}

function take(turn: Turn, event: Event): void {
  const { state } = turn
  switch (event.type) {
    case 'opened':
      onOpened(turn, event)
      return
    case 'committed':
      onCommitted(turn, event.applied)
      return
    case 'results':
      onResults(turn, event)
      return
    case 'gossiped':
      if (event.batches.every(batch => isSettled(state, shortId(batch.id)))) return
      resubmit(turn, { stream: null, from: event.from, batches: event.batches, proof: [] })
      return
    case 'answered':
      onAnswered(turn, event)
      return
    case 'holes':
      onHoles(turn, event.holes)
      return
    case 'forgotten':
      onForgotten(turn, event.peer)
      return
    case 'rtt': {
      const stream = state.byPeer.get(event.peer)
      if (stream !== undefined) stream.rttMs = event.rttMs
      return
    }
    case 'sync':
      onSync(turn, event.peer)
      return
    case 'wake':
      onWake(turn)
      return
    default: {
      // Everything else is about one stream, which may be gone since.
      const stream = state.streams.get(event.stream)
      if (stream !== undefined) onStreamEvent(turn, stream, event)
    }
  }
}

type StreamEvent = Exclude<
  Event,
  {
    type:
      | 'opened'
      | 'committed'
      | 'results'
      | 'gossiped'
      | 'answered'
      | 'holes'
      | 'forgotten'
      | 'rtt'
      | 'sync'
      | 'wake'
  }
>

function onStreamEvent(turn: Turn, stream: Stream, event: StreamEvent): void {
  switch (event.type) {
    case 'received':
      stream.heardAtMs = turn.now
      receive(turn, stream, event.message, event)
      return
    case 'staged':
      stream.heardAtMs = turn.now
      stream.runAtMs = turn.now
      returnCredit(turn, stream, event.bytes)
      return
    case 'closed':
      dropStream(turn, stream, event.reason)
      return
    case 'headsRead':
      showRead(turn, stream, event.tips)
      askForHoles(turn, stream)
      return
    case 'served':
      onServed(turn, stream, event.tip, event.known)
      return
    case 'runRead':
      onRunRead(turn, stream, event)
      return
    case 'backRead':
      askBack(turn, stream, event.tip, event.have)
      return
    case 'sent':
      onSent(turn, stream, event.bytes)
      return
    case 'choked':
      onChoked(turn, stream, event.choked)
      return
  }
}

function receive<T extends Message['type']>(
  turn: Turn,
  stream: Stream,
  message: Extract<Message, { type: T }>,
  notes: Notes
): void {
  const greeted = stream.phase !== 'hello' || message.type === 'hello' || message.type === 'err'
  if (!greeted) {
    violate(turn, stream, 'a frame before HELLO')
    return
  }
  handlers[message.type as T](turn, stream, message, notes)
  if (message.type === 'hello') askForHoles(turn, stream)
}

function onCommitted(turn: Turn, applied: readonly AppliedHere[]): void {
  const { state } = turn
  for (const here of applied) {
    const { batch, mark } = here
    // Told again after the disk was opened anew: the state was made from it.
    if (mark.position <= state.mark.position) continue
    const id = shortId(batch.id)
    state.frontier.apply(batch)
    state.digest = undefined
    state.mark = mark
    if (batch.header.author === state.init.author) noteOwn(state, here)
    state.recent.add(id, mark.position)
    noteArrived(turn, id)
    for (const stream of state.streams.values()) {
      showApplied(turn, stream, here, settleShown(stream, id))
    }
    for (const group of state.parking.wake(id)) resubmit(turn, { ...group, batches: batchesOf(group) })
    wakeDropped(turn, id)
  }
  settleAll(turn)
}

/** Whether gossip brings nothing with this batch. */
function isSettled(state: State, id: ShortId): boolean {
  return isHere(state, id) || state.never.has(id)
}

function onChoked(turn: Turn, stream: Stream, choked: boolean): void {
  stream.choked = choked
  if (choked) return
  acknowledge(turn, stream)
  returnCredit(turn, stream, 0)
  pumpRun(turn, stream)
  pushWritten(turn, stream)
}

function onSync(turn: Turn, peer: Author): void {
  const stream = turn.state.byPeer.get(peer)
  if (stream === undefined || stream.phase !== 'ready') return
  beginRound(turn, stream, undefined)
  sendPing(turn, stream)
}

function onWake(turn: Turn): void {
  const { state, now } = turn
  for (const stream of [...state.streams.values()]) {
    if (now - stream.heardAtMs >= state.init.timeoutMs) {
      closeStream(turn, stream, `no frame for ${state.init.timeoutMs} ms`)
      continue
    }
    if (stream.pushDueMs <= now && !stream.choked) pushDue(turn, stream)
    if (stream.headsDueMs <= now && !stream.choked) headsDue(turn, stream)
    if (stream.pingDueMs <= now) sendPing(turn, stream)
  }
}

function scheduleWake(turn: Turn): void {
  const { state, effects } = turn
  let atMs = Math.min(Math.max(state.asksDueMs, state.asksRestMs), state.holesDueMs)
  for (const stream of state.streams.values()) {
    atMs = Math.min(atMs, stream.pingDueMs, stream.heardAtMs + state.init.timeoutMs)
    if (!stream.choked) atMs = Math.min(atMs, stream.pushDueMs, stream.headsDueMs)
  }
  if (atMs >= state.wakeAtMs || atMs === Number.POSITIVE_INFINITY) return
  state.wakeAtMs = atMs
  effects.push({ type: 'wake', atMs })
}

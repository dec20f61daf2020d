/** What became of batches that were given to the store: applied, there already, or held back by a gap. */

import type { Author, BareHeader, Batch, Tip } from '../log/index.js'
import { shortId, tipOf } from '../log/index.js'
import type { Event, Outcome, StreamId } from './index.js'
import { returnCredit, settleShown } from './receiving.js'
import { settleAll } from './settle.js'
import { peerHas } from './showing.js'
import type { State, Stream, Turn } from './state.js'
import { noteArrived, noteDropped, noteImplied } from './wants.js'

interface Submission {
  readonly stream: StreamId | null
  readonly from: Author
  readonly batches: readonly Batch[]
  readonly proof: readonly BareHeader[]
}

/** Gives batches to the store that take nothing of a window: from gossip, or parked ones whose turn has come. */
export function resubmit(turn: Turn, { stream, from, batches, proof }: Submission): void {
  for (const batch of batches) {
    const id = shortId(batch.id)
    turn.state.applying.set(id, (turn.state.applying.get(id) ?? 0) + 1)
    noteArrived(turn, id)
  }
  turn.effects.push({ type: 'apply', stream, from, batches, proof, bytes: 0 })
}

export function onResults(turn: Turn, event: Extract<Event, { type: 'results' }>): void {
  const { state } = turn
  const stream = event.stream === null ? undefined : state.streams.get(event.stream)
  const held: Extract<Outcome, { status: 'missing' }>[] = []
  for (const outcome of event.outcomes) {
    const id = shortId(outcome.batch.id)
    endApplying(state, id)
    if (outcome.status === 'missing') held.push(outcome)
    else if (outcome.status === 'duplicate') settleDuplicate(turn, id)
    else if (outcome.status === 'failed') noteDropped(turn, tipOf(outcome.batch), [])
  }
  if (held.length > 0) holdBack(turn, event, held, stream)
  if (stream !== undefined) {
    // Parts of a large batch and resubmitted ones count no bytes and no RUN.
    if (event.bytes > 0) stream.applying--
    returnCredit(turn, stream, event.bytes)
  }
  settleAll(turn)
}

function endApplying(state: State, id: Tip['id']): void {
  const count = state.applying.get(id) ?? 0
  if (count > 1) state.applying.set(id, count - 1)
  else state.applying.delete(id)
}

function settleDuplicate(turn: Turn, id: Tip['id']): void {
  noteArrived(turn, id)
  for (const stream of turn.state.streams.values()) if (settleShown(stream, id)) peerHas(stream, id)
}

function holdBack(
  turn: Turn,
  event: Extract<Event, { type: 'results' }>,
  held: readonly Extract<Outcome, { status: 'missing' }>[],
  stream: Stream | undefined
): void {
  const { state } = turn
  const batches = held.map(outcome => outcome.batch)
  const own = new Set(batches.map(batch => shortId(batch.id)))
  const missing = new Map<Tip['id'], Tip>()
  for (const outcome of held)
    for (const tip of outcome.missing) if (!own.has(tip.id)) missing.set(tip.id, tip)
  const tips = [...missing.values()]
  const { from, proof } = event
  if (tips.length === 0 || tips.some(tip => state.recent.has(tip.id))) {
    // What was missing has been applied between the store's verdict and now.
    resubmit(turn, { stream: event.stream, from, batches, proof })
    return
  }
  if (!state.parking.add({ stream: event.stream, from, batches, proof, missing: tips })) {
    for (const tip of newestOf(batches)) noteDropped(turn, tip, tips)
  }
  for (const shower of state.streams.values()) {
    if (shower !== stream && !batches.some(batch => shower.outstanding.has(shortId(batch.id)))) continue
    for (const tip of tips) noteImplied(turn, shower, tip)
  }
}

/** The batches that no other of them names: asking for these brings all. */
function newestOf(batches: readonly Batch[]): Tip[] {
  const named = new Set(batches.map(batch => batch.header.previous))
  return batches.filter(batch => !named.has(batch.id)).map(tipOf)
}

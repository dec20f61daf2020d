/** What became of batches that were given to the store: applied, there already, or held back by a gap. */

import type { Author, BareHeader, Batch, Tip } from '../log/index.js'
import { shortId, tipOf } from '../log/index.js'
import { isHole } from './holes.js'
import type { Event, Outcome, StreamId } from './index.js'
import { batchesOf, missingOf } from './parked.js'
import { returnCredit, settleShown } from './receiving.js'
import { settleAll } from './settle.js'
import { peerHas } from './showing.js'
import type { State, Turn } from './state.js'
import { neverBatches, troubleOfNever } from './state.js'
import { noteArrived, noteBehind, noteDropped } from './wants.js'

type Results = Extract<Event, { type: 'results' }>
type Missing = Extract<Outcome, { status: 'missing' }>

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
  turn.effects.push({
    type: 'apply',
    stream,
    from,
    batches,
    proof,
    bytes: 0,
    since: turn.state.mark.position
  })
}

export function onResults(turn: Turn, event: Results): void {
  const { state } = turn
  const stream = event.stream === null ? undefined : state.streams.get(event.stream)
  const held: Missing[] = []
  for (const outcome of event.outcomes) {
    const id = shortId(outcome.batch.id)
    endApplying(state, id)
    if (isHole(state, id)) continue
    if (outcome.status === 'missing') held.push(outcome)
    else if (outcome.status === 'duplicate') settleDuplicate(turn, id)
    else if (outcome.status === 'never') noteNever(turn, id)
    else if (outcome.status === 'failed') noteDropped(turn, tipOf(outcome.batch), [])
  }
  if (held.length > 0) holdBack(turn, event, held)
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

/**
 * Parks what a gap holds back. What was committed since the store was asked may be what is missing: then it is asked
 * once more. Each further try takes a further commit of what is missing, so there is an end to it; and what is missing
 * although it is applied can never come, since the batch names it wrongly.
 */
function holdBack(turn: Turn, event: Results, held: readonly Missing[]): void {
  const { state } = turn
  const { stream, from, proof, since } = event
  const waiting = held.filter(outcome => !isNever(turn, outcome, since))
  const batches = waiting.map(outcome => outcome.batch)
  if (batches.length === 0) return
  if (waiting.some(({ missing }) => missing.some(({ id }) => (state.recent.get(id) ?? 0) > since))) {
    resubmit(turn, { stream, from, batches, proof })
    return
  }
  const missing = missingOf(waiting)
  if (missing.length === 0) drop(turn, batches, missing)
  else {
    const { added, left } = state.parking.add({ stream, from, sinceMs: turn.now, held: waiting, proof })
    if (!added) drop(turn, batches, missing)
    for (const group of left) drop(turn, batchesOf(group), missingOf(group.held))
  }
  for (const shower of state.streams.values()) noteBehind(turn, shower, waiting)
}

function drop(turn: Turn, batches: readonly Batch[], missing: readonly Tip[]): void {
  for (const tip of newestOf(batches)) noteDropped(turn, tip, missing)
}

function isNever(turn: Turn, { batch, missing }: Missing, since: number): boolean {
  const { recent, never } = turn.state
  const isOver = missing.some(({ id }) => {
    const position = recent.get(id)
    return never.has(id) || (position !== undefined && position <= since)
  })
  if (isOver) noteNever(turn, shortId(batch.id))
  return isOver
}

/** A batch can never be applied, and nothing behind which it stands: nobody is asked for it again. */
function noteNever(turn: Turn, id: Tip['id']): void {
  const { state } = turn
  if (state.never.has(id)) return
  state.never.add(id)
  if (state.never.size > neverBatches) state.never.delete(state.never.values().next().value!)
  noteArrived(turn, id)
  for (const stream of state.streams.values()) {
    if (stream.outstanding.has(id) || stream.implied.has(id)) {
      troubleOfNever(turn, stream, id)
    }
  }
  // What waited for it gets the same verdict.
  for (const group of state.parking.wake(id)) resubmit(turn, { ...group, batches: batchesOf(group) })
}

/** The batches that no other of them names: asking for these brings all. */
function newestOf(batches: readonly Batch[]): Tip[] {
  const named = new Set(batches.map(batch => batch.header.previous))
  return batches.filter(batch => !named.has(batch.id)).map(tipOf)
}

/** RUN: batches, pushed by their author or in answer to WANTs. They go to the store, which says what could be applied. */

import { shortId, tipOf } from '../../log/index.js'
import { isHole } from '../holes.js'
import { acknowledge, noteMark, noteShown, noteUnread, returnCredit } from '../receiving.js'
import { peerHas } from '../showing.js'
import { troubleOfNever, violate } from '../state.js'
import { askLater, noteArrived } from '../wants.js'
import type { Handler } from './index.js'

export const onRun: Handler<'run'> = (
  turn,
  stream,
  { batches, proof, position, skipped = [] },
  { bytes }
) => {
  const { state } = turn
  stream.runAtMs = turn.now
  const isNews = batches.some(batch => {
    const id = shortId(batch.id)
    if (isHole(state, id)) return true
    return !state.recent.has(id) && !state.applying.has(id) && !state.never.has(id)
  })
  for (const batch of batches) {
    const id = shortId(batch.id)
    // Applied already, and not to be acknowledged for: only its record is written again.
    if (isHole(state, id)) continue
    if (state.recent.has(id)) {
      peerHas(stream, id)
      continue
    }
    if (!noteShown(stream, tipOf(batch))) {
      violate(turn, stream, 'more batches than can be held')
      return
    }
    if (state.never.has(id)) troubleOfNever(turn, stream, id)
    if (isNews) state.applying.set(id, (state.applying.get(id) ?? 0) + 1)
    noteArrived(turn, id)
  }
  if (skipped.length > 0) {
    noteUnread(turn, stream, skipped)
    askLater(turn, stream, skipped)
  }
  if (position !== undefined) noteMark(stream, position)
  if (isNews) {
    stream.applying++
    const since = state.mark.position
    turn.effects.push({ type: 'apply', stream: stream.id, from: stream.peer, batches, proof, bytes, since })
  } else returnCredit(turn, stream, bytes)
  acknowledge(turn, stream)
}

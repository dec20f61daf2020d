/**
 * What this node shows a peer: its own batches by RUN as they are written, everything else by HEADS.
 *
 * Keeps, per stream: every batch above `acked` is behind a tip that stands in `pending`, or was shown under a position
 * up to `told`, or was shown by the peer itself. So when nothing is pending and all that was told is acknowledged, the
 * peer has everything, and `acked` follows the own position without a word.
 */

import { PROTOCOL } from '../base/index.js'
import type { Batch, Mark, Tip } from '../log/index.js'
import { shortId, tipOf } from '../log/index.js'
import { setAcked } from './accounts.js'
import type { AppliedHere } from './index.js'
import type { State, Stream, Turn } from './state.js'
import {
  gatheredBatches,
  gatheredBytes,
  gatheredMs,
  headsDelayMs,
  lateHeadsDelayMs,
  logOf,
  pushesAhead,
  send,
  writtenBatches,
  writtenBytes
} from './state.js'

/** Bytes by which a RUN of one batch may exceed its header, body and signature. */
const runOverheadBytes = 256

/** Takes in that a batch of this node's author was applied. One that was received instead of written is no push. */
export function noteOwn(state: State, { batch, mark, local }: AppliedHere): void {
  const { written } = state
  if (local) {
    written.push({ batch, position: mark.position, after: state.lastOwn })
    state.writtenBytes += batch.body.length
  } else {
    written.length = 0
    state.writtenBytes = 0
  }
  state.lastOwn = mark.position
  while (written.length > 1 && (written.length > writtenBatches || state.writtenBytes > writtenBytes)) {
    state.writtenBytes -= written.shift()!.batch.body.length
  }
}

/** Takes in that a batch was applied here. */
export function showApplied(
  turn: Turn,
  stream: Stream,
  { batch, local }: AppliedHere,
  byPeer: boolean
): void {
  const { header } = batch
  const { pending } = stream
  pending.delete(shortId(header.previous))
  for (const dep of header.deps) {
    // What the peer applied stands on what it applied before; of the own author the batch covers it in any case.
    if (byPeer || dep.author === header.author) pending.delete(shortId(dep.id))
  }
  if (byPeer) return
  const tip = tipOf(batch)
  pending.set(tip.id, tip)
  if (local && pushWritten(turn, stream)) return
  const expected = (stream.ahead.get(logOf(header)) ?? 0) > header.seq
  if (stream.phase === 'ready') scheduleHeads(turn, stream, expected ? lateHeadsDelayMs : headsDelayMs)
}

/**
 * Pushes the own batches that the peer lacks, when these are at hand and there is credit for all of them. What HEADS
 * has told of is left out: the peer asks for it, and once it is served the rest is pushed again.
 *
 * Small batches that come faster than they are acknowledged are gathered for a moment, or until an ack comes, or `overdue`:
 * the peer would have them wait for its disk as well, and so one frame, one check of a signature and one commit do for
 * several.
 */
export function pushWritten(turn: Turn, stream: Stream, overdue = false): boolean {
  const { state } = turn
  if (stream.phase !== 'ready' || stream.serving || stream.serves > 0 || stream.choked) return false
  if (stream.mineThrough >= state.lastOwn || stream.mineThrough < stream.mineTold) return false
  let from = state.written.length
  while (from > 0 && state.written[from - 1]!.position > stream.mineThrough) from--
  const missed = state.written.slice(from)
  if ((missed[0]?.after ?? Number.POSITIVE_INFINITY) > stream.mineThrough) return false
  const batches = missed.map(({ batch }) => batch)
  let bytes = 0
  let bodyBytes = 0
  for (const { headerBytes, body } of batches) {
    bytes += headerBytes.length + body.length + runOverheadBytes
    bodyBytes += body.length
  }
  if (stream.credit < bytes) return false
  const small = batches.length < gatheredBatches && bodyBytes < gatheredBytes
  if (small && !overdue && gathers(turn, stream)) return false
  push(turn, stream, batches)
  return true
}

/** Whether what was written waits for more. What has begun to wait for its moment does so though the ack comes. */
function gathers({ now }: Turn, stream: Stream): boolean {
  const { pushed, account, pushedAtMs } = stream
  while (pushed.length > 0 && pushed[0]! <= account.acked) pushed.shift()
  if (pushed.length >= pushesAhead) return true
  const begun = pushed.length > 0 || stream.pushDueMs < Number.POSITIVE_INFINITY
  if (!begun || now >= pushedAtMs + gatheredMs) return false
  stream.pushDueMs = pushedAtMs + gatheredMs
  return true
}

function push(turn: Turn, stream: Stream, batches: readonly Batch[]): void {
  const { mark, lastOwn } = turn.state
  const run = { type: 'run', batches, proof: [] } as const
  stream.mineThrough = lastOwn
  stream.pushed.push(mark.position)
  stream.pushedAtMs = turn.now
  stream.pushDueMs = Number.POSITIVE_INFINITY
  for (const batch of batches) stream.pending.delete(shortId(batch.id))
  if (stream.pending.size === 0 && !stream.unplaced) {
    stream.told = mark.position
    turn.effects.push({ type: 'sendRun', stream: stream.id, message: { ...run, position: mark } })
    return
  }
  // Tips of others wait for their HEADS, which will carry the position; now, unless there was one a moment ago.
  turn.effects.push({ type: 'sendRun', stream: stream.id, message: run })
  stream.unplaced = true
  if (turn.now - stream.headsAtMs >= headsDelayMs) flushHeads(turn, stream)
  else stream.headsDueMs = Math.min(stream.headsDueMs, stream.headsAtMs + headsDelayMs)
}

/** Batches went out in answer to WANTs: what of them is the own log's end is as good as pushed. */
export function noteServed(state: State, stream: Stream, batches: readonly Batch[]): void {
  const ids = new Set<string>()
  for (const { header, id } of batches) if (header.author === state.init.author) ids.add(id)
  if (ids.size === 0) return
  for (const { batch, position } of state.written) {
    if (ids.has(batch.id)) stream.mineThrough = Math.max(stream.mineThrough, position)
  }
}

function scheduleHeads(turn: Turn, stream: Stream, delayMs: number): void {
  stream.headsDueMs = Math.min(stream.headsDueMs, turn.now + delayMs)
}

/** The peer has shown that it has this tip. */
export function peerHas(stream: Stream, id: Tip['id']): void {
  stream.pending.delete(id)
  stream.has?.add(id)
}

/** Sends what is pending, with the position; also without a tip, where only the position is news. */
export function flushHeads(turn: Turn, stream: Stream): void {
  if (stream.choked) {
    stream.headsDueMs = turn.now
    return
  }
  const tips = [...stream.pending.values()]
  const position: Mark = turn.state.mark
  let from = 0
  do {
    const part = tips.slice(from, from + PROTOCOL.headsTips)
    from += part.length
    send(
      turn,
      stream,
      from < tips.length ? { type: 'heads', tips: part } : { type: 'heads', tips: part, position }
    )
  } while (from < tips.length)
  stream.pending.clear()
  stream.told = position.position
  if (stream.mineThrough < turn.state.lastOwn) stream.mineTold = turn.state.lastOwn
  stream.unplaced = false
  stream.headsAtMs = turn.now
  stream.headsDueMs = Number.POSITIVE_INFINITY
}

/** Heads were read for the handshake, or for a full comparison: shows them but for those that the peer has. */
export function showRead(turn: Turn, stream: Stream, tips: readonly Tip[]): void {
  for (const tip of tips) if (!stream.has?.has(tip.id)) stream.pending.set(tip.id, tip)
  if (stream.phase === 'reading') stream.phase = 'ready'
  stream.has = undefined
  flushHeads(turn, stream)
}

/** What was gathered for a moment goes. */
export function pushDue(turn: Turn, stream: Stream): void {
  stream.pushDueMs = Number.POSITIVE_INFINITY
  pushWritten(turn, stream)
}

/**
 * A HEADS timer has come. Own batches that were gathered go now, whatever is acknowledged; nothing is sent when meanwhile
 * the peer showed all of it itself.
 */
export function headsDue(turn: Turn, stream: Stream): void {
  stream.headsDueMs = Number.POSITIVE_INFINITY
  pushWritten(turn, stream, true)
  if (stream.pending.size > 0 || stream.unplaced) flushHeads(turn, stream)
}

/** Tells the position, where the peer does not know the newest. */
export function tellPosition(turn: Turn, stream: Stream): void {
  if (stream.phase === 'ready' && stream.told < turn.state.mark.position) flushHeads(turn, stream)
}

/** Lets `acked` follow the own position when there is nothing that the peer might lack. */
export function settleAcked(turn: Turn, stream: Stream): void {
  if (!hasAll(stream)) return
  const { position } = turn.state.mark
  setAcked(turn, stream.account, position)
  stream.mineThrough = Math.max(stream.mineThrough, position)
}

/** Whether the peer has everything that is applied here. */
export function hasAll(stream: Stream): boolean {
  return (
    stream.phase === 'ready' &&
    stream.pending.size === 0 &&
    !stream.unplaced &&
    stream.account.acked >= stream.told
  )
}

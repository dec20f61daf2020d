/**
 * What a peer shows this node, and when it may be acknowledged: a position, once everything shown up to it is applied
 * here, whichever way it came.
 */

import { PEER } from '../base/index.js'
import type { Author, Mark, ShortId, Tip } from '../log/index.js'
import { setTheirs } from './accounts.js'
import type { Shown, State, Stream, Turn } from './state.js'
import { logOf, send, trouble } from './state.js'

/** Authors of batches that cannot be read which one stream makes this node remember. */
const newerAuthors = 64
/** Notes that a batch, not applied here as far as known, was shown. False when the peer has shown too many. */
export function noteShown(stream: Stream, tip: Tip): boolean {
  const { id, seq } = tip
  if (stream.outstanding.has(id)) return true
  if (stream.outstanding.size >= PEER.outstandingTips) return false
  const current = currentOf(stream)
  current.open.add(id)
  stream.outstanding.set(id, current)
  const log = logOf(tip)
  if (stream.ahead.size >= PEER.outstandingTips) stream.ahead.clear() // it only tells what to expect
  stream.ahead.set(log, Math.max(seq, stream.ahead.get(log) ?? 0))
  return true
}

/** Where what is shown now belongs. Behind something unread everything is one, since no mark can be told apart. */
function currentOf(stream: Stream): Shown {
  const last = stream.shown.at(-1)
  if (last !== undefined && (last.mark === undefined || last.unread)) return last
  if (stream.shown.length > 2 * stream.outstanding.size + PEER.spareMarks) joinShown(stream)
  const next: Shown = { open: new Set(), mark: undefined, unread: false }
  stream.shown.push(next)
  return next
}

/** Marks behind which nothing more is waited for join the one before them: they can be acknowledged no sooner. */
function joinShown(stream: Stream): void {
  let kept = 0
  for (const shown of stream.shown) {
    const before = stream.shown[kept - 1]
    const joins = before !== undefined && !before.unread && shown.mark !== undefined && shown.open.size === 0
    if (joins && !shown.unread) before.mark = shown.mark
    else stream.shown[kept++] = shown
  }
  stream.shown.length = kept
}

/** The peer has sent batches that cannot be read here: no position that covers them can be acknowledged. */
export function noteUnread(turn: Turn, stream: Stream, authors: readonly Author[]): void {
  currentOf(stream).unread = true
  for (const author of authors) if (stream.newer.size < newerAuthors) stream.newer.add(author)
  const names = authors.map(author => author.slice(0, 16)).join(', ')
  trouble(turn, stream, `holds batches of a newer format than this program knows, by author ${names}`)
}

/** The peer named a position: everything shown so far belongs to it. */
export function noteMark(stream: Stream, mark: Mark): void {
  // With nothing shown since the last mark, this one takes its place.
  const last = stream.shown.at(-1) ?? currentOf(stream)
  last.mark = mark
  stream.complete = true
}

/** The batch is applied here. True when it was waited for and the peer had shown that it has it. */
export function settleShown(stream: Stream, id: ShortId): boolean {
  const implied = stream.implied.delete(id)
  const shown = stream.outstanding.get(id)
  if (shown === undefined) return implied
  stream.outstanding.delete(id)
  shown.open.delete(id)
  if (stream.outstanding.size === 0) stream.ahead.clear()
  return true
}

/** Acknowledges the highest position that can be. */
export function acknowledge(turn: Turn, stream: Stream): void {
  let mark = stream.ackDue
  while (stream.shown.length > 0) {
    const first: Shown = stream.shown[0]!
    if (first.mark === undefined || first.unread || first.open.size > 0) break
    mark = first.mark
    stream.shown.shift()
  }
  stream.ackDue = undefined
  if (mark === undefined) return
  if (stream.choked) {
    stream.ackDue = mark
    return
  }
  send(turn, stream, { type: 'ack', position: mark.position })
  setTheirs(turn, stream, mark)
}

/** Whether everything that the peer has shown is applied here. */
export function appliedAll(stream: Stream): boolean {
  return stream.complete && stream.outstanding.size === 0 && !stream.shown.some(shown => shown.unread)
}

/** Whether some connected peer has shown this batch, or something behind which it stands. */
export function shownBySomebody(state: State, id: Tip['id']): boolean {
  for (const stream of state.streams.values()) {
    if (stream.outstanding.has(id) || stream.implied.has(id)) return true
  }
  return false
}

/** Returns the window that a RUN or a part of a large batch took, once it is worth a frame. */
export function returnCredit(turn: Turn, stream: Stream, bytes: number): void {
  stream.owed += bytes
  if (stream.choked || stream.owed < turn.state.init.limits.windowBytes / 4) return
  send(turn, stream, { type: 'credit', bytes: stream.owed })
  stream.owed = 0
}

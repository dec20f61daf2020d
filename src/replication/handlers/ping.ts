/**
 * PING: digest and position, a proof of life and an audit. Equal digests settle every account at once. One that is no
 * answer is answered; digests that differ with nothing on its way have the full heads compared.
 */

import { PEER } from '../../base/index.js'
import type { Mark } from '../../log/index.js'
import { setAcked, setTheirs } from '../accounts.js'
import { acknowledge } from '../receiving.js'
import { beginRound, settleRound } from '../rounds.js'
import { hasAll, settleAcked, tellPosition } from '../showing.js'
import type { Stream, Turn } from '../state.js'
import { digestOf, fraction, send } from '../state.js'
import type { Handler } from './index.js'

const hourMs = 3_600_000
/** PINGs in a row that must differ with nothing on its way before heads are compared; then before the disk is suspect. */
const differsToCompare = 2
const differsToSuspect = 4

/** Begins an exchange of PINGs. */
export function sendPing(turn: Turn, stream: Stream): void {
  const { init } = turn.state
  const jitter = 0.8 + 0.4 * fraction(turn.state)
  stream.pingDueMs = turn.now + init.intervalMs * jitter
  if (stream.choked || stream.phase !== 'ready') return
  stream.pingsAwaited++
  ping(turn, stream)
}

function ping(turn: Turn, stream: Stream): void {
  send(turn, stream, { type: 'ping', digest: digestOf(turn.state), position: turn.state.mark })
}

export const onPing: Handler<'ping'> = (turn, stream, { digest, position }) => {
  const agrees = digest === digestOf(turn.state)
  if (agrees) agree(turn, stream, position)
  else differ(turn, stream, position)
  if (stream.pingsAwaited > 0) stream.pingsAwaited--
  else if (!stream.choked) ping(turn, stream)
}

function agree(turn: Turn, stream: Stream, position: Mark): void {
  stream.disagreements = 0
  if (stream.phase !== 'ready') return
  // The peer had exactly this set when it wrote, so neither lacks anything.
  stream.pending.clear()
  stream.unplaced = false
  stream.headsDueMs = Number.POSITIVE_INFINITY
  stream.complete = true
  stream.trouble = undefined
  stream.outstanding.clear()
  stream.ahead.clear()
  stream.implied.clear()
  for (const shown of stream.shown) {
    shown.open.clear()
    shown.unread = false
  }
  acknowledge(turn, stream)
  setTheirs(turn, stream, position)
  setAcked(turn, stream.account, Math.max(stream.account.acked, stream.told))
  settleAcked(turn, stream)
  settleRound(turn, stream, true)
}

function differ(turn: Turn, stream: Stream, position: Mark): void {
  beginRound(turn, stream, position.position)
  if (stream.round !== undefined) stream.round.theirs ??= position.position
  const settled = hasAll(stream) && (stream.account.theirs?.position ?? 0) >= position.position
  if (settled) compare(turn, stream)
  else stream.disagreements = 0
  tellPosition(turn, stream)
  settleAcked(turn, stream)
  settleRound(turn, stream)
}

/** Nothing is on its way, and yet the digests differ: show everything; if that does not help, look at the own disk. */
function compare(turn: Turn, stream: Stream): void {
  const { state } = turn
  // A peer that agrees and differs in turn does not have everything read each time.
  if (stream.disagreements + 1 === differsToCompare && turn.now - stream.showedAllAtMs < PEER.compareMs)
    return
  stream.disagreements++
  if (stream.disagreements === differsToCompare || turn.now - stream.comparedAtMs >= hourMs) {
    stream.comparedAtMs = turn.now
    stream.showedAllAtMs = turn.now
    turn.effects.push({ type: 'readHeads', stream: stream.id, since: 0 })
  } else if (stream.disagreements === differsToSuspect && turn.now - state.suspectedAtMs >= hourMs) {
    state.suspectedAtMs = turn.now
    turn.effects.push({ type: 'suspect', peer: stream.peer })
  }
}

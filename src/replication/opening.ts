/** A stream is there. Of two with one peer, one stays, and both ends keep the same. */

import { accountOf } from './accounts.js'
import { helloTo } from './handlers/hello.js'
import type { Event } from './index.js'
import { beginRound } from './rounds.js'
import type { State, Stream, Turn } from './state.js'
import { closeStream, digestOf, fraction, send, unknownRttMs } from './state.js'

/** Streams that both ends opened within this time were opened at once: the one of the smaller key stays. */
const togetherMs = 5000
/** What whoever lost a stream to a newer one waits before it opens another. */
const turnMs = 10_000

export function onOpened(turn: Turn, event: Extract<Event, { type: 'opened' }>): void {
  const { state, now } = turn
  const { init } = state
  const stream: Stream = {
    id: event.stream,
    peer: event.peer,
    outbound: event.outbound,
    openedAtMs: now,
    account: accountOf(state, event.peer, event.saved),
    rttMs: event.rttMs ?? unknownRttMs,
    phase: 'hello',
    sentHello: { digest: digestOf(state), mark: state.mark },
    theirStore: undefined,
    heardAtMs: now,
    choked: false,
    pending: new Map(),
    told: 0,
    unplaced: false,
    mineThrough: 0,
    mineTold: 0,
    pushed: [],
    pushedAtMs: Number.NEGATIVE_INFINITY,
    pushDueMs: Number.POSITIVE_INFINITY,
    headsAtMs: Number.NEGATIVE_INFINITY,
    headsDueMs: Number.POSITIVE_INFINITY,
    has: undefined,
    shown: [],
    outstanding: new Map(),
    ahead: new Map(),
    implied: new Set(),
    complete: false,
    trouble: undefined,
    newer: new Set(),
    ackDue: undefined,
    window: 0,
    credit: 0,
    owed: 0,
    applying: 0,
    runAtMs: Number.NEGATIVE_INFINITY,
    serves: 0,
    serving: false,
    reading: false,
    pingDueMs: now + init.intervalMs * (0.8 + 0.4 * fraction(state)),
    pingsAwaited: 0,
    disagreements: 0,
    comparedAtMs: now,
    showedAllAtMs: Number.NEGATIVE_INFINITY,
    round: undefined
  }
  const other = state.byPeer.get(event.peer)
  state.streams.set(stream.id, stream)
  if (other !== undefined && keepsOther(state, stream, other)) {
    closeStream(turn, stream, 'a second stream with the same peer')
    return
  }
  if (other !== undefined) replace(turn, other)
  state.byPeer.set(event.peer, stream)
  beginRound(turn, stream, undefined)
  send(turn, stream, helloTo(state, stream.peer, stream.sentHello, stream.account.theirs))
}

/**
 * Of one process the older stream is dead, and nobody reads this. Of two with the same key, a directory that was copied,
 * the other one still has it: told to wait, they take turns, each long enough to get on.
 */
function replace(turn: Turn, other: Stream): void {
  const text = 'replaced by a newer stream with the same peer'
  send(turn, other, { type: 'err', code: 'BUSY', retryable: true, retryAfterMs: turnMs, text })
  closeStream(turn, other, text)
}

function keepsOther(state: State, stream: Stream, other: Stream): boolean {
  if (stream.outbound === other.outbound) return false
  if (stream.openedAtMs - other.openedAtMs >= togetherMs) return false
  return other.outbound === state.init.author < other.peer
}

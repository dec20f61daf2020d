/** HELLO: who is there, how far each side has the other, and what follows from it. */

import { PROTOCOL } from '../../base/index.js'
import type { Author, Cursor, Hello, SyncErrorCode } from '../../log/index.js'
import { ackedBy, setAcked, setTheirs, setYours } from '../accounts.js'
import { settleRound } from '../rounds.js'
import { settleAcked } from '../showing.js'
import type { State, Stream, Turn } from '../state.js'
import { closeStream, headsDelayMs, send, violate } from '../state.js'
import type { Handler } from './index.js'

export const protocolVersion = 1
/** A node that has its neighbours is asked again after this time. */
const busyMs = 30_000

/** The HELLO for a peer. */
export function helloTo(state: State, peer: Author, sent: Stream['sentHello'], theirs?: Cursor): Hello {
  const { init, frontier } = state
  const hello = {
    type: 'hello',
    protocol: protocolVersion,
    database: init.database,
    store: init.store,
    durable: init.durable,
    position: sent.mark,
    digest: sent.digest,
    yours: frontier.of(peer).slice(-PROTOCOL.helloTips),
    window: init.limits.windowBytes
  } as const
  return theirs === undefined ? hello : { ...hello, cursor: theirs }
}

export const onHello: Handler<'hello'> = (turn, stream, hello, { cursorValid = false }) => {
  const { state } = turn
  if (stream.phase !== 'hello') {
    violate(turn, stream, 'a second HELLO')
    return
  }
  if (hello.protocol !== protocolVersion) {
    refuse(turn, stream, 'OTHER_PROTOCOL', `this node speaks protocol ${protocolVersion}`)
    return
  }
  if (hello.database !== state.init.database) {
    refuse(turn, stream, 'OTHER_DATABASE', 'this node is of another network')
    return
  }
  const others = [...state.streams.values()].filter(other => other !== stream && other.phase !== 'hello')
  if (others.length >= state.init.limits.neighbours) {
    refuse(turn, stream, 'BUSY', 'this node has its neighbours', busyMs)
    return
  }
  takeUp(turn, stream, hello)
  if (stream.round !== undefined) stream.round.theirs = hello.position.position
  // Both compare what the two HELLOs say, so both come to the same verdict, whatever was committed meanwhile.
  if (hello.digest === stream.sentHello.digest) agree(turn, stream, hello)
  else differ(turn, stream, hello, cursorValid)
}

function takeUp(turn: Turn, stream: Stream, hello: Hello): void {
  const { account } = stream
  setYours(turn, account, hello)
  stream.theirStore = hello.store
  if (account.theirs?.store !== hello.store) account.theirs = undefined
  stream.window = hello.window
  stream.credit += hello.window
}

function agree(turn: Turn, stream: Stream, hello: Hello): void {
  const position = ackedBy(hello, stream.sentHello, false)
  stream.phase = 'ready'
  stream.complete = true
  stream.told = position
  stream.mineThrough = position
  setAcked(turn, stream.account, position)
  setTheirs(turn, stream, hello.position)
  if (stream.pending.size > 0) stream.headsDueMs = turn.now + headsDelayMs
  settleAcked(turn, stream)
  settleRound(turn, stream)
}

function differ(turn: Turn, stream: Stream, hello: Hello, cursorValid: boolean): void {
  const { state } = turn
  const since = ackedBy(hello, stream.sentHello, cursorValid)
  stream.phase = 'reading'
  stream.told = since
  stream.has = new Set(hello.yours.map(tip => tip.id))
  const own = state.frontier.of(state.init.author)
  stream.mineThrough = own.every(tip => stream.has?.has(tip.id)) ? state.lastOwn : since
  setAcked(turn, stream.account, since)
  turn.effects.push({
    type: 'readHeads',
    stream: stream.id,
    since: state.init.differential ? since : 0
  })
}

function refuse(turn: Turn, stream: Stream, code: SyncErrorCode, text: string, retryAfterMs = 0): void {
  send(turn, stream, { type: 'err', code, retryable: retryAfterMs > 0, retryAfterMs, text })
  closeStream(turn, stream, text, { againMs: retryAfterMs > 0 ? retryAfterMs : Number.POSITIVE_INFINITY })
}

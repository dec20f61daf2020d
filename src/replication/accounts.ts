/** The accounts of peers: what each is known to have. They outlive streams, and the engine keeps them on disk. */

import type { Author, Hello, Mark, Tip } from '../log/index.js'
import type { Event, SavedPeer } from './index.js'
import { appliedAll } from './receiving.js'
import { hasAll } from './showing.js'
import type { Account, State, Stream, Turn } from './state.js'
import { closeStream } from './state.js'

/** Ack times remembered per peer. */
const ackSteps = 32

export function accountOf(state: State, peer: Author, saved?: SavedPeer): Account {
  let account = state.accounts.get(peer)
  if (account === undefined) {
    account = {
      peer,
      acked: saved?.acked ?? 0,
      ackedAtMs: saved?.ackedAtMs ?? 0,
      steps: [],
      durable: saved?.durable ?? false,
      theirs: saved?.theirs,
      yours: [],
      yoursAtMs: 0
    }
    state.accounts.set(peer, account)
  }
  return account
}

/** Sets what a peer has acknowledged; downward only at a handshake. */
export function setAcked(turn: Turn, account: Account, position: number): void {
  if (position === account.acked) return
  if (position > account.acked) {
    account.steps.push({ position, atMs: turn.now })
    if (account.steps.length > ackSteps) account.steps.shift()
    account.ackedAtMs = turn.now
  } else {
    account.steps.length = 0
  }
  account.acked = position
  save(turn, account)
}

export function setTheirs(turn: Turn, stream: Stream, mark: Mark): void {
  const before = stream.account.theirs
  if (stream.theirStore === undefined) return
  if (before?.position === mark.position && before.check === mark.check && before.store === stream.theirStore)
    return
  stream.account.theirs = { store: stream.theirStore, position: mark.position, check: mark.check }
  save(turn, stream.account)
}

function save(turn: Turn, account: Account): void {
  const { acked, ackedAtMs, durable, theirs, peer } = account
  const record = theirs === undefined ? { acked, ackedAtMs, durable } : { theirs, acked, ackedAtMs, durable }
  turn.effects.push({ type: 'savePeer', peer, record }, { type: 'progress', peer })
}

/** A peer said in a HELLO what it has of this node's log. Nobody else's word for it counts. */
export function setYours(turn: Turn, account: Account, { yours, durable }: Hello): void {
  account.durable = durable
  account.yours = yours
  account.yoursAtMs = turn.now
  turn.effects.push({ type: 'progress', peer: account.peer })
}

/** A HELLO on a short stream says what one on a long stream says; the words of an open stream are newer. */
export function onAnswered(turn: Turn, event: Extract<Event, { type: 'answered' }>): void {
  const { state } = turn
  const { peer, hello, sent, cursorValid, saved } = event
  const account = accountOf(state, peer, saved)
  setYours(turn, account, hello)
  const phase = state.byPeer.get(peer)?.phase ?? 'hello'
  if (phase !== 'hello') return
  if (account.theirs?.store !== hello.store) account.theirs = undefined
  setAcked(turn, account, ackedBy(hello, sent, cursorValid))
}

/** What the peer has of this log by its HELLO: all that was here at the time, or what lies up to its cursor. */
export function ackedBy(hello: Hello, sent: Stream['sentHello'], cursorValid: boolean): number {
  if (hello.digest === sent.digest) return sent.mark.position
  return cursorValid ? (hello.cursor?.position ?? 0) : 0
}

export function onForgotten(turn: Turn, peer: Author): void {
  const { state } = turn
  for (const stream of [...state.streams.values()]) {
    if (stream.peer === peer) closeStream(turn, stream, 'the peer was forgotten')
  }
  state.accounts.delete(peer)
}

/**
 * When the peer was first known to have a batch applied and durable: its ack covers the batch's position here, it is
 * the author, or it said so of this node's own log. Undefined when it is not known to.
 */
export function heldSince(state: State, peer: Author, tip: Tip, position: number): number | undefined {
  const account = state.accounts.get(peer)
  if (account === undefined || !account.durable) return undefined
  const { acked, ackedAtMs, steps, yours, yoursAtMs } = account
  if (position <= acked) return steps.find(step => step.position >= position)?.atMs ?? ackedAtMs
  if (tip.author === peer) return yoursAtMs || ackedAtMs
  if (tip.author === state.init.author && yours.some(held => isBehind(state, tip, held))) return yoursAtMs
  return undefined
}

/**
 * Whether an own batch is `held`, which is applied here, or stands before it in the log of this node's author. Where that
 * log has more than one end nothing follows from a place in it: the epoch may be forked.
 */
function isBehind(state: State, tip: Tip, held: Tip): boolean {
  if (tip.id === held.id) return true
  const [end, ...others] = state.frontier.of(state.init.author)
  if (end === undefined || others.length > 0) return false
  // The only tip of an author has everything of that author behind it.
  if (end.id === held.id) return true
  return tip.epoch === end.epoch && tip.epoch === held.epoch && tip.seq <= held.seq
}

/** True when the peer has shown nothing that is not applied here, and lacks nothing, as far as is known. */
export function inSync(state: State, peer: Author): boolean {
  const stream = state.byPeer.get(peer)
  if (stream === undefined || stream.phase !== 'ready') return false
  return appliedAll(stream) && hasAll(stream) && stream.account.acked >= state.mark.position
}

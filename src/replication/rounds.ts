/** Rounds, for statistics: from a HELLO or a PING that differs until both have what the other had at its begin. */

import type { Stream, Turn } from './state.js'

export function beginRound(turn: Turn, stream: Stream, theirs: number | undefined): void {
  const mine = turn.state.mark.position
  if (stream.round !== undefined) return
  stream.round = { mine, theirs, wanted: 0, served: 0 }
  turn.effects.push({ type: 'roundBegan', stream: stream.id, peer: stream.peer })
}

/** Ends the round when both have what the other had; `agree` says that both have the same now. */
export function settleRound(turn: Turn, stream: Stream, agree = false): void {
  const { round, account } = stream
  if (round === undefined || stream.phase !== 'ready') return
  if (!agree) {
    if (round.theirs === undefined || (account.theirs?.position ?? 0) < round.theirs) return
    if (account.acked < round.mine) return
  }
  stream.round = undefined
  turn.effects.push({
    type: 'roundEnded',
    stream: stream.id,
    peer: stream.peer,
    ok: true,
    roundTrips: 1 + Math.max(round.wanted, round.served)
  })
}

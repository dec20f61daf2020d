/** After something was applied: what can be acknowledged, whom nothing is lacking, which rounds are over. */

import { acknowledge } from './receiving.js'
import { settleRound } from './rounds.js'
import { settleAcked } from './showing.js'
import type { Turn } from './state.js'

export function settleAll(turn: Turn): void {
  for (const stream of turn.state.streams.values()) {
    acknowledge(turn, stream)
    settleAcked(turn, stream)
    settleRound(turn, stream)
  }
}

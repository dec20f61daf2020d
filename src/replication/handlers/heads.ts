/** HEADS: tips that the peer has applied. What is not applied here is wanted. */

import { acknowledge, noteMark, noteShown } from '../receiving.js'
import { settleRound } from '../rounds.js'
import { peerHas, settleAcked } from '../showing.js'
import { violate } from '../state.js'
import { noteWant } from '../wants.js'
import type { Handler } from './index.js'

export const onHeads: Handler<'heads'> = (turn, stream, { tips, position }, { applied = [] }) => {
  const { state } = turn
  const atOnce = !stream.complete
  for (const [i, tip] of tips.entries()) {
    if (applied[i] || state.recent.has(tip.id)) {
      peerHas(stream, tip.id)
    } else {
      if (!noteShown(stream, tip)) {
        violate(turn, stream, 'more tips than can be held')
        return
      }
      noteWant(turn, stream, tip, atOnce)
    }
  }
  if (position !== undefined) noteMark(stream, position)
  acknowledge(turn, stream)
  settleAcked(turn, stream)
  settleRound(turn, stream)
}

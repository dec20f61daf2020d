/** WANT: the peer lacks what is behind a tip. It is answered by RUNs, as far as the peer's window goes. */

import { violate } from '../state.js'
import type { Handler } from './index.js'

/** WANTs of one peer that are being looked up at a time. */
const openServes = 4096

export const onWant: Handler<'want'> = (turn, stream, want) => {
  if (stream.serves >= openServes) {
    violate(turn, stream, 'too many WANTs')
    return
  }
  stream.serves++
  if (stream.round !== undefined) stream.round.served = Math.max(1, stream.round.served)
  turn.effects.push({ type: 'serve', stream: stream.id, want })
}

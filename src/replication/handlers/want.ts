/** WANT: the peer lacks what is behind a tip. It is answered by RUNs, as far as the peer's window goes. */

import { PEER } from '../../base/index.js'
import { violate } from '../state.js'
import type { Handler } from './index.js'

export const onWant: Handler<'want'> = (turn, stream, want) => {
  if (stream.serves >= PEER.openServes) {
    violate(turn, stream, 'too many WANTs')
    return
  }
  stream.serves++
  if (stream.round !== undefined) stream.round.served = Math.max(1, stream.round.served)
  turn.effects.push({ type: 'serve', stream: stream.id, want })
}

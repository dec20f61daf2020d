/** ACK: the peer has everything up to one of the positions that it was told, applied and durable. */

import { setAcked } from '../accounts.js'
import { settleRound } from '../rounds.js'
import { pushWritten, settleAcked } from '../showing.js'
import { violate } from '../state.js'
import type { Handler } from './index.js'

export const onAck: Handler<'ack'> = (turn, stream, { position }) => {
  if (position > stream.told) {
    violate(turn, stream, 'an ACK of what was not shown')
    return
  }
  const { account } = stream
  if (position > account.acked) setAcked(turn, account, position)
  stream.mineThrough = Math.max(stream.mineThrough, position)
  settleAcked(turn, stream)
  pushWritten(turn, stream)
  settleRound(turn, stream)
}

/** CREDIT: bytes left the peer's buffers, so it takes as many more. */

import { pumpRun } from '../serving.js'
import { pushWritten } from '../showing.js'
import type { Handler } from './index.js'

export const onCredit: Handler<'credit'> = (turn, stream, { bytes }) => {
  stream.credit += bytes
  pumpRun(turn, stream)
  pushWritten(turn, stream)
}

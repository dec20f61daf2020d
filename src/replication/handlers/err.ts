/** ERR: the peer refuses something. Only NO_COMMON leaves the stream open. */

import { closeStream } from '../state.js'
import { reachBack } from '../wants.js'
import type { Handler } from './index.js'

/** Least wait before a stream is tried again after a retryable error. */
const retryMs = 1000

export const onErr: Handler<'err'> = (turn, stream, { code, retryable, retryAfterMs, text, tip }) => {
  if (code === 'NO_COMMON') {
    if (tip !== undefined) reachBack(turn, stream, tip)
    return
  }
  const againMs = retryable ? Math.max(retryMs, retryAfterMs) : Number.POSITIVE_INFINITY
  closeStream(turn, stream, `${code}: ${text}`, { againMs })
}

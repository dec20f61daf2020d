/** ERR: the peer refuses something. Only NO_COMMON leaves the stream open. */

import { holeHasNoCommon } from '../holes.js'
import { closeStream } from '../state.js'
import { reachBack } from '../wants.js'
import type { Handler } from './index.js'

/** Least wait before a stream is tried again after a retryable error. */
const retryMs = 1000
/** The same after one that says it would not help: it may have been an accident. */
const faultMs = 30_000

export const onErr: Handler<'err'> = (turn, stream, { code, retryable, retryAfterMs, text, tip }) => {
  if (code === 'NO_COMMON') {
    if (tip !== undefined && !holeHasNoCommon(turn, stream, tip)) reachBack(turn, stream, tip)
    return
  }
  const never = code === 'OTHER_DATABASE' || code === 'OTHER_PROTOCOL'
  const leastMs = retryable ? retryMs : faultMs
  const againMs = never ? Number.POSITIVE_INFINITY : Math.max(leastMs, retryAfterMs)
  closeStream(turn, stream, `${code}: ${text}`, { againMs })
}

/** The body of an answer, within bounds of bytes and of time: its beginning as a text, the rest thrown away. */
import type { Clock } from '../base/index.js'
import { concatBytes, DELIVERY } from '../base/index.js'

/** The first kilobyte as a text; what is not UTF-8 shows as U+FFFD. Never rejects: the status alone decides. */
export async function readAnswer(response: Response, clock: Clock): Promise<string> {
  const reader = response.body?.getReader()
  if (reader === undefined) return ''
  const giveUp = (): void => {
    // What cannot be cancelled has ended by itself.
    reader.cancel().catch(() => undefined)
  }
  const timer = clock.schedule(DELIVERY.answerMs, giveUp)
  let kept = new Uint8Array(0)
  try {
    for (let bytes = 0; ; ) {
      const { done, value } = await reader.read()
      if (done) break
      bytes += value.length
      if (kept.length < DELIVERY.answerBytes)
        kept = new Uint8Array(concatBytes(kept, value.subarray(0, DELIVERY.answerBytes - kept.length)))
      if (bytes > DELIVERY.drainBytes) {
        giveUp()
        break
      }
    }
  } catch {
    // The connection broke: what came is what there is.
  }
  timer.cancel()
  return new TextDecoder().decode(kept).trim()
}

/** Answers to WANTs: pieces of one walk over the log, read only as far as the peer's window goes. */

import { FORMAT } from '../base/index.js'
import type { BareHeader, Batch, Tip } from '../log/index.js'
import { noteServed, pushWritten } from './showing.js'
import type { Stream, Turn } from './state.js'
import { send } from './state.js'

/** Bytes of one RUN: one signature covers so much, and one fsync at the receiver pays for it. */
const runBytes = FORMAT.unsignedBytes

/**
 * Reads on, when there is something to send and room for a whole piece of it: what is sent as credit trickles in would cost
 * a signature and a sync each. The receiver keeps back less than half of its window at most, so there is no waiting for ever.
 */
export function pumpRun(turn: Turn, stream: Stream): void {
  if (!stream.serving || stream.reading || stream.choked) return
  if (stream.credit < Math.max(1, Math.min(runBytes, stream.window / 2))) return
  stream.reading = true
  turn.effects.push({ type: 'readRun', stream: stream.id, maxBytes: Math.min(runBytes, stream.credit) })
}

export function onServed(turn: Turn, stream: Stream, tip: Tip, known: boolean): void {
  stream.serves--
  if (known) {
    stream.serving = true
    pumpRun(turn, stream)
    return
  }
  const text = 'nothing that the WANT names is known here'
  send(turn, stream, { type: 'err', code: 'NO_COMMON', retryable: true, retryAfterMs: 0, text, tip })
}

export function onRunRead(
  turn: Turn,
  stream: Stream,
  { batches, proof, done }: { batches: readonly Batch[]; proof: readonly BareHeader[]; done: boolean }
): void {
  stream.reading = false
  if (done) stream.serving = false
  noteServed(turn.state, stream, batches)
  // With a RUN on its way the next piece is read when its bytes are known: see `onSent`.
  if (batches.length === 0) pumpRun(turn, stream)
  else turn.effects.push({ type: 'sendRun', stream: stream.id, message: { type: 'run', batches, proof } })
}

export function onSent(turn: Turn, stream: Stream, bytes: number): void {
  stream.credit -= bytes
  pumpRun(turn, stream)
  pushWritten(turn, stream)
}

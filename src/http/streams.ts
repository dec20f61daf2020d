/**
 * Streams of answers: event streams, lines of JSON, and the pump that writes them no faster than they are read.
 *
 * A source is asked for its next event only when the socket has taken the last one, so a reader that never reads
 * costs one event and a socket buffer, and after a while the connection. A source that pushes (the node's events)
 * waits in a bounded queue that drops its oldest and says how many.
 */
import type { ServerResponse } from 'node:http'

export const NDJSON = 'application/x-ndjson'
export const EVENT_STREAM = 'text/event-stream'

/** A comment of the event stream format: ignored by clients, and enough to keep a connection open. */
export const HEARTBEAT = ': still here\n\n'

export function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`
}

/** One message of an event stream. Without `event` it reaches `onmessage`. */
export function sseMessage(message: { id?: string; event?: string; data: unknown }): string {
  const id = message.id === undefined ? '' : `id: ${message.id}\n`
  const event = message.event === undefined ? '' : `event: ${message.event}\n`
  return `${id}${event}data: ${JSON.stringify(message.data)}\n\n`
}

/** What `source` gives until it ends or `signal` aborts; ends its iterator in either case without waiting for it. */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]()
  let onAbort: (() => void) | undefined
  const aborted = new Promise<'aborted'>(resolve => {
    onAbort = () => resolve('aborted')
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
  try {
    for (;;) {
      const next = iterator.next()
      next.catch(() => undefined) // heard below, unless the abort comes first
      const result = await Promise.race([aborted, next])
      if (result === 'aborted' || result.done === true) return
      yield result.value
    }
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
    iterator.return?.()?.catch(() => undefined) // it has nothing left to tell
  }
}

export interface PumpOptions {
  readonly heartbeat: string | undefined
  readonly heartbeatMs: number
  readonly stallMs: number
  readonly signal: AbortSignal
}

/** Writes `chunks` to `response` and ends it; gives up when the client leaves or takes nothing for `stallMs`. */
export async function pump(
  response: ServerResponse,
  chunks: AsyncIterable<string>,
  options: PumpOptions
): Promise<void> {
  const { heartbeat, heartbeatMs, stallMs, signal } = options
  const beat =
    heartbeat === undefined
      ? undefined
      : setInterval(() => {
          if (!response.writableNeedDrain) response.write(heartbeat)
        }, heartbeatMs)
  try {
    for await (const chunk of untilAborted(chunks, signal)) {
      if (!response.write(chunk) && !(await drained(response, stallMs, signal))) break
    }
  } finally {
    clearInterval(beat)
  }
  if (response.writableNeedDrain) response.destroy()
  else response.end()
}

/** False when the reader took nothing in time, or is gone. */
function drained(response: ServerResponse, stallMs: number, signal: AbortSignal): Promise<boolean> {
  return new Promise(resolve => {
    const settle = (took: boolean) => {
      clearTimeout(timer)
      response.removeListener('drain', yes)
      response.removeListener('close', no)
      signal.removeEventListener('abort', no)
      resolve(took)
    }
    const yes = () => settle(true)
    const no = () => settle(false)
    const timer = setTimeout(no, stallMs)
    response.once('drain', yes)
    response.once('close', no)
    signal.addEventListener('abort', no, { once: true })
    if (response.destroyed || signal.aborted) no()
  })
}

/** Events pushed by listeners, as a sequence to pull. */
export class EventQueue<T> implements AsyncIterable<T | { dropped: number }> {
  readonly #waiting: T[] = []
  readonly #max: number
  #dropped = 0
  #wake: (() => void) | undefined

  constructor(max: number) {
    this.#max = max
  }

  push(item: T): void {
    if (this.#waiting.length >= this.#max) {
      this.#waiting.shift()
      this.#dropped++
    }
    this.#waiting.push(item)
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T | { dropped: number }> {
    for (;;) {
      if (this.#dropped > 0) {
        const dropped = this.#dropped
        this.#dropped = 0
        yield { dropped }
      }
      const item = this.#waiting.shift()
      if (item !== undefined) yield item
      else {
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
    }
  }
}

/**
 * A libp2p stream as a duplex for `it-pipe`, with backpressure in both directions.
 *
 * `messageStreamToDuplex` waits for the drain event when it writes, but reads into a queue without a bound. So this file
 * counts what waits in that queue and pauses the stream while it is too much. Three things that a stream does besides:
 * a pause inside the message event that resume() dispatches is undone by resume() itself, so it is made afterwards; what
 * a paused stream holds back when the peer closes its side would be lost, so it is let through first (at most one
 * window); and what happened before anybody listened is not told again, so it is asked for.
 */
import type { Stream } from '@libp2p/interface'
import { messageStreamToDuplex } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'

/** Bytes waiting to be taken at which reading stops, and at which it goes on. Together with one window: the memory of a stream. */
const HIGH_WATER_BYTES = 1 << 20
const LOW_WATER_BYTES = 1 << 18

type Chunk = Uint8Array | Uint8ArrayList
type Chunks = AsyncIterable<Chunk>

export interface ChunkDuplex {
  readonly source: AsyncGenerator<Chunk>
  /** Resolves when everything was written and this side is closed. */
  readonly sink: (source: Chunks) => Promise<void>
}

/** Call it in the same turn in which the stream was handed over. Throws when the stream is no longer open. */
export function pacedDuplex(stream: Stream): ChunkDuplex {
  if (stream.status !== 'open') throw new Error(`the stream is ${stream.status}`)
  let waiting = 0
  let resuming = false

  const pauseIfFull = (): void => {
    if (!resuming && waiting >= HIGH_WATER_BYTES && stream.readStatus === 'readable') stream.pause()
  }
  const resume = (): void => {
    if (stream.readStatus !== 'paused') return
    resuming = true
    try {
      stream.resume()
    } finally {
      resuming = false
    }
    pauseIfFull()
  }

  // Before messageStreamToDuplex adds its own listener for the same event and ends the queue.
  stream.addEventListener(
    'remoteCloseWrite',
    () => {
      resuming = true
      if (stream.readStatus === 'paused') stream.resume()
    },
    { once: true }
  )
  const { source, sink } = messageStreamToDuplex(stream)
  stream.addEventListener('message', event => {
    waiting += event.data.byteLength
    pauseIfFull()
  })
  // The peer may have closed its side before this turn; what it sent is dispatched in the microtask before this one.
  if (stream.remoteWriteStatus === 'closed') {
    queueMicrotask(() => stream.dispatchEvent(new Event('remoteCloseWrite')))
  }

  async function* taken(): AsyncGenerator<Chunk> {
    for await (const chunk of source) {
      waiting -= chunk.byteLength
      yield chunk
      if (waiting <= LOW_WATER_BYTES) resume()
    }
  }
  return { source: taken(), sink: sink as ChunkDuplex['sink'] }
}

/** The sockets of Node.js deliver `Buffer`, whose slice() is no copy: nobody above should have to know. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

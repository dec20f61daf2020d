/**
 * What a libp2p stream brings, with backpressure: it is paused while too much of it waits to be taken.
 *
 * Three things that a stream does besides: a pause inside the message event that resume() dispatches is undone by
 * resume() itself, so it is made afterwards; what a paused stream holds back when the peer closes its side would be lost,
 * so it is let through first (at most one window); and what happened before anybody listened is not told again, so it is
 * asked for.
 */
import type { Stream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'

/** Bytes waiting to be taken at which reading stops, and at which it goes on. Together with one window: the memory of a stream. */
const HIGH_WATER_BYTES = 1 << 20
const LOW_WATER_BYTES = 1 << 18

export interface InflowInit {
  onData(data: Uint8Array | Uint8ArrayList): void
  /** Called once, after all data: with the reason when the stream was reset, without one when the peer closed its side. */
  onEnd(error?: Error): void
}

export class Inflow {
  readonly #stream: Stream
  readonly #init: InflowInit
  #waiting = 0
  #resuming = false
  #ended = false

  /** Call it in the same turn in which the stream was handed over. Throws when the stream is no longer open. */
  constructor(stream: Stream, init: InflowInit) {
    if (stream.status !== 'open') throw new Error(`the stream is ${stream.status}`)
    this.#stream = stream
    this.#init = init
    stream.addEventListener('message', event => this.#came(event.data))
    stream.addEventListener('remoteCloseWrite', () => this.#closed(), { once: true })
    stream.addEventListener('close', event => this.#end(event.error), { once: true })
    // The peer may have closed its side before this turn; what it sent is dispatched in the microtask before this one.
    if (stream.remoteWriteStatus === 'closed') queueMicrotask(() => this.#closed())
  }

  /** Says how many bytes of what came wait to be taken. */
  set waiting(bytes: number) {
    this.#waiting = bytes
    if (bytes >= HIGH_WATER_BYTES) this.#pauseIfFull()
    else if (bytes <= LOW_WATER_BYTES && this.#stream.readStatus === 'paused') this.#resume()
  }

  #came(data: Uint8Array | Uint8ArrayList): void {
    if (!this.#ended) this.#init.onData(data)
  }

  #pauseIfFull(): void {
    if (this.#resuming || this.#waiting < HIGH_WATER_BYTES) return
    if (this.#stream.readStatus === 'readable') this.#stream.pause()
  }

  #resume(): void {
    this.#resuming = true
    try {
      this.#stream.resume()
    } finally {
      this.#resuming = false
    }
    this.#pauseIfFull()
  }

  /** The peer says no more: what is held back comes through, and nothing is paused again. */
  #closed(): void {
    this.#resuming = true
    if (this.#stream.readStatus === 'paused') this.#stream.resume()
    this.#end()
  }

  #end(error?: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#init.onEnd(error)
  }
}

/** The sockets of Node.js deliver `Buffer`, whose slice() is no copy: nobody above should have to know. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

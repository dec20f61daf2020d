/**
 * One libp2p stream as frames: whole, in order, each behind a varint of its length.
 *
 * Keeps: memory is bounded on the reading side by backpressure and visible on the writing side as `buffered`; both
 * directions are closed or reset in the end. Leaves to others what the frames mean. See protocols/sync-ops.md.
 */
import type { Stream } from '@libp2p/interface'
import type { Clock } from '../base/index.js'
import { isNatterError, messageOf, NatterError, PEER } from '../base/index.js'
import type { Author } from '../log/index.js'
import { Inflow } from './flow.js'
import { FrameSplitter } from './frame-splitter.js'
import type { SyncStream } from './index.js'
import { OutgoingFrames } from './outgoing-frames.js'

/** Milliseconds that a closed stream waits for the other side before it is reset. */
const CLOSE_TIMEOUT_MS = 3000

export interface FramedStreamInit {
  readonly peer: Author
  /** Largest frame either way, in bytes. */
  readonly maxFrameBytes: number
  readonly clock: Clock
  /** Told once when the peer broke the framing. */
  readonly onBroken?: (reason: string) => void
}

export class FramedStream implements SyncStream {
  readonly peer: Author
  readonly outbound: boolean
  readonly frames: AsyncIterable<Uint8Array>
  readonly #stream: Stream
  readonly #init: FramedStreamInit
  readonly #inflow: Inflow
  readonly #incoming: FrameSplitter
  readonly #outgoing: OutgoingFrames
  #ended: { readonly error: Error | undefined } | undefined
  #closing: Promise<void> | undefined
  #over = false
  #wake: (() => void) | undefined

  /** Call it in the same turn in which the stream was handed over. Throws when the stream is no longer open. */
  constructor(stream: Stream, init: FramedStreamInit) {
    this.peer = init.peer
    this.outbound = stream.direction === 'outbound'
    this.#stream = stream
    this.#init = init
    this.#incoming = new FrameSplitter(init.maxFrameBytes)
    this.#inflow = new Inflow(stream, {
      onData: data => {
        this.#incoming.add(data)
        this.#inflow.waiting = this.#incoming.pendingBytes
        this.#kick()
      },
      onEnd: error => {
        this.#ended = { error }
        this.#kick()
      }
    })
    this.#outgoing = new OutgoingFrames(stream, error => this.abort(new Error(messageOf(error))))
    stream.addEventListener('close', () => this.#finish())
    this.frames = this.#received()
  }

  get buffered(): number {
    return this.#outgoing.buffered
  }

  send(frame: Uint8Array): void {
    if (frame.length > this.#init.maxFrameBytes) throw new RangeError(`a frame of ${frame.length} bytes`)
    if (this.#over || this.#closing !== undefined) return
    this.#outgoing.add(frame)
  }

  onDrain(listener: () => void): void {
    this.#outgoing.onDrain(listener)
  }

  /** Sends what is queued, then closes; resets the stream when the peer has not closed its side after 3 s. */
  close(): Promise<void> {
    if (this.#over) return Promise.resolve()
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const timer = this.#init.clock.schedule(CLOSE_TIMEOUT_MS, () =>
      this.abort(new Error('the peer did not close the stream'))
    )
    this.#stream.addEventListener('close', () => timer.cancel())
    await this.#outgoing.emptied()
    if (this.#over) return
    await this.#stream.close().catch(error => this.abort(new Error(messageOf(error))))
  }

  abort(error: Error): void {
    if (this.#over) return
    this.#stream.abort(error)
    this.#finish()
  }

  #kick(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  /** The stream has ended both ways: nothing more is sent. */
  #finish(): void {
    this.#over = true
    this.#outgoing.end()
  }

  async *#received(): AsyncGenerator<Uint8Array> {
    let inARow = 0
    try {
      for (;;) {
        const frame = this.#incoming.next()
        this.#inflow.waiting = this.#incoming.pendingBytes
        if (frame !== undefined) {
          if (++inARow > PEER.framesInARow) {
            // What was read already comes without a pause, and would keep timers and sockets waiting.
            inARow = 0
            await new Promise<void>(resolve => this.#init.clock.schedule(0, resolve))
          }
          yield frame
        } else if (this.#ended === undefined) {
          inARow = 0
          await new Promise<void>(resolve => {
            this.#wake = resolve
          })
        } else if (this.#ended.error !== undefined) throw this.#ended.error
        else if (this.#incoming.pendingBytes > 0) throw new Error('inside a frame')
        else return
      }
    } catch (thrown) {
      const error = this.#asError(thrown)
      this.abort(error)
      throw error
    } finally {
      // At the end of the peer's side, and when the reader wants no more: what was said still goes out.
      this.close().catch(() => undefined)
    }
  }

  #asError(thrown: unknown): Error {
    if (!isNatterError(thrown, 'PROTOCOL_ERROR')) {
      return new NatterError('PEER_UNREACHABLE', `the stream ended: ${messageOf(thrown)}`, { cause: thrown })
    }
    this.#init.onBroken?.(thrown.message)
    return thrown
  }
}

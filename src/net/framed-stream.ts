/**
 * One libp2p stream as frames: whole, in order, each behind a varint of its length.
 *
 * Keeps: memory is bounded on the reading side by backpressure and visible on the writing side as `buffered`; both
 * directions are closed or reset in the end. Leaves to others what the frames mean. See protocols/sync-ops.md.
 */
import type { Stream } from '@libp2p/interface'
import { decode, encode } from 'it-length-prefixed'
import { pipe } from 'it-pipe'
import type { Uint8ArrayList } from 'uint8arraylist'
import type { Clock } from '../base/index.js'
import { ByteWriter, isNatterError, messageOf, NatterError, PEER } from '../base/index.js'
import type { Author } from '../log/index.js'
import { pacedDuplex, plainBytes } from './flow.js'
import type { SyncStream } from './index.js'

/** Bytes of small frames that go out together: with the last of them still one noise message (65,519 bytes) as a rule. */
const CHUNK_BYTES = 48 * 1024
/** Bytes of a length prefix at most. */
const PREFIX_BYTES = 4
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
  readonly #queue: Uint8Array[] = []
  readonly #drainListeners: (() => void)[] = []
  readonly #sent: Promise<void>
  #queuedBytes = 0
  #unsettled = false
  #closing = false
  #over = false
  #wake: (() => void) | undefined

  /** Call it in the same turn in which the stream was handed over. Throws when the stream is no longer open. */
  constructor(stream: Stream, init: FramedStreamInit) {
    this.peer = init.peer
    this.outbound = stream.direction === 'outbound'
    this.#stream = stream
    this.#init = init
    const duplex = pacedDuplex(stream)
    stream.addEventListener('close', () => this.#finish())
    stream.addEventListener('idle', () => queueMicrotask(() => this.#settle()))
    this.frames = pipe(
      duplex.source,
      source => decode(source, { maxDataLength: init.maxFrameBytes, lengthDecoder: frameLength }),
      source => this.#received(source)
    )
    this.#sent = pipe(this.#outgoing(), duplex.sink).catch(error => {
      if (!this.#over) this.abort(new Error(messageOf(error)))
    })
  }

  get buffered(): number {
    return this.#queuedBytes + (this.#over ? 0 : this.#stream.writeBufferLength)
  }

  send(frame: Uint8Array): void {
    if (frame.length > this.#init.maxFrameBytes) throw new RangeError(`a frame of ${frame.length} bytes`)
    if (this.#over || this.#closing) return
    this.#queue.push(frame)
    this.#queuedBytes += frame.length
    this.#unsettled = true
    this.#kick()
  }

  onDrain(listener: () => void): void {
    this.#drainListeners.push(listener)
  }

  /** Sends what is queued, then closes; resets the stream when the peer has not closed its side after 3 s. */
  async close(): Promise<void> {
    if (this.#over) return
    this.#closing = true
    this.#kick()
    const timer = this.#init.clock.schedule(CLOSE_TIMEOUT_MS, () =>
      this.abort(new Error('the peer did not close the stream'))
    )
    this.#stream.addEventListener('close', () => timer.cancel())
    if (this.#over) timer.cancel()
    await this.#sent
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

  /** The stream has ended both ways: nothing is kept. */
  #finish(): void {
    this.#over = true
    this.#queue.length = 0
    this.#queuedBytes = 0
    this.#kick()
  }

  #settle(): void {
    if (!this.#unsettled || this.#over || this.buffered > 0) return
    this.#unsettled = false
    for (const listener of this.#drainListeners) listener()
  }

  /** Queued frames with their lengths, small ones together. A chunk counts as queued until the stream has taken it. */
  async *#outgoing(): AsyncGenerator<Uint8Array | Uint8ArrayList> {
    while (!this.#over) {
      if (this.#queue.length === 0) {
        this.#settle()
        if (this.#closing) return
        // A listener may have sent something meanwhile.
        if (this.#queue.length > 0) continue
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
        continue
      }
      let taken = 0
      let bytes = 0
      while (taken < this.#queue.length && bytes < CHUNK_BYTES) bytes += this.#queue[taken++]!.length
      const chunk = joined(this.#queue.splice(0, taken), bytes)
      yield chunk
      if (!this.#over) this.#queuedBytes -= bytes
    }
  }

  async *#received(source: AsyncIterable<Uint8ArrayList>): AsyncGenerator<Uint8Array> {
    let inARow = 0
    try {
      for await (const frame of source) {
        if (++inARow > PEER.framesInARow) {
          // What was read already comes without a pause, and would keep timers and sockets waiting.
          inARow = 0
          await new Promise<void>(resolve => this.#init.clock.schedule(0, resolve))
        }
        yield plainBytes(frame.subarray())
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
    const name = thrown instanceof Error ? thrown.name : ''
    if (!isNatterError(thrown, 'PROTOCOL_ERROR') && !name.startsWith('InvalidDataLength')) {
      return new NatterError('PEER_UNREACHABLE', `the stream ended: ${messageOf(thrown)}`, { cause: thrown })
    }
    const reason = `a frame over ${this.#init.maxFrameBytes} bytes or with a malformed length`
    this.#init.onBroken?.(reason)
    return new NatterError('PROTOCOL_ERROR', reason, { cause: thrown })
  }
}

/**
 * The length at the front of what has come: `RangeError` while a part of it is missing. The decoder of the library takes
 * forms that are too long, and then loses its place in the stream.
 */
function frameLength(data: Uint8ArrayList): number {
  let length = 0
  for (let i = 0; i < PREFIX_BYTES; i++) {
    if (i >= data.byteLength) throw new RangeError('more to come')
    const byte = data.get(i)
    length += (byte & 0x7f) * 2 ** (7 * i)
    if (byte >= 0x80) continue
    if (byte === 0 && i > 0) break
    frameLength.bytes = i + 1
    return length
  }
  throw new NatterError('PROTOCOL_ERROR', 'a length that is no varint, or not in its shortest form')
}
/** Bytes of the length that was read last: how the decoder asks for it. */
frameLength.bytes = 0

/** Frames with their lengths as one piece: a copy costs less than what a list of pieces costs below. */
function joined(frames: readonly Uint8Array[], bytes: number): Uint8Array | Uint8ArrayList {
  if (frames.length === 1) return encode.single(frames[0]!)
  const writer = new ByteWriter(bytes + frames.length * PREFIX_BYTES)
  for (const frame of frames) writer.block(frame)
  return writer.finish()
}

/**
 * The writing side of a stream of frames: each behind its length, those of one turn together, no faster than the stream
 * takes them. What waits is counted, and the end of waiting told.
 */
import type { Stream } from '@libp2p/interface'
import { ByteWriter } from '../base/index.js'
import { afterTurn } from '../base/system.js'
import { PREFIX_BYTES } from './frame-splitter.js'

/** Bytes of small frames that go out together: with the last of them still one noise message (65,519 bytes) as a rule. */
const CHUNK_BYTES = 48 * 1024

const settled = Promise.resolve()

export class OutgoingFrames {
  readonly #stream: Stream
  readonly #onFailed: (error: unknown) => void
  readonly #drainListeners: (() => void)[] = []
  readonly #emptyListeners: (() => void)[] = []
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  /** The stream is full, and will say when it is not. */
  #blocked = false
  #flushing = false
  #unsettled = false
  #over = false

  constructor(stream: Stream, onFailed: (error: unknown) => void) {
    this.#stream = stream
    this.#onFailed = onFailed
    stream.addEventListener('drain', () => this.#unblock())
    stream.addEventListener('idle', () => {
      // The stream is not done with what it sends when it says so.
      if (this.#unsettled) settled.then(() => this.#settle())
    })
  }

  /** Bytes that the connection has not taken. */
  get buffered(): number {
    return this.#queuedBytes + (this.#over ? 0 : this.#stream.writeBufferLength)
  }

  add(frame: Uint8Array): void {
    if (this.#over) return
    this.#queue.push(frame)
    this.#queuedBytes += frame.length
    this.#unsettled = true
    this.#flushSoon()
  }

  onDrain(listener: () => void): void {
    this.#drainListeners.push(listener)
  }

  /** Resolves when the stream has taken everything, or is gone. */
  emptied(): Promise<void> {
    if (this.#queue.length === 0) return Promise.resolve()
    return new Promise(resolve => this.#emptyListeners.push(resolve))
  }

  /** Drops what waits: the stream has ended. */
  end(): void {
    this.#over = true
    this.#queue = []
    this.#queuedBytes = 0
    this.#tellEmptied()
  }

  #tellEmptied(): void {
    for (const listener of this.#emptyListeners.splice(0)) listener()
  }

  /**
   * When the turn is over: the frames that one event brings forth go out as one piece, and what the application does next
   * is on its way to the disk before a socket is written, which wakes the peer and may cost this process its processor.
   */
  #flushSoon(): void {
    if (this.#flushing || this.#blocked) return
    this.#flushing = true
    afterTurn(() => this.#flush())
  }

  #unblock(): void {
    if (!this.#blocked) return
    this.#blocked = false
    this.#flushSoon()
  }

  #flush(): void {
    this.#flushing = false
    try {
      while (!this.#over && !this.#blocked && this.#queue.length > 0) this.#sendChunk()
    } catch (error) {
      this.#onFailed(error)
      return
    }
    if (this.#queue.length > 0) return
    this.#tellEmptied()
    this.#settle()
  }

  #sendChunk(): void {
    let taken = 0
    let bytes = 0
    while (taken < this.#queue.length && bytes < CHUNK_BYTES) bytes += this.#queue[taken++]!.length
    const frames = this.#queue.splice(0, taken)
    // Not full any more as soon as it says so, which may be before this call is over.
    this.#blocked = true
    const more = this.#stream.send(joined(frames, bytes))
    if (more) this.#blocked = false
    if (!this.#over) this.#queuedBytes -= bytes
  }

  #settle(): void {
    if (!this.#unsettled || this.#over || this.buffered > 0) return
    this.#unsettled = false
    for (const listener of this.#drainListeners) listener()
  }
}

/** Frames with their lengths as one piece: a copy costs less than what a list of pieces costs below. */
function joined(frames: readonly Uint8Array[], bytes: number): Uint8Array {
  const writer = new ByteWriter(bytes + frames.length * PREFIX_BYTES)
  for (const frame of frames) writer.block(frame)
  return writer.finish()
}

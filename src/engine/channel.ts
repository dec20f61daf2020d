/**
 * One `/sync/ops` stream as frames: the codec of both directions, the peer's window, and what waits for it.
 *
 * Keeps: data goes out only as far as the peer's window goes; frames reach the peer in an order that its decoder can
 * read. ACK, CREDIT and PING depend on no other frame, so they pass data that waits. Decides nothing.
 */
import type { Hashes } from '../base/index.js'
import { NatterError, PEER, PROTOCOL, varintLength } from '../base/index.js'
import type { Author, DatabaseId, Message, Tip, Want } from '../log/index.js'
import type { SyncStream } from '../net/index.js'
import type { PartialBatch } from '../wire/index.js'
import { creditBytes, SyncDecoder, SyncEncoder } from '../wire/index.js'
import { cutRun } from './cut-run.js'

export interface ChannelInit {
  readonly id: number
  readonly stream: SyncStream
  readonly hashes: Hashes
  readonly database: DatabaseId
  /** Bytes in the write buffer above which nothing more is said but data in flight. */
  readonly chokeBytes: number
  /** Batches of one RUN at most. */
  readonly runBatches: number
  /** Bytes of data that the peer may have sent and not been given back: what HELLO names. */
  readonly windowBytes: number
  /** Told when the write buffer is full, and when it is empty again. */
  readonly onChoked: (choked: boolean) => void
}

/** What went over a stream, for statistics. Bytes are those of frames with their length prefix. */
export interface Traffic {
  bytesSent: number
  bytesReceived: number
  opsSent: number
  opsReceived: number
}

export class Channel {
  readonly id: number
  readonly stream: SyncStream
  readonly decoder: SyncDecoder
  readonly traffic: Traffic = { bytesSent: 0, bytesReceived: 0, opsSent: 0, opsReceived: 0 }
  /** Large batches of which the peer asked for the rest only: bytes that it has, by full batch id prefix. */
  readonly offsets = new Map<string, number>()
  readonly #init: ChannelInit
  readonly #encoder = new SyncEncoder()
  readonly #waiting: Uint8Array[] = []
  #waitingBytes = 0
  /** Bytes of the own window that the peer uses. */
  #taken = 0
  #seed: PartialBatch | undefined
  #window = 0
  #choked = false
  #closed = false

  constructor(init: ChannelInit) {
    this.#init = init
    this.id = init.id
    this.stream = init.stream
    this.decoder = new SyncDecoder({ hashes: init.hashes, database: init.database })
    init.stream.onDrain(() => this.#drained())
  }

  get peer(): Author {
    return this.stream.peer
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Continues the large batch that an earlier stream of this peer left off. */
  continueFrom(partial: PartialBatch): void {
    this.#seed = partial
    this.decoder.continueFrom(partial)
  }

  /** Bytes of this batch that an earlier stream brought: what a WANT may leave out, once. */
  takeOffset(tip: Tip): number {
    if (this.#seed?.tip.id !== tip.id) return 0
    const { length } = this.#seed.body
    this.#seed = undefined
    return length
  }

  /** The peer asked for the rest only of a large batch. */
  resumes({ tip, offset }: Want): void {
    if (offset === 0) return
    this.offsets.set(tip.id, offset)
    if (this.offsets.size > PEER.resumedBatches) this.offsets.delete(this.offsets.keys().next().value!)
  }

  /** Sends a message; answers the bytes that it takes of the peer's window. */
  send(message: Message): number {
    if (this.#closed) return 0
    if (message.type !== 'run') {
      if (message.type === 'credit') this.#taken -= message.bytes
      this.#put(message)
      return 0
    }
    let bytes = 0
    for (const part of cutRun(message, this.#init.runBatches, this.offsets)) {
      for (const batch of part.batches) this.traffic.opsSent += batch.header.opCount
      bytes += this.#put(part)
    }
    return bytes
  }

  #put(message: Message): number {
    const passes = message.type === 'ack' || message.type === 'credit' || message.type === 'ping'
    let bytes = 0
    for (const frame of this.#encoder.encode(message)) {
      const credit = creditBytes(frame)
      bytes += credit
      if (!passes && (this.#waiting.length > 0 || (credit > 0 && this.#window <= 0))) this.#wait(frame)
      else this.#write(frame, credit)
    }
    return bytes
  }

  #wait(frame: Uint8Array): void {
    this.#waiting.push(frame)
    this.#waitingBytes += frame.length
    this.#bound()
  }

  /** A peer that has answers made and takes none of them is given up. */
  #bound(): void {
    if (this.#waitingBytes + this.stream.buffered <= PEER.backlogBytes) return
    this.abort(new Error(`the peer takes nothing: ${PEER.backlogBytes} bytes wait for it`))
  }

  /** Counts a frame that came against the own window. `PROTOCOL_ERROR` when the peer goes on without credit. */
  take(frame: Uint8Array): void {
    this.#taken += creditBytes(frame)
    // The last frame may go beyond the window.
    if (this.#taken <= this.#init.windowBytes + PROTOCOL.frameBytes) return
    throw new NatterError('PROTOCOL_ERROR', `${this.#taken} bytes of data without credit`)
  }

  #write(frame: Uint8Array, credit: number): void {
    this.#window -= credit
    this.traffic.bytesSent += frame.length + varintLength(frame.length)
    this.stream.send(frame)
    if (!this.#choked && this.stream.buffered > this.#init.chokeBytes) {
      this.#choked = true
      this.#init.onChoked(true)
    }
    this.#bound()
  }

  /** The peer takes so many bytes more. */
  widen(bytes: number): void {
    this.#window += bytes
    while (this.#waiting.length > 0 && !this.#closed) {
      const frame = this.#waiting[0]!
      const credit = creditBytes(frame)
      if (credit > 0 && this.#window <= 0) return
      this.#waiting.shift()
      this.#waitingBytes -= frame.length
      this.#write(frame, credit)
    }
  }

  #drained(): void {
    if (!this.#choked || this.#closed) return
    this.#choked = false
    this.#init.onChoked(false)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#waiting.length = 0
    this.#waitingBytes = 0
    this.stream.close().catch(() => undefined) // it is gone either way
  }

  /** Resets the stream, also one that is closing. */
  abort(error: Error): void {
    this.#closed = true
    this.#waiting.length = 0
    this.#waitingBytes = 0
    this.stream.abort(error)
  }
}

/** One line about a message, for logs. */
export function describe(message: Message): string {
  switch (message.type) {
    case 'run': {
      const { batches, position } = message
      return `RUN ${batches.length} batches${position === undefined ? '' : ` to ${position.position}`}`
    }
    case 'heads':
      return `HEADS ${message.tips.length} tips${message.position === undefined ? '' : ` to ${message.position.position}`}`
    case 'want':
      return `WANT ${message.tip.author.slice(0, 8)} ${message.tip.epoch}.${message.tip.seq}`
    case 'hello':
      return `HELLO at ${message.position.position}, cursor ${message.cursor?.position ?? 'none'}`
    case 'ack':
      return `ACK ${message.position}`
    case 'credit':
      return `CREDIT ${message.bytes}`
    case 'ping':
      return `PING at ${message.position.position}, ${message.digest.slice(0, 8)}`
    case 'err':
      return `ERR ${message.code} ${message.text}`
  }
}

/** One `/sync/ops` stream in the hands of a test: messages, frames or bytes go out as given, and what comes back is kept. */
import type { Stream } from '@libp2p/interface'
import { messageStreamToDuplex } from '@libp2p/utils'
import { decode, encode } from 'it-length-prefixed'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { PROTOCOL } from '../../src/base/index.js'
import type { DatabaseId, Hello, Message, StoreId } from '../../src/log/index.js'
import { SyncDecoder, SyncEncoder } from '../../src/wire/index.js'
import { until } from '../support/until.js'

type Of<T extends Message['type']> = Extract<Message, { type: T }>

const NO_MARK = { position: 0, check: '0'.repeat(16) }

export class RawSync {
  readonly stream: Stream
  readonly database: DatabaseId
  readonly received: Message[] = []
  /** Bytes of frames that came. */
  bytes = 0
  /** Whether the node has closed or reset its side. */
  ended = false
  readonly #encoder = new SyncEncoder()

  constructor(stream: Stream, database: DatabaseId) {
    this.stream = stream
    this.database = database
    void this.#read()
  }

  async #read(): Promise<void> {
    const decoder = new SyncDecoder({ hashes: nodeCrypto, database: this.database })
    try {
      const { source } = messageStreamToDuplex(this.stream)
      for await (const frame of decode(source, { maxDataLength: PROTOCOL.frameBytes })) {
        this.bytes += frame.byteLength
        const message = decoder.decode(frame.subarray().slice())
        if (message !== undefined) this.received.push(message)
      }
    } catch {
      // Reset: `ended` says so.
    }
    this.ended = true
  }

  /** Says messages in their order, as a right encoder writes them. */
  say(...messages: readonly Message[]): void {
    for (const message of messages) this.frames(...this.#encoder.encode(message))
  }

  /** Sends frames as they are, each behind its length. */
  frames(...frames: readonly Uint8Array[]): void {
    for (const frame of frames) this.send(encode.single(frame).subarray())
  }

  /** Sends bytes as they are. A stream that the node has ended takes nothing, which is no error here. */
  send(bytes: Uint8Array): void {
    try {
      this.stream.send(bytes)
    } catch {
      this.ended = true
    }
  }

  /** Sends, and waits while the buffer of the stream is full. */
  async pour(...messages: readonly Message[]): Promise<void> {
    for (const message of messages) {
      for (const frame of this.#encoder.encode(message)) {
        if (this.ended) return
        this.send(encode.single(frame).subarray())
        if (this.stream.writeBufferLength > PROTOCOL.frameBytes)
          await this.stream.onDrain().catch(() => undefined)
      }
    }
  }

  all<T extends Message['type']>(type: T): Of<T>[] {
    return this.received.filter((message): message is Of<T> => message.type === type)
  }

  /** The first message of a type that has come, or comes. */
  next<T extends Message['type']>(type: T): Promise<Of<T>> {
    return until(`a message of type ${type}`, 10_000, () => this.all(type)[0])
  }

  /** A HELLO of a node that has nothing. */
  hello(fields: Partial<Hello> = {}): Hello {
    return {
      type: 'hello',
      protocol: 1,
      database: this.database,
      store: 'cc'.repeat(8) as StoreId,
      durable: true,
      position: NO_MARK,
      digest: 'ee'.repeat(16),
      yours: [],
      window: PROTOCOL.windowBytes,
      ...fields
    }
  }

  /** HELLO both ways, and HEADS of nothing: from here on both may say anything. */
  async greet(fields: Partial<Hello> = {}): Promise<Hello> {
    this.say(this.hello(fields), { type: 'heads', tips: [], position: NO_MARK })
    return this.next('hello')
  }
}

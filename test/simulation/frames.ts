/** Reads along what goes over streams, so that the history can say which message a frame carried. */
import type { Crypto } from '../../src/base/index.js'
import type { Batch, DatabaseId, Message } from '../../src/log/index.js'
import { decodeGossip, SyncDecoder } from '../../src/wire/index.js'
import type { StreamEnd } from './stream.js'

export class FrameReader {
  readonly #crypto: Crypto
  readonly #database: DatabaseId
  readonly #decoders = new WeakMap<StreamEnd, SyncDecoder | 'broken'>()
  /** What a frame in flight carries; read once, when it is sent. */
  readonly #messages = new WeakMap<Uint8Array, Message>()
  readonly #gossip = new WeakMap<Uint8Array, Batch>()

  constructor(crypto: Crypto, database: DatabaseId) {
    this.#crypto = crypto
    this.#database = database
  }

  /** The message that a frame sent from this end completes, if it does. */
  sent(end: StreamEnd, frame: Uint8Array): Message | undefined {
    let decoder = this.#decoders.get(end)
    if (decoder === undefined) {
      decoder = new SyncDecoder({ hashes: this.#crypto, database: this.#database })
      this.#decoders.set(end, decoder)
    }
    if (decoder === 'broken') return undefined
    try {
      const message = decoder.decode(frame)
      if (message !== undefined) this.#messages.set(frame, message)
      return message
    } catch {
      this.#decoders.set(end, 'broken') // a liar's
      return undefined
    }
  }

  received(frame: Uint8Array): Message | undefined {
    return this.#messages.get(frame)
  }

  gossip(data: Uint8Array): Batch | undefined {
    const known = this.#gossip.get(data)
    if (known !== undefined) return known
    try {
      const batch = decodeGossip(data, this.#crypto)
      if (batch !== undefined) this.#gossip.set(data, batch)
      return batch
    } catch {
      return undefined
    }
  }
}

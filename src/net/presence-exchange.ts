/**
 * One stream of `/sync/presence/1.0.0`: HELLO from both sides, then what changed since each was last told, then news
 * as they come. The stream lives as long as the connection; its HELLO is what admits a peer.
 *
 * Keeps: a record is believed only with its node's signature; nothing is told twice on a stream; a slow reader is told
 * the newest state later, not every step. Implements protocols/sync-presence.md.
 */
import { pipe } from 'it-pipe'
import type { Clock, Crypto, Timer } from '../base/index.js'
import { fromHex, isNatterError, NatterError } from '../base/index.js'
import type { Author, DatabaseId } from '../log/index.js'
import type { PresenceHello, PresenceRecords, SignedPresence } from '../wire/index.js'
import { decodePresence, encodePresence, presenceSigningBytes } from '../wire/index.js'
import type { FramedStream } from './framed-stream.js'
import type { PresenceTable } from './presence.js'

/** Milliseconds within which changes go out together. */
const COALESCE_MS = 20
/** Milliseconds a peer has for its HELLO. */
export const HELLO_TIMEOUT_MS = 5000

export interface ExchangeComponents {
  readonly table: PresenceTable
  readonly database: DatabaseId
  readonly clock: Clock
  readonly crypto: Crypto
}

export interface ExchangeHandlers {
  /** The peer said HELLO, of this database or another. */
  onHello(sameDatabase: boolean): void
  /** A record that is new here and truly signed. */
  onRecord(signed: SignedPresence): void
  /** The peer broke the protocol; the stream is reset. */
  onViolation(reason: string): void
}

export class PresenceExchange {
  readonly #stream: FramedStream
  readonly #components: ExchangeComponents
  readonly #handlers: ExchangeHandlers
  /** Versions of records that both sides have, by what was said on this stream. */
  readonly #shared = new Map<Author, number>()
  #told = 0
  /** Whether the HELLO of the peer was of this database; undefined before it. Strangers are told nothing, and not believed. */
  #isOurs: boolean | undefined
  #timer: Timer | undefined
  #unsubscribe: (() => void) | undefined

  constructor(stream: FramedStream, components: ExchangeComponents, handlers: ExchangeHandlers) {
    this.#stream = stream
    this.#components = components
    this.#handlers = handlers
  }

  /** Runs until the stream ends. Never rejects. Call it in the turn in which the stream was framed. */
  async run(): Promise<void> {
    const { clock, table, database } = this.#components
    const peer = this.#stream.peer
    const seen = table.seenOf(peer)
    const hello: PresenceHello = { type: 'hello', database, table: table.id, ...(seen && { seen }) }
    this.#send(hello)
    const deadline = clock.schedule(HELLO_TIMEOUT_MS, () =>
      this.#stream.abort(new Error('no presence HELLO'))
    )
    this.#stream.onDrain(() => this.#schedule())
    try {
      await pipe(this.#stream.frames, messagesOf, async messages => {
        for await (const message of messages) {
          if (message.type === 'hello') {
            deadline.cancel()
            this.#onHello(message)
          } else await this.#onRecords(message)
          table.touch(peer, clock.now())
        }
      })
    } catch (error) {
      if (isNatterError(error, 'PROTOCOL_ERROR')) {
        this.#stream.abort(error)
        this.#handlers.onViolation(error.message)
      }
    } finally {
      deadline.cancel()
      this.#timer?.cancel()
      this.#unsubscribe?.()
      this.#stream.close().catch(() => undefined)
    }
  }

  #onHello(hello: PresenceHello): void {
    if (this.#isOurs !== undefined)
      throw new NatterError('PROTOCOL_ERROR', 'a second presence HELLO on one stream')
    const { table, database } = this.#components
    this.#isOurs = hello.database === database
    this.#handlers.onHello(this.#isOurs)
    if (!this.#isOurs) return
    if (hello.seen?.table === table.id && hello.seen.version <= table.version) this.#told = hello.seen.version
    this.#unsubscribe = table.onChange(() => this.#schedule())
    this.#tell()
  }

  async #onRecords(message: PresenceRecords): Promise<void> {
    if (this.#isOurs === undefined)
      throw new NatterError('PROTOCOL_ERROR', 'presence records before the HELLO')
    if (!this.#isOurs) return
    const { table, crypto, clock } = this.#components
    for (const signed of message.records) {
      const { record, signature } = signed
      // The own record comes back from an earlier life with a better clock: the owner decides.
      if (table.isNews(record, clock.now())) {
        if (!(await crypto.verify(fromHex(record.peer), presenceSigningBytes(record), signature))) {
          throw new NatterError('PROTOCOL_ERROR', 'a presence record whose signature does not hold')
        }
        this.#handlers.onRecord(signed)
      }
      // Only of nodes in the table, which is bounded.
      const known = table.get(record.peer)?.version
      if (known !== undefined) this.#shared.set(record.peer, Math.min(known, record.version))
    }
    if (message.version !== undefined) {
      table.setSeenOf(this.#stream.peer, { table: message.table, version: message.version })
    }
  }

  #schedule(): void {
    if (this.#isOurs !== true) return
    this.#timer ??= this.#components.clock.schedule(COALESCE_MS, () => {
      this.#timer = undefined
      this.#tell()
    })
  }

  /** Tells what is new since the last telling, unless the peer still reads that: the drain brings us back. */
  #tell(): void {
    const { table } = this.#components
    if (this.#stream.buffered > 0 || this.#told === table.version) return
    const news = table.changesSince(this.#told)
    const untold = news.filter(({ record }) => record.version > (this.#shared.get(record.peer) ?? 0))
    for (const { record } of untold) this.#shared.set(record.peer, record.version)
    this.#told = table.version
    this.#send({ type: 'records', table: table.id, version: table.version, records: untold })
  }

  #send(message: PresenceHello | PresenceRecords): void {
    for (const frame of encodePresence(message)) this.#stream.send(frame)
  }
}

/** Without frames of types that are not known here and may be skipped. */
async function* messagesOf(
  frames: AsyncIterable<Uint8Array>
): AsyncGenerator<PresenceHello | PresenceRecords> {
  for await (const frame of frames) {
    const message = decodePresence(frame)
    if (message !== undefined) yield message
  }
}

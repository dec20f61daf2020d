/**
 * Messages out of the frames of one direction of a `/sync/ops/1.0.0` stream. Implements protocols/sync-ops.md.
 *
 * Keeps: a message that comes out is well formed and within every bound, its batches have ids and bodies that fit
 * their headers. Signatures are checked by `checkRun`. Anything else throws `PROTOCOL_ERROR`, and the stream is over.
 */
import type { Hashes } from '../base/index.js'
import { concatBytes, copyBytes, FORMAT, PROTOCOL, utf8 } from '../base/index.js'
import type {
  Author,
  BareHeader,
  Batch,
  DatabaseId,
  Err,
  Heads,
  Hello,
  Mark,
  Message,
  Run,
  Tip,
  Want
} from '../log/index.js'
import { bodyFits, tipOf } from '../log/index.js'
import type { Signed } from './check-run.js'
import { AuthorNames, ChainEnds } from './dictionary.js'
import { EntryReader } from './entry.js'
import { databaseField, decoding, frameType, integerField, malformed } from './frame.js'
import type {
  Err as ErrField,
  Heads as HeadsField,
  Hello as HelloField,
  Run as RunField,
  Want as WantField
} from './generated/sync-ops.js'
import { SyncFrame } from './generated/sync-ops.js'
import { decodeRun } from './run-frame.js'
import { decodeBody, decodeHeads, decodeNumber } from './small-frames.js'
import { cursorOf, digestOf, markOf, SYNC_ERRORS, SYNC_FRAME, storeOf, tipOfField } from './sync-fields.js'

export interface SyncDecoderInit {
  readonly hashes: Hashes
  /** The database of this node: headers are put together for it. */
  readonly database: DatabaseId
}

/** A large batch whose body has not arrived whole. */
export interface PartialBatch extends BareHeader {
  readonly tip: Tip
  /** The first bytes of the body. */
  readonly body: Uint8Array
}

/** A RUN of which frames are still to come. */
interface OpenRun {
  readonly batches: Batch[]
  readonly proof: BareHeader[]
  /** Authors of the batches among them that are of an unknown format. */
  readonly skipped: Set<Author>
  position?: Mark
  bytes: number
  deps: number
  large?: LargeBody
  /** All RUN frames are there; BODY frames follow. */
  complete: boolean
}

/** What arrived of a large batch. */
interface LargeBody {
  /** Absent for a batch of an unknown format: its body is counted and dropped. */
  readonly bare: BareHeader | undefined
  readonly length: number
  readonly chunks: Uint8Array[]
  received: number
  /** Its header was given out, to be checked before its body is taken in. */
  shown: boolean
}

const UINT32 = 2 ** 32 - 1
const MAX = Number.MAX_SAFE_INTEGER
const KNOWN_FRAMES: ReadonlySet<number> = new Set(Object.values(SYNC_FRAME))
const DECODE_LIMITS = {
  hello: { yours: PROTOCOL.helloTips, authors: PROTOCOL.helloTips },
  want: { have: PROTOCOL.wantHave, authors: PROTOCOL.wantHave + 1 },
  err: { authors: 1 }
}

export class SyncDecoder {
  readonly #hashes: Hashes
  readonly #authors = new AuthorNames()
  readonly #entries: EntryReader
  #run: OpenRun | undefined
  #seed: PartialBatch | undefined

  constructor(init: SyncDecoderInit) {
    this.#hashes = init.hashes
    this.#entries = new EntryReader({ ...init, authors: this.#authors, ends: new ChainEnds() })
  }

  /**
   * The message that a frame ends; `undefined` where it is to be skipped, or more frames belong to its message. Throws
   * `PROTOCOL_ERROR` for a malformed frame or one over a bound: use the decoder no more.
   */
  decode(frame: Uint8Array): Message | undefined {
    return decoding('a frame', () => this.#decode(frame))
  }

  /** The large batch that is under way, or the one to continue from: what the next stream to the same peer starts with. */
  partial(): PartialBatch | undefined {
    const large = this.#run?.large
    if (large?.bare === undefined) return this.#seed
    return { ...large.bare, tip: tipOf(large.bare), body: concatBytes(...large.chunks) }
  }

  /** The header of a large batch, with what covers it, once these are there: to be checked before its body comes. */
  takeLarge(): Signed | undefined {
    const run = this.#run
    if (run?.large?.bare === undefined || !run.complete || run.large.shown) return undefined
    run.large.shown = true
    return { batches: [run.large.bare], proof: run.proof }
  }

  /** Bytes of unfinished runs that are held in memory. */
  get stagedBytes(): number {
    return (this.#run?.bytes ?? 0) + (this.#run?.large?.received ?? this.#seed?.body.length ?? 0)
  }

  /** Continues a large batch that another decoder left off: answers to a WANT with its bytes as offset fit here. */
  continueFrom(partial: PartialBatch): void {
    this.#seed = partial
  }

  #decode(frame: Uint8Array): Message | undefined {
    if (frame.length > PROTOCOL.frameBytes) throw malformed(`a frame of ${frame.length} bytes`)
    switch (frameType(frame, KNOWN_FRAMES)) {
      case undefined:
        return undefined
      case SYNC_FRAME.run:
        return this.#readRun(decodeRun(frame), frame.length)
      case SYNC_FRAME.body:
        return this.#readBody(decodeBody(frame))
      case SYNC_FRAME.ack:
        return { type: 'ack', position: integerField(decodeNumber(frame), MAX, 'a position') }
      case SYNC_FRAME.credit:
        return { type: 'credit', bytes: integerField(decodeNumber(frame), UINT32, 'credit') }
      case SYNC_FRAME.heads:
        return this.#readHeads(decodeHeads(frame))
      default:
        return this.#readOther(frame)
    }
  }

  #readHeads(fields: HeadsField): Heads {
    this.#authors.add(fields)
    const tips = fields.tips.map(tip => tipOfField(tip, this.#authors))
    const { position } = fields
    return position === undefined
      ? { type: 'heads', tips }
      : { type: 'heads', tips, position: markOf(position) }
  }

  /** What comes now and then is read by generated code. */
  #readOther(frame: Uint8Array): Message {
    const fields = SyncFrame.decode(frame, { limits: DECODE_LIMITS })
    if (fields.want !== undefined) return this.#readWant(fields.want)
    if (fields.ping !== undefined) {
      const { digest, position } = fields.ping
      return { type: 'ping', digest: digestOf(digest), position: markOf(position) }
    }
    if (fields.hello !== undefined) return this.#readHello(fields.hello)
    if (fields.err !== undefined) return this.#readErr(fields.err)
    throw malformed('an empty frame')
  }

  #readHello(fields: HelloField): Hello {
    this.#authors.add(fields)
    const hello: Hello = {
      type: 'hello',
      protocol: fields.protocol,
      database: databaseField(fields.database),
      store: storeOf(fields.store),
      durable: fields.durable,
      position: markOf(fields.position),
      digest: digestOf(fields.digest),
      yours: fields.yours.map(tip => tipOfField(tip, this.#authors)),
      window: fields.window
    }
    return fields.cursor === undefined ? hello : { ...hello, cursor: cursorOf(fields.cursor) }
  }

  #readWant(fields: WantField): Want {
    this.#authors.add(fields)
    return {
      type: 'want',
      tip: tipOfField(fields.tip, this.#authors),
      have: fields.have.map(tip => tipOfField(tip, this.#authors)),
      offset: integerField(fields.offset, FORMAT.bodyBytes, 'an offset')
    }
  }

  #readErr(fields: ErrField): Err {
    this.#authors.add(fields)
    if (utf8(fields.text).length > PROTOCOL.errorTextBytes) throw malformed('the text of an ERR is too long')
    const err: Err = {
      type: 'err',
      code: SYNC_ERRORS[fields.code - 1] ?? 'UNAVAILABLE',
      retryable: fields.retryable,
      retryAfterMs: integerField(fields.retryAfterMs, UINT32, 'a delay'),
      text: fields.text
    }
    return fields.tip === undefined ? err : { ...err, tip: tipOfField(fields.tip, this.#authors) }
  }

  #readRun(fields: RunField, frameBytes: number): Run | undefined {
    const run = this.#run ?? {
      batches: [],
      proof: [],
      skipped: new Set(),
      bytes: 0,
      deps: 0,
      complete: false
    }
    if (run.complete) throw malformed('a RUN inside the body of a large batch')
    this.#run = run
    run.bytes += frameBytes
    if (run.bytes > PROTOCOL.runBytes) throw malformed(`a RUN of more than ${PROTOCOL.runBytes} bytes`)
    const count = run.batches.length + run.proof.length + fields.batches.length + fields.proof.length
    if (count > PROTOCOL.runBatches) throw malformed(`a RUN of more than ${PROTOCOL.runBatches} batches`)
    for (const entry of fields.batches) run.deps += entry.deps.length
    for (const entry of fields.proof) run.deps += entry.deps.length
    if (run.deps > PROTOCOL.runDeps) throw malformed(`a RUN of more than ${PROTOCOL.runDeps} deps`)
    this.#authors.add(fields)
    this.#entries.begin()
    this.#readBatches(fields, run)
    for (const entry of fields.proof) {
      const bare = this.#entries.readBare(entry)
      // A header of an unknown format signs for nothing that could be read.
      if (!('skipped' in bare)) run.proof.push(bare)
    }
    if (fields.position !== undefined) run.position = markOf(fields.position)
    if (fields.more) return undefined
    run.complete = true
    return this.#finish(run)
  }

  #readBatches(fields: RunField, run: OpenRun): void {
    if (!fields.large) {
      if (run.large !== undefined) throw malformed('a large batch stands alone in its RUN')
      for (const entry of fields.batches) {
        const batch = this.#entries.readBatch(entry)
        if ('skipped' in batch) run.skipped.add(batch.skipped)
        else run.batches.push(batch)
      }
      return
    }
    const first = run.batches.length + run.proof.length === 0 && run.large === undefined
    if (fields.batches.length !== (first ? 1 : 0)) throw malformed('a large batch stands alone in its RUN')
    if (!first) return
    const entry = fields.batches[0]!
    const read = this.#entries.readBare(entry)
    const bare = 'skipped' in read ? undefined : read
    if ('skipped' in read) run.skipped.add(read.skipped)
    const length = integerField(entry.length, FORMAT.bodyBytes, 'the length of a body')
    const start = bare === undefined ? undefined : this.#startOf(bare, fields.offset)
    run.large = {
      bare,
      length,
      chunks: start === undefined ? [] : [start],
      received: fields.offset,
      shown: false
    }
  }

  /** The bytes of a large body that are here already: `offset` of them, which the sender left out. */
  #startOf(bare: BareHeader, offset: number): Uint8Array | undefined {
    const seed = this.#seed
    this.#seed = undefined
    if (offset === 0) return undefined
    if (seed?.id !== bare.id || offset > seed.body.length) {
      throw malformed(`a body from byte ${offset} on, which was not asked for`)
    }
    return seed.body.subarray(0, offset)
  }

  #readBody(data: Uint8Array): Run | undefined {
    const run = this.#run
    const large = run?.large
    if (run === undefined || large === undefined || !run.complete)
      throw malformed('a BODY without a RUN before it')
    if (data.length === 0) throw malformed('an empty BODY')
    large.received += data.length
    if (large.received > large.length) throw malformed('a BODY beyond the length in its header')
    if (large.bare !== undefined) large.chunks.push(copyBytes(data))
    return this.#finish(run)
  }

  /** The message, once every byte is there. */
  #finish(run: OpenRun): Run | undefined {
    const { large, proof, position, skipped } = run
    if (large !== undefined && large.received < large.length) return undefined
    this.#run = undefined
    const batches = large?.bare === undefined ? run.batches : [this.#wholeBatch(large.bare, large.chunks)]
    return {
      type: 'run',
      batches,
      proof,
      ...(position !== undefined && { position }),
      ...(skipped.size > 0 && { skipped: [...skipped] })
    }
  }

  #wholeBatch(bare: BareHeader, chunks: readonly Uint8Array[]): Batch {
    const body = concatBytes(...chunks)
    if (!bodyFits(bare.header, body, this.#hashes)) throw malformed('a body that does not fit its header')
    return { ...bare, body }
  }
}

/**
 * Frames of one direction of a `/sync/ops/1.0.0` stream, out of messages. Implements protocols/sync-ops.md.
 *
 * What it remembers of the stream is what its reader remembers, so every frame must be sent, once, in the order given.
 */
import { fromHex, PROTOCOL, utf8 } from '../base/index.js'
import type { BareHeader, Err, Heads, Hello, Message, Want } from '../log/index.js'
import { AuthorNumbers, ChainEnds } from './dictionary.js'
import { EntryWriter, entryBound } from './entry.js'
import type { Entry } from './generated/sync-ops.js'
import { SyncFrame } from './generated/sync-ops.js'
import { encodeRun } from './run-frame.js'
import { encodeBody, encodeHeads, encodeNumber } from './small-frames.js'
import type { RunPart } from './split-run.js'
import { FRAME_FIELDS_BYTES, splitRun } from './split-run.js'
import { cursorFieldOf, markFieldOf, SYNC_ERRORS, SYNC_FRAME, tipFieldOf } from './sync-fields.js'

/** Bytes of a BODY frame that are not data: tags and lengths. */
const BODY_FIELDS_BYTES = 16

/** Bytes of a frame that count against the credit of the peer that sent it: those of RUN and BODY frames. */
export function creditBytes(frame: Uint8Array): number {
  // A tag below 128 is one byte: the number of the field and wire type 2.
  const type = (frame[0] ?? 0) >> 3
  return type === SYNC_FRAME.run || type === SYNC_FRAME.body ? frame.length : 0
}

const UINT32 = 2 ** 32 - 1

export class SyncEncoder {
  readonly #authors = new AuthorNumbers()
  readonly #entries = new EntryWriter(this.#authors, new ChainEnds())

  /**
   * The frames of a message, without their length prefixes, each of at most `PROTOCOL.frameBytes`. Throws `RangeError`
   * for a message over the bounds of the protocol.
   */
  encode(message: Message): Uint8Array[] {
    switch (message.type) {
      case 'hello':
        return [this.#hello(message)]
      case 'heads':
        return this.#heads(message)
      case 'want':
        return [this.#want(message)]
      case 'run':
        return splitRun(message).flatMap(part => this.#run(part, message.offset ?? 0))
      case 'ack':
        return [encodeNumber(SYNC_FRAME.ack, message.position)]
      case 'credit':
        return [encodeNumber(SYNC_FRAME.credit, message.bytes)]
      case 'ping':
        return [
          SyncFrame.encode({
            ping: { digest: fromHex(message.digest), position: markFieldOf(message.position) }
          })
        ]
      case 'err':
        return [this.#err(message)]
    }
  }

  #hello(message: Hello): Uint8Array {
    bounded(message.yours.length, PROTOCOL.helloTips, 'tips in a HELLO')
    this.#authors.begin()
    const hello = {
      protocol: message.protocol,
      database: fromHex(message.database),
      store: fromHex(message.store),
      durable: message.durable,
      position: markFieldOf(message.position),
      cursor: message.cursor && cursorFieldOf(message.cursor),
      digest: fromHex(message.digest),
      yours: message.yours.map(tip => tipFieldOf(tip, this.#authors)),
      window: message.window
    }
    return SyncFrame.encode({ hello: { ...hello, ...this.#authors.take() } })
  }

  #heads(message: Heads): Uint8Array[] {
    const frames: Uint8Array[] = []
    let from = 0
    do {
      const to = from + PROTOCOL.headsTips
      const position = to >= message.tips.length ? message.position : undefined
      this.#authors.begin()
      const tips = message.tips.slice(from, to).map(tip => tipFieldOf(tip, this.#authors))
      const { fresh, authors } = this.#authors.take()
      frames.push(encodeHeads({ tips, position: position && markFieldOf(position), fresh, authors }))
      from = to
    } while (from < message.tips.length)
    return frames
  }

  #want(message: Want): Uint8Array {
    bounded(message.have.length, PROTOCOL.wantHave, 'tips in a WANT')
    this.#authors.begin()
    const tip = tipFieldOf(message.tip, this.#authors)
    const have = message.have.map(held => tipFieldOf(held, this.#authors))
    return SyncFrame.encode({ want: { tip, have, offset: message.offset, ...this.#authors.take() } })
  }

  #err(message: Err): Uint8Array {
    this.#authors.begin()
    const tip = message.tip && tipFieldOf(message.tip, this.#authors)
    return SyncFrame.encode({
      err: {
        code: SYNC_ERRORS.indexOf(message.code) + 1,
        retryable: message.retryable,
        retryAfterMs: Math.min(Math.ceil(message.retryAfterMs), UINT32),
        text: shortened(message.text, PROTOCOL.errorTextBytes),
        tip,
        ...this.#authors.take()
      }
    })
  }

  #run(part: RunPart, offset: number): Uint8Array[] {
    const frames = new RunFrames(part, offset, this.#authors)
    const signatureOf = (item: BareHeader) => (part.signed.has(item.id) ? item.signature : undefined)
    for (const batch of part.batches) {
      const body = part.large ? undefined : batch.body
      if (frames.open(entryBound(batch.header) + (body?.length ?? 0))) this.#entries.begin()
      frames.batches.push(this.#entries.write(batch, signatureOf(batch), body))
    }
    for (const item of part.proof) {
      if (frames.open(entryBound(item.header))) this.#entries.begin()
      frames.proof.push(this.#entries.write(item, signatureOf(item), undefined))
    }
    const all = frames.finish()
    this.#entries.begin()
    return part.large ? [...all, ...bodyFrames(part.batches[0]!.body, offset)] : all
  }
}

/** Packs the entries of one RUN into frames. */
class RunFrames {
  readonly #part: RunPart
  readonly #offset: number
  readonly #authors: AuthorNumbers
  readonly #frames: Uint8Array[] = []
  #bytes = FRAME_FIELDS_BYTES
  batches: Entry[] = []
  proof: Entry[] = []

  constructor(part: RunPart, offset: number, authors: AuthorNumbers) {
    this.#part = part
    this.#offset = offset
    this.#authors = authors
    authors.begin()
  }

  /** Makes room for an entry of at most `bytes`; true when it will stand in a further frame. */
  open(bytes: number): boolean {
    const full = this.#bytes + bytes > PROTOCOL.frameBytes && this.#bytes > FRAME_FIELDS_BYTES
    if (full) {
      this.#close(true)
      this.#authors.begin()
      this.batches = []
      this.proof = []
      this.#bytes = FRAME_FIELDS_BYTES
    }
    this.#bytes += bytes
    return full
  }

  finish(): Uint8Array[] {
    this.#close(false)
    return this.#frames
  }

  #close(more: boolean): void {
    const { batches, proof } = this
    const { large, position } = this.#part
    const { fresh, authors } = this.#authors.take()
    this.#frames.push(
      encodeRun({
        batches,
        proof,
        position: more || position === undefined ? undefined : markFieldOf(position),
        more,
        large,
        offset: large ? this.#offset : 0,
        fresh,
        authors
      })
    )
  }
}

function bodyFrames(body: Uint8Array, offset: number): Uint8Array[] {
  bounded(offset, body.length, 'bytes of a body as offset')
  const frames: Uint8Array[] = []
  const step = PROTOCOL.frameBytes - BODY_FIELDS_BYTES
  for (let from = offset; from < body.length; from += step) {
    frames.push(encodeBody(body.subarray(from, from + step)))
  }
  return frames
}

function bounded(value: number, max: number, what: string): void {
  if (value > max) throw new RangeError(`${value} ${what}, at most ${max} allowed`)
}

/** `text` cut to at most `bytes` bytes of UTF-8, between characters. */
function shortened(text: string, bytes: number): string {
  let short = ''
  let length = 0
  for (const character of text) {
    length += utf8(character).length
    if (length > bytes) break
    short += character
  }
  return short
}

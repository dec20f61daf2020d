/** Frames made and read by hand are those of the schema: the generated code is the measure, with fields of every kind. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes, EMPTY_BYTES } from '../../src/base/index.js'
import type { DepRef, Entry, Run, TipRef } from '../../src/wire/generated/sync-ops.js'
import { SyncFrame } from '../../src/wire/generated/sync-ops.js'
import { decodeRun, encodeRun } from '../../src/wire/run-frame.js'
import {
  decodeBody,
  decodeHeads,
  decodeNumber,
  encodeBody,
  encodeHeads,
  encodeNumber
} from '../../src/wire/small-frames.js'
import { SYNC_FRAME } from '../../src/wire/sync-fields.js'
import { Seeded } from '../log/fixtures.js'
import { testSeed } from '../support/random.js'

const rounds = 300

class Fields {
  readonly #random: Seeded

  constructor(seed: number) {
    this.#random = new Seeded(seed)
  }

  #below(end: number): number {
    return Math.floor(this.#random.fraction() * end)
  }

  flag(): boolean {
    return this.#below(2) === 1
  }

  /** Of any length of varint, zero among them. */
  number(max: number): number {
    return Math.min(max, Math.floor(2 ** (this.#random.fraction() * 54) - 1))
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from(this.#random.bytes(length))
  }

  maybe<T>(value: T): T | undefined {
    return this.flag() ? value : undefined
  }

  list<T>(make: () => T): T[] {
    return Array.from({ length: this.#below(4) }, make)
  }

  uint32(): number {
    return this.number(2 ** 32 - 1)
  }

  mark(): { position: number; check: Uint8Array } {
    return { position: this.number(Number.MAX_SAFE_INTEGER), check: this.bytes(this.flag() ? 8 : 0) }
  }

  tip(): TipRef {
    return {
      author: this.uint32(),
      epoch: this.bytes(this.flag() ? 8 : 0),
      seq: this.number(Number.MAX_SAFE_INTEGER),
      id: this.bytes(this.flag() ? 16 : 0)
    }
  }

  dep(): DepRef {
    const { author, seq, epoch } = this.tip()
    return { author, epoch: this.maybe(epoch), seq, id: this.bytes(this.flag() ? 32 : 0) }
  }

  entry(): Entry {
    return {
      author: this.maybe(this.uint32()),
      epoch: this.maybe(this.bytes(8)),
      seq: this.number(Number.MAX_SAFE_INTEGER),
      previous: this.bytes(this.flag() ? 32 : 0),
      ms: this.number(Number.MAX_SAFE_INTEGER),
      counter: this.uint32(),
      ops: this.uint32(),
      deps: this.list(() => this.dep()),
      extensions: this.bytes(this.#below(300)),
      body: this.maybe(this.bytes(this.#below(300))),
      root: this.bytes(this.flag() ? 32 : 0),
      length: this.uint32(),
      signature: this.maybe(this.bytes(64)),
      format: this.#below(3)
    }
  }

  run(): Run {
    const run: Run = {
      batches: this.list(() => this.entry()),
      proof: this.list(() => this.entry()),
      more: this.flag(),
      large: this.flag(),
      offset: this.uint32(),
      fresh: this.flag(),
      authors: this.list(() => this.bytes(32))
    }
    return this.flag() ? { ...run, position: this.mark() } : run
  }
}

/** Without fields that are undefined, and bytes of whatever class. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) => (field === undefined ? [] : [[name, plain(field)]]))
  )
}

test('RUN, as generated code writes and reads it', () => {
  const seed = testSeed('frames')
  const fields = new Fields(seed)
  for (let i = 0; i < rounds; i++) {
    const run = fields.run()
    const bytes = SyncFrame.encode({ run })
    assert.deepEqual(plain(encodeRun(run)), plain(bytes), `seed ${seed}, round ${i}`)
    assert.deepEqual(plain(decodeRun(bytes)), plain(SyncFrame.decode(bytes).run), `seed ${seed}, round ${i}`)
  }
})

test('HEADS, ACK, CREDIT and BODY, as generated code writes and reads them', () => {
  const seed = testSeed('frames')
  const fields = new Fields(seed)
  for (let i = 0; i < rounds; i++) {
    const about = `seed ${seed}, round ${i}`
    const heads = {
      tips: fields.list(() => fields.tip()),
      fresh: fields.flag(),
      authors: fields.list(() => fields.bytes(32)),
      ...(fields.flag() && { position: fields.mark() })
    }
    const bytes = SyncFrame.encode({ heads })
    assert.deepEqual(plain(encodeHeads(heads)), plain(bytes), about)
    assert.deepEqual(plain(decodeHeads(bytes)), plain(SyncFrame.decode(bytes).heads), about)

    const position = fields.number(Number.MAX_SAFE_INTEGER)
    const ack = encodeNumber(SYNC_FRAME.ack, position)
    assert.deepEqual(plain(ack), plain(SyncFrame.encode({ ack: { position } })), about)
    assert.equal(decodeNumber(ack), position, about)

    const credit = fields.uint32()
    const frame = encodeNumber(SYNC_FRAME.credit, credit)
    assert.deepEqual(plain(frame), plain(SyncFrame.encode({ credit: { bytes: credit } })), about)
    assert.equal(decodeNumber(frame), credit, about)

    const data = fields.bytes(fields.number(400))
    const body = encodeBody(data)
    assert.deepEqual(plain(body), plain(SyncFrame.encode({ body: { data } })), about)
    assert.deepEqual(plain(decodeBody(body)), plain(data), about)
  }
})

test('fields that are not known are skipped, wherever they stand, and what is cut off is refused', () => {
  const fields = new Fields(testSeed('frames'))
  // Fields 100 to 103: a number, eight bytes, a block of two, four bytes.
  const unknown = Buffer.from('a006ffffffffffffffffff01a9061122334455667788b206020102bd0611223344', 'hex')
  const run = { ...fields.run(), position: fields.mark() }
  const bytes = encodeRun(run)
  const inner = bytes.subarray(bytes.length - innerLength(bytes))
  const framed = (content: Uint8Array) =>
    concatBytes(Uint8Array.of(58, (content.length & 0x7f) | 0x80, content.length >> 7), content)
  const decoded = plain(SyncFrame.decode(bytes).run)
  assert.deepEqual(plain(decodeRun(framed(concatBytes(unknown, inner)))), decoded)
  assert.deepEqual(plain(decodeRun(framed(concatBytes(inner, unknown)))), decoded)
  for (let cut = 1; cut < Math.min(inner.length, 200); cut++) {
    const rest = inner.subarray(0, inner.length - cut)
    const read = () => plain(decodeRun(framed(rest)))
    // A cut between two fields leaves a message that is whole, and another one.
    try {
      assert.notDeepEqual(read(), decoded)
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error))
    }
  }
  assert.throws(() => decodeNumber(Uint8Array.of(90, 2, 8)), RangeError)
  assert.throws(() => decodeBody(Uint8Array.of(74, 3, 10, 5, 1)), RangeError)
  assert.equal(decodeBody(Uint8Array.of(74, 0)), EMPTY_BYTES)
})

function innerLength(frame: Uint8Array): number {
  let length = 0
  for (let i = 1, scale = 1; ; i++, scale *= 128) {
    length += (frame[i]! & 0x7f) * scale
    if (frame[i]! < 0x80) return length
  }
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { PROTOCOL, utf8, varintLength } from '../../src/base/index.js'
import type {
  BatchId,
  Epoch,
  Heads,
  Hello,
  Message,
  StoreId,
  SyncErrorCode,
  Tip
} from '../../src/log/index.js'
import { authorOf, shortId } from '../../src/log/index.js'
import { creditBytes, SyncDecoder, SyncEncoder } from '../../src/wire/index.js'
import { DATABASE, Seeded } from '../log/fixtures.js'

const seeded = new Seeded(4711)
const hex = (bytes: number): string => Buffer.from(seeded.bytes(bytes)).toString('hex')

function tip(): Tip {
  const id = shortId(hex(32) as BatchId)
  return { author: authorOf(seeded.bytes(32)), epoch: hex(8) as Epoch, seq: 1 + seeded.below(1e9), id }
}

function hello(yours: readonly Tip[]): Hello {
  return {
    type: 'hello',
    protocol: 1,
    database: DATABASE,
    store: hex(8) as StoreId,
    durable: true,
    position: { position: 1_000_000, check: hex(8) },
    cursor: { store: hex(8) as StoreId, position: 1_000_000, check: hex(8) },
    digest: hex(16),
    yours,
    window: PROTOCOL.windowBytes
  }
}

function decoder(): SyncDecoder {
  return new SyncDecoder({ hashes: nodeCrypto, database: DATABASE })
}

function through(messages: readonly Message[], encoder = new SyncEncoder(), reader = decoder()): Message[] {
  return messages
    .flatMap(message => encoder.encode(message))
    .map(frame => {
      assert.ok(frame.length <= PROTOCOL.frameBytes)
      return reader.decode(frame)!
    })
}

test('every small message goes through its frame, on one stream', () => {
  const known = tip()
  const messages: Message[] = [
    hello([known]),
    (({ cursor: _, ...rest }) => ({ ...rest, durable: false }))(hello([])),
    { type: 'heads', tips: [known, tip()], position: { position: 5, check: hex(8) } },
    { type: 'heads', tips: [] },
    { type: 'want', tip: known, have: [tip(), tip()], offset: 0 },
    { type: 'want', tip: tip(), have: [], offset: 4096 },
    { type: 'ack', position: 0 },
    { type: 'ack', position: Number.MAX_SAFE_INTEGER },
    { type: 'credit', bytes: 262_144 },
    { type: 'ping', digest: hex(16), position: { position: 0, check: '0'.repeat(16) } },
    { type: 'err', code: 'NO_COMMON', retryable: true, retryAfterMs: 1500, text: 'none of these', tip: known }
  ]
  assert.deepEqual(through(messages), messages)
  for (const message of messages) {
    for (const frame of new SyncEncoder().encode(message)) assert.equal(creditBytes(frame), 0)
  }
})

test('every error code goes through', () => {
  const codes: SyncErrorCode[] = [
    'NO_COMMON',
    'BUSY',
    'OTHER_DATABASE',
    'OTHER_PROTOCOL',
    'PAUSED',
    'INVALID',
    'UNAVAILABLE'
  ]
  const messages = codes.map(
    code => ({ type: 'err', code, retryable: false, retryAfterMs: 0, text: '' }) as const
  )
  assert.deepEqual(through(messages), messages)
})

test('the text of an ERR is cut between characters', () => {
  const text = 'ü'.repeat(200)
  const [err] = through([{ type: 'err', code: 'BUSY', retryable: true, retryAfterMs: 0, text: `x${text}` }])
  assert.ok(err?.type === 'err')
  assert.equal(utf8(err.text).length, PROTOCOL.errorTextBytes - 1)
})

test('two HELLOs of nodes in sync take at most 512 bytes with their length prefixes', () => {
  for (const tips of [0, 1, 2]) {
    const frames = new SyncEncoder().encode(hello(Array.from({ length: tips }, tip)))
    assert.equal(frames.length, 1)
    const bytes = frames[0]!.length + varintLength(frames[0]!.length)
    if (tips <= 1) assert.ok(2 * bytes <= 512, `${bytes} bytes with ${tips} tips`)
    else assert.ok(bytes < 512)
  }
})

test('an author costs its key once a stream', () => {
  const known = tip()
  const encoder = new SyncEncoder()
  const want: Message = { type: 'want', tip: known, have: [], offset: 0 }
  const first = encoder.encode(want)[0]!.length
  const second = encoder.encode(want)[0]!.length
  assert.equal(first - second, 34)
})

test('a long list of tips takes several frames, and only the last says how far it reaches', () => {
  const tips = Array.from({ length: 2 * PROTOCOL.headsTips + 1 }, tip)
  const position = { position: 9, check: hex(8) }
  const heads = through([{ type: 'heads', tips, position }]) as Heads[]
  assert.deepEqual(
    heads.map(message => [message.tips.length, message.position]),
    [
      [PROTOCOL.headsTips, undefined],
      [PROTOCOL.headsTips, undefined],
      [1, position]
    ]
  )
  assert.deepEqual(
    heads.flatMap(message => message.tips),
    tips
  )
})

test('more authors than a stream numbers begin the dictionary anew', () => {
  const encoder = new SyncEncoder()
  const reader = decoder()
  // A frame that might overfill the dictionary begins it anew, so this is enough.
  const count = PROTOCOL.streamAuthors - PROTOCOL.frameAuthors + 3000
  const tips: Tip[] = []
  const id = shortId(hex(32) as BatchId)
  for (let i = 0; i < count; i++) {
    const key = new Uint8Array(32)
    new DataView(key.buffer).setUint32(0, i)
    tips.push({ author: authorOf(key), epoch: '0123456789abcdef' as Epoch, seq: 1, id })
  }
  const heads = through([{ type: 'heads', tips }], encoder, reader) as Heads[]
  const authors = heads.flatMap(message => message.tips.map(each => each.author))
  assert.equal(authors.length, count)
  assert.ok(authors.every((author, i) => author === tips[i]!.author))
  const again = through([{ type: 'heads', tips: [tips[0]!, tips[count - 1]!] }], encoder, reader) as Heads[]
  assert.deepEqual(again[0]?.tips, [tips[0], tips[count - 1]])
})

test('a message over the bounds of the protocol is not made', () => {
  const many = (count: number): Tip[] => Array.from({ length: count }, tip)
  assert.throws(() => new SyncEncoder().encode(hello(many(PROTOCOL.helloTips + 1))), RangeError)
  const want: Message = { type: 'want', tip: tip(), have: many(PROTOCOL.wantHave + 1), offset: 0 }
  assert.throws(() => new SyncEncoder().encode(want), RangeError)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { isNatterError } from '../../src/base/index.js'
import type { BatchId, Epoch, Message, StoreId } from '../../src/log/index.js'
import {
  decodeBody,
  decodeExtensions,
  decodeHeader,
  encodeBody,
  shortId,
  tipOf
} from '../../src/log/index.js'
import type { TableId } from '../../src/wire/index.js'
import {
  decodeGossip,
  decodePresence,
  encodeGossip,
  encodePresence,
  SyncDecoder,
  SyncEncoder
} from '../../src/wire/index.js'
import { bare, DATABASE, put, Seeded, Writer } from '../log/fixtures.js'

const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_120)
const ROUNDS = 2000

function syncFrames(): Uint8Array[] {
  const [a, b] = [new Writer(1), new Writer(2)]
  const first = a.next()
  const tip = tipOf(first)
  const mark = { position: 300, check: '00112233445566ff' }
  const deps = [{ author: tip.author, epoch: tip.epoch, seq: tip.seq, id: first.id }]
  const unsigned = b.next({ sign: false, deps })
  const messages: Message[] = [
    {
      type: 'hello',
      protocol: 1,
      database: DATABASE,
      store: 'aa'.repeat(8) as StoreId,
      durable: true,
      position: mark,
      cursor: { store: 'bb'.repeat(8) as StoreId, ...mark },
      digest: 'cc'.repeat(16),
      yours: [tip],
      window: 1 << 21
    },
    { type: 'heads', tips: [tip, tipOf(unsigned)], position: mark },
    { type: 'want', tip, have: [tipOf(unsigned)], offset: 7 },
    { type: 'run', batches: [first, a.next(), unsigned], proof: [bare(b.next())], position: mark },
    { type: 'run', batches: [a.next({ body: new Uint8Array(300_000) })], proof: [] },
    { type: 'ack', position: 1 },
    { type: 'credit', bytes: 5 },
    { type: 'ping', digest: 'dd'.repeat(16), position: mark },
    { type: 'err', code: 'NO_COMMON', retryable: true, retryAfterMs: 5, text: 'why', tip }
  ]
  const encoder = new SyncEncoder()
  return messages.flatMap(message => encoder.encode(message))
}

/** A few bytes changed, cut out, repeated or put in. */
function mutated(bytes: Uint8Array, seeded: Seeded): Uint8Array {
  let result = Array.from(bytes)
  for (let i = 0; i <= seeded.below(3); i++) {
    // Mostly near the start, where the structure is.
    const at = seeded.below(Math.min(result.length, seeded.below(2) === 0 ? 80 : result.length) + 1)
    const kind = seeded.below(5)
    if (kind === 0) result[at] = seeded.below(256)
    else if (kind === 1) result[at] = (result[at] ?? 0) ^ (1 << seeded.below(8))
    else if (kind === 2) result.splice(at, 1 + seeded.below(4))
    else if (kind === 3) result.splice(at, 0, ...seeded.bytes(1 + seeded.below(4)))
    else result = result.slice(0, at)
  }
  return Uint8Array.from(result)
}

/** Feeds random and mutated bytes; `read` may throw what `allowed` allows, and nothing else. */
function fuzz(
  name: string,
  samples: readonly Uint8Array[],
  read: (bytes: Uint8Array) => unknown,
  allowed: (error: unknown) => boolean
): void {
  test(`whatever the bytes, ${name} answers or refuses (seed ${seed})`, () => {
    const seeded = new Seeded(seed)
    for (let round = 0; round < ROUNDS; round++) {
      const sample = samples[seeded.below(samples.length)]!
      const short = sample.length > 2000 ? sample.subarray(0, 2000) : sample
      const bytes = seeded.below(4) === 0 ? seeded.bytes(seeded.below(200)) : mutated(short, seeded)
      try {
        read(bytes)
      } catch (error) {
        assert.ok(
          allowed(error),
          `seed ${seed}, round ${round}, ${Buffer.from(bytes).toString('hex')}: ${error}`
        )
      }
    }
  })
}

const isRange = (error: unknown): boolean => error instanceof RangeError
const isProtocol = (error: unknown): boolean => isNatterError(error, 'PROTOCOL_ERROR')

const frames = syncFrames()
const writer = new Writer(3)
const batch = writer.next({
  ops: [
    put('a', 'b'),
    { ...put('c', 'd'), over: [{ batch: shortId('ab'.repeat(32) as BatchId), index: 1 }] }
  ],
  deps: [
    { author: writer.author, epoch: '0000000000000001' as Epoch, seq: 4, id: 'cd'.repeat(32) as BatchId }
  ],
  extensions: [{ type: 5, value: new Uint8Array(3) }]
})

test('the frames that are mutated are well formed', () => {
  const decoder = new SyncDecoder({ hashes: nodeCrypto, database: DATABASE })
  const messages = frames.map(frame => decoder.decode(frame)).filter(message => message !== undefined)
  assert.equal(messages.length, 9)
})

fuzz(
  'a decoder of /sync/ops frames',
  frames,
  bytes => {
    const decoder = new SyncDecoder({ hashes: nodeCrypto, database: DATABASE })
    // The first frames are whole, so that numbers of authors and ends of chains mean something.
    for (const frame of frames.slice(0, 4)) decoder.decode(frame)
    decoder.decode(bytes)
  },
  isProtocol
)

const record = {
  peer: writer.author,
  version: 3,
  name: 'n',
  appName: 'a',
  appVersion: '1',
  capabilities: ['c'],
  addrs: ['/ip4/1.2.3.4/tcp/5']
}
const table = '0011223344556677' as TableId
const presence = [
  ...encodePresence({ type: 'hello', database: DATABASE, table, seen: { table, version: 9 } }),
  ...encodePresence({
    type: 'records',
    table,
    version: 2,
    records: [{ record, signature: new Uint8Array(64) }]
  })
]
fuzz('a decoder of presence frames', presence, decodePresence, isProtocol)
fuzz('a decoder of gossip', [encodeGossip(batch)!], bytes => decodeGossip(bytes, nodeCrypto), isProtocol)
fuzz('a decoder of headers', [batch.headerBytes], decodeHeader, isRange)
fuzz('a decoder of bodies', [batch.body, encodeBody([put('x', 'y')])], bytes => decodeBody(bytes, 2), isRange)
fuzz('a decoder of extensions', [new Uint8Array([1, 2, 3, 4, 9, 0])], decodeExtensions, isRange)

test(`any order of well-formed frames is answered or refused (seed ${seed})`, () => {
  const seeded = new Seeded(seed)
  for (let round = 0; round < 300; round++) {
    const decoder = new SyncDecoder({ hashes: nodeCrypto, database: DATABASE })
    try {
      for (let i = 0; i < 12; i++) decoder.decode(frames[seeded.below(frames.length)]!)
    } catch (error) {
      assert.ok(isProtocol(error), `seed ${seed}, round ${round}: ${error}`)
    }
  }
})

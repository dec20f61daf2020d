/** Decoders of what peers send: frames of both protocols, runs with their signatures, gossip. */
import { nodeCrypto } from '../../../src/base/crypto-node.js'
import { concatBytes, PROTOCOL } from '../../../src/base/index.js'
import type { BatchId, Message, StoreId } from '../../../src/log/index.js'
import { tipOf } from '../../../src/log/index.js'
import type { PresenceMessage, TableId } from '../../../src/wire/index.js'
import {
  checkRun,
  checkSignature,
  decodeGossip,
  decodePresence,
  encodeGossip,
  encodePresence,
  SyncDecoder,
  SyncEncoder
} from '../../../src/wire/index.js'
import { bare, DATABASE, Writer } from '../../log/fixtures.js'
import type { Target } from '../target.js'
import { again, byCode, holds, sameBytes, sameMeaning } from '../target.js'
import { batches } from './log.js'

const protocolError = byCode('PROTOCOL_ERROR')
const [a, b] = [new Writer(1), new Writer(2)]
const first = a.next()
const tip = tipOf(first)
const mark = { position: 300, check: '00112233445566ff' }
const deps = [{ author: tip.author, epoch: tip.epoch, seq: tip.seq, id: first.id }]
const unsigned = b.next({ sign: false, deps })
const second = a.next()
const proof = b.next()
const large = a.next({ body: new Uint8Array(300_000) })

export const messages: readonly Message[] = [
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
  { type: 'run', batches: [first, second, unsigned], proof: [bare(proof)], position: mark },
  { type: 'run', batches: [large], proof: [] },
  { type: 'ack', position: 1 },
  { type: 'credit', bytes: 5 },
  { type: 'ping', digest: 'dd'.repeat(16), position: mark },
  { type: 'err', code: 'NO_COMMON', retryable: true, retryAfterMs: 5, text: 'why', tip }
]
const encoder = new SyncEncoder()
export const frames = messages.flatMap(message => encoder.encode(message))
/** With these before it a frame's numbers of authors and ends of chains mean something. */
const primers = frames.slice(0, 4)
const signedIds = new Set<BatchId>([first, second, unsigned, large].map(batch => batch.id))

/** Messages are the same but for signatures, which are left out where another one covers. */
function bareMessage(message: Message): unknown {
  if (message.type !== 'run') return message
  const ids = message.batches.map(batch => [batch.id, [...batch.headerBytes], [...batch.body]])
  return { ...message, batches: ids, proof: [] }
}

function readAgain(message: Message): void {
  // A run that ends unsigned cannot be sent; what was read of it is judged by `checkRun`.
  if (message.type === 'run') return
  const writer = new SyncEncoder()
  const reader = new SyncDecoder({ hashes: nodeCrypto, database: DATABASE })
  let got: Message | undefined
  for (const frame of again(() => writer.encode(message))) got = again(() => reader.decode(frame))
  holds(got !== undefined, 'written again it is no message')
  sameMeaning(bareMessage(got), bareMessage(message))
}

const sync: Target = {
  name: 'sync-frame',
  seeds: frames.map(frame => frame.subarray(0, 4000)),
  weight: 3,
  refuses: protocolError,
  read(bytes) {
    const decoder = new SyncDecoder({ hashes: nodeCrypto, database: DATABASE })
    for (const frame of primers) decoder.decode(frame)
    const message = decoder.decode(bytes)
    holds(decoder.stagedBytes <= PROTOCOL.runBytes + bytes.length, 'more is staged than was sent')
    decoder.partial()
    if (message === undefined) return 'nothing yet'
    readAgain(message)
    return message.type
  }
}

/** Several frames, each behind two bytes of its length, as one stream: order and state are what is mutated. */
const stream: Target = {
  name: 'sync-stream',
  seeds: [joined(frames), joined([frames[0]!, frames[3]!, frames[3]!]), joined(frames.slice(3).reverse())],
  refuses: protocolError,
  read(bytes) {
    const decoder = new SyncDecoder({ hashes: nodeCrypto, database: DATABASE })
    let count = 0
    for (let at = 0; at + 2 <= bytes.length; ) {
      const length = bytes[at]! * 256 + bytes[at + 1]!
      if (decoder.decode(bytes.subarray(at + 2, at + 2 + length)) !== undefined) count++
      decoder.takeLarge()
      at += 2 + length
    }
    return `${Math.min(9, count)} messages`
  }
}

function joined(list: readonly Uint8Array[]): Uint8Array {
  const short = list.filter(frame => frame.length < 4000)
  return concatBytes(
    ...short.flatMap(frame => [new Uint8Array([frame.length >> 8, frame.length & 255]), frame])
  )
}

/** Nothing but what its author signed comes through, whatever is done to a RUN. */
const run: Target = {
  name: 'run',
  seeds: [frames[3]!],
  refuses: protocolError,
  async read(bytes) {
    const decoder = new SyncDecoder({ hashes: nodeCrypto, database: DATABASE })
    for (const frame of primers.slice(0, 3)) decoder.decode(frame)
    const message = decoder.decode(bytes)
    if (message?.type !== 'run') return 'no run'
    await checkRun(message, nodeCrypto)
    for (const batch of message.batches) holds(signedIds.has(batch.id), `batch ${batch.id} was never signed`)
    return `${Math.min(5, message.batches.length)} batches`
  }
}

const table = '0011223344556677' as TableId
const record = {
  peer: a.author,
  version: 3,
  name: 'n',
  appName: 'a',
  appVersion: '1',
  capabilities: ['c'],
  addrs: ['/ip4/1.2.3.4/tcp/5']
}
const presenceSeeds: readonly PresenceMessage[] = [
  { type: 'hello', database: DATABASE, table, seen: { table, version: 9 } },
  { type: 'hello', database: DATABASE, table },
  { type: 'records', table, version: 2, records: [{ record, signature: new Uint8Array(64) }] },
  { type: 'records', table, version: 7, records: [] }
]

const presence: Target = {
  name: 'presence',
  seeds: presenceSeeds.flatMap(message => encodePresence(message)),
  weight: 2,
  refuses: protocolError,
  read(bytes) {
    const message = decodePresence(bytes)
    if (message === undefined) return 'skipped'
    const written = again(() => encodePresence(message))
    if (message.type === 'records' && message.version === undefined) return 'part of the records'
    sameMeaning(
      again(() => decodePresence(written.at(-1)!)),
      message
    )
    return message.type
  }
}

const gossip: Target = {
  name: 'gossip',
  seeds: batches.flatMap(batch => encodeGossip(batch) ?? []),
  refuses: protocolError,
  async read(bytes) {
    const batch = decodeGossip(bytes, nodeCrypto)
    if (batch === undefined) return 'ignored'
    sameBytes(
      again(() => encodeGossip(batch) ?? new Uint8Array(0)),
      bytes
    )
    const signed = await checkSignature(batch, nodeCrypto)
    holds(!signed || batches.some(known => known.id === batch.id), 'a batch that nobody signed')
    return signed ? 'signed' : 'unsigned'
  }
}

export const wireTargets: readonly Target[] = [sync, stream, run, presence, gossip]

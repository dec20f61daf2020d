/**
 * Makes the golden vectors under `protocols/vectors`: `node dist/scripts/vectors.js` writes those that are missing, with
 * `--overwrite` all of them. Formats do not change, so overwriting is for new cases; the tests say what no longer fits.
 *
 * Everything follows from fixed seeds. Bytes are hexadecimal text.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeCrypto, nodeSigner } from '../src/base/crypto-node.js'
import { fromHex, toHex, utf8 } from '../src/base/index.js'
import {
  logKey as deliveryLogKey,
  idKey,
  orderedKey,
  queueKey,
  SPACE,
  stateKey,
  statusKey,
  TOTALS_KEY,
  targetKey
} from '../src/delivery/keys.js'
import { encodeLog, encodeSeq, encodeState, encodeTarget, encodeTotals } from '../src/delivery/records.js'
import type { BareHeader, Batch, BatchId, Message, OpName, StoreId, Tip } from '../src/log/index.js'
import {
  authorOf,
  clientIdHash,
  clientMarkOf,
  databaseIdOf,
  encodeExtensions,
  Frontier,
  formatOpId,
  formatTime,
  identityOf,
  merkleRoot,
  peerIdOf,
  StateDigest,
  shortId,
  stateHash,
  tipOf
} from '../src/log/index.js'
import type { PresenceFields, PresenceMessage, SignedPresence, TableId } from '../src/wire/index.js'
import { encodeGossip, encodePresence, presenceSigningBytes, SyncEncoder } from '../src/wire/index.js'
import * as delivery from '../test/delivery/fixtures.js'
import {
  alice,
  at,
  batchCase,
  bob,
  bodyRefused,
  database,
  del,
  epoch,
  first,
  headerRefused,
  made,
  other,
  put,
  second,
  seeds,
  third,
  withId,
  writerTime
} from './vector-batches.js'

const DIRECTORY = join('protocols', 'vectors')

/** Bytes become hexadecimal text; what is undefined is left out. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(entries.map(([name, field]) => [name, plain(field)]))
}

function recordCase<T>(
  key: Uint8Array,
  record: T,
  encode: (key: Uint8Array, record: T, hashes: typeof nodeCrypto) => Uint8Array
): { key: Uint8Array; record: T; value: Uint8Array } {
  return { key, record, value: encode(key, record, nodeCrypto) }
}

function write(name: string, about: string, cases: Record<string, unknown>): void {
  const file = join(DIRECTORY, `${name}.json`)
  if (existsSync(file) && !process.argv.includes('--overwrite')) return
  const text = JSON.stringify(plain({ about, ...cases }), undefined, 1)
  writeFileSync(file, `${text}\n`)
  console.log(file)
}

// Names and times

const opNames: OpName[] = [
  { author: authorOf(alice.publicKey), epoch, seq: 1, index: 0 },
  { author: authorOf(bob.publicKey), epoch, seq: 4_294_967_296, index: 65_535, branch: '0123abcd' }
]
const times = [at(0), { ms: 0, counter: 1 }, { ms: 2 ** 48 - 1, counter: 65_535 }]

// Client ids

const clientCases = [
  { id: 'order-7', number: 0, op: put('order', '{"n":7}') },
  { id: 'order-7', number: 300, op: del('order', [{ seq: 1, index: 0 }]) },
  { id: 'ü'.repeat(128), number: 1, op: put('k', '') }
].map(({ id, number, op }) => {
  const extension = withId(id, number)
  const marked = { ...op, extensions: [extension] }
  const identity = identityOf(marked, clientMarkOf(marked, nodeCrypto)!, nodeCrypto)
  return { id, number, extension, idHash: clientIdHash(id, nodeCrypto), op: marked, identity }
})

// Digests

const frontiers = [[], [first], [first, other], made.map(({ batch }) => batch)].map(batches => {
  const frontier = new Frontier()
  for (const batch of batches) frontier.apply(batch)
  return {
    applied: batches.map(batch => batch.id),
    tips: [...frontier].map(tip => tip.id).sort(),
    digest: frontier.digest(nodeCrypto)
  }
})
const heads = [
  { key: utf8('name'), batch: shortId(third.id), index: 2 },
  { key: utf8('a'), batch: shortId(other.id), index: 0 },
  { key: new Uint8Array(200).fill(7), batch: shortId(first.id), index: 65_535 }
]
const stateDigest = new StateDigest()
const hashedHeads = heads.map(({ key, batch, index }) => {
  const hash = stateHash(key, batch, index, nodeCrypto)
  stateDigest.add(hash)
  return { key, batch, index, hash }
})

// Frames

const bare = ({ header, headerBytes, id, signature }: Batch): BareHeader =>
  signature === undefined ? { header, headerBytes, id } : { header, headerBytes, id, signature }
const mark = { position: 1234, check: '00112233445566ff' }
const store = 'aabbccddeeff0011' as StoreId
const tip: Tip = tipOf(third)
const messages: Message[] = [
  {
    type: 'hello',
    protocol: 1,
    database,
    store,
    durable: true,
    position: mark,
    cursor: { store: '1100ffeeddccbbaa' as StoreId, position: 99, check: 'ffeeddccbbaa9988' },
    digest: frontiers[2]!.digest,
    yours: [tip],
    window: 2_097_152
  },
  { type: 'heads', tips: [tip, tipOf(other)], position: mark },
  { type: 'want', tip, have: [tipOf(first)], offset: 0 },
  { type: 'run', batches: [first], proof: [], position: { position: 1, check: '0101010101010101' } },
  { type: 'run', batches: [second], proof: [bare(third)] },
  { type: 'run', batches: [third, other, made[4]!.batch, made[5]!.batch], proof: [], position: mark },
  // With an offset the body travels in BODY frames, however small it is.
  { type: 'run', batches: [first], proof: [], offset: 0 },
  { type: 'ack', position: 1234 },
  { type: 'credit', bytes: 262_144 },
  { type: 'ping', digest: frontiers[0]!.digest, position: { position: 0, check: '0000000000000000' } },
  { type: 'err', code: 'NO_COMMON', retryable: true, retryAfterMs: 1000, text: 'none of these is here', tip },
  { type: 'err', code: 'BUSY', retryable: true, retryAfterMs: 5000, text: '' }
]
const nameOf = new Map<BatchId, string>(made.map(({ name, batch }) => [batch.id, name]))
const encoder = new SyncEncoder()
const sync = messages.map(message => {
  const frames = encoder.encode(message)
  if (message.type !== 'run') return { message, frames }
  const { type, batches, proof, position, offset } = message
  const named = (list: readonly BareHeader[]) => list.map(item => nameOf.get(item.id))
  return { message: { type, batches: named(batches), proof: named(proof), position, offset }, frames }
})

// Presence

const record: PresenceFields = {
  peer: authorOf(alice.publicKey),
  version: 1_700_000_000_001,
  name: 'till 1 ü',
  appName: 'shop',
  appVersion: '1.2.3',
  capabilities: ['print', 'scan'],
  addrs: ['/ip4/192.168.1.7/tcp/4001', '/dns4/till-1.example/tcp/4001']
}
const least: PresenceFields = {
  peer: authorOf(bob.publicKey),
  version: 1,
  name: '',
  appName: '',
  appVersion: '',
  capabilities: [],
  addrs: []
}
const signedBy = (fields: PresenceFields, signer: typeof alice): SignedPresence => ({
  record: fields,
  signature: signer.sign(presenceSigningBytes(fields)) as Uint8Array
})
const signedRecords = [signedBy(record, alice), signedBy(least, bob)]
const table = '0123456789abcdef' as TableId
const presenceMessages: PresenceMessage[] = [
  { type: 'hello', database, table },
  { type: 'hello', database, table, seen: { table: 'fedcba9876543210' as TableId, version: 70_000 } },
  { type: 'records', table, version: 3, records: signedRecords },
  { type: 'records', table, version: 4, records: [] }
]

mkdirSync(DIRECTORY, { recursive: true })
write('names', 'Database ids, authors and their peer ids, op ids, hybrid times as text.', {
  databases: ['default', '', 'lager ü'].map(network => ({ network, id: databaseIdOf(network, nodeCrypto) })),
  authors: Object.values(seeds).map(seed => {
    const { publicKey } = nodeSigner(seed)
    return { seed, publicKey, peerId: peerIdOf(authorOf(publicKey)) }
  }),
  opIds: opNames.map(name => ({ ...name, text: formatOpId(name) })),
  times: times.map(time => ({ ...time, text: formatTime(time) }))
})
write('extensions', 'Extension blocks.', {
  blocks: [
    { extensions: [], bytes: new Uint8Array(0) },
    ...[[writerTime], [withId('order-7', 0), writerTime], [{ type: 2 ** 40, value: new Uint8Array(0) }]].map(
      extensions => ({ extensions, bytes: encodeExtensions(extensions) })
    )
  ],
  refused: [
    { why: 'cut off', bytes: fromHex('0102ff') },
    { why: 'type 0', bytes: fromHex('0000') },
    { why: 'a type twice', bytes: fromHex('01000100') },
    { why: 'not sorted', bytes: fromHex('02000100') }
  ]
})
write('merkle', 'Merkle roots. Byte i of each body is i modulo 251.', {
  bodies: [0, 1, 4095, 4096, 4097, 8192, 12_289, 20_480, 65_537].map(length => ({
    length,
    root: merkleRoot(
      Uint8Array.from({ length }, (_, i) => i % 251),
      nodeCrypto
    )
  }))
})
write('batch', 'Batches: ops, body, header, id, and the signature of the author with that seed.', {
  batches: made.map(batchCase),
  headerRefused,
  bodyRefused
})
write('client-id', 'Client ids: the extension that carries one, and the identity of the op.', {
  ops: clientCases
})
write('digests', 'The frontier digest of applied batches (batch.json), and the state digest of heads.', {
  frontiers,
  state: { heads: hashedHeads, digest: stateDigest.hex(), empty: new StateDigest().hex() }
})
write(
  'sync-ops',
  'Frames of one direction of a /sync/ops stream, in order, without length prefixes. Batches by their names in batch.json; a signature that a later one in the same RUN covers does not travel.',
  {
    database,
    stream: sync,
    skipped: ['a2010568656c6c6f'],
    refused: [
      { why: 'an unknown odd type', frame: '9a010568656c6c6f' },
      { why: 'two fields', frame: '5a0208015a020801' },
      { why: 'no bytes', frame: '' }
    ]
  }
)
write('gossip', 'Gossip messages. Batches by their names in batch.json.', {
  messages: made
    .map(({ name, batch }) => ({ batch: name, bytes: encodeGossip(batch) }))
    .filter(({ bytes }) => bytes !== undefined),
  ignored: ['02ff', `010102${'00'.repeat(64)}`]
})
write('sync-presence', 'Presence records with their signing bytes, and frames of /sync/presence.', {
  records: signedRecords.map(({ record: fields, signature }, i) => ({
    seed: Object.values(seeds)[i],
    record: fields,
    signingBytes: presenceSigningBytes(fields),
    signature
  })),
  messages: presenceMessages.map(message => ({ message, frames: encodePresence(message) }))
})

const recordKeys = {
  log: deliveryLogKey(7),
  state: stateKey(7),
  target: targetKey('/inbox'),
  id: idKey('an id')
}
write(
  'delivery',
  'Records of the delivery outbox with their keys, and keys of its indexes. Payloads are bytes.',
  {
    log: delivery.logs.map(record => recordCase(recordKeys.log, record, encodeLog)),
    state: delivery.states.map(record => recordCase(recordKeys.state, record, encodeState)),
    target: delivery.targets.map(record => recordCase(recordKeys.target, record, encodeTarget)),
    id: [recordCase(recordKeys.id, 7, encodeSeq)],
    totals: [recordCase(TOTALS_KEY, delivery.totals, encodeTotals)],
    keys: {
      due: orderedKey(SPACE.due, 1_700_000_000_500, 7),
      finished: orderedKey(SPACE.finished, 1_700_000_000_000, 7),
      held: orderedKey(SPACE.held, 1_700_000_000_000, 7),
      next: orderedKey(SPACE.next, 12, 7),
      queue: queueKey('/inbox', 7),
      status: statusKey('failed', 7)
    }
  }
)

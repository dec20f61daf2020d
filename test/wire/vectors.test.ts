import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import { fromHex, isNatterError, toHex } from '../../src/base/index.js'
import type { BareHeader, Batch, DatabaseId, Mark, Message, Run } from '../../src/log/index.js'
import type { PresenceFields, PresenceMessage, SignedPresence } from '../../src/wire/index.js'
import {
  decodeGossip,
  decodePresence,
  encodeGossip,
  encodePresence,
  presenceSigningBytes,
  SyncDecoder,
  SyncEncoder
} from '../../src/wire/index.js'
import { batchesByName, vectors } from '../log/vectors.js'

const batches = batchesByName()
const breaks = (error: unknown): boolean => isNatterError(error, 'PROTOCOL_ERROR')

interface RunCase {
  type: 'run'
  batches: string[]
  proof: string[]
  position?: Mark
  offset?: number
}

function bareOf({ header, headerBytes, id, signature }: Batch): BareHeader {
  return signature === undefined ? { header, headerBytes, id } : { header, headerBytes, id, signature }
}

function messageOf(vector: Exclude<Message, Run> | RunCase): Message {
  if (vector.type !== 'run') return vector
  return {
    ...vector,
    batches: vector.batches.map(name => batches.get(name)!),
    proof: vector.proof.map(name => bareOf(batches.get(name)!))
  }
}

/** A run as it arrives: without the offset, and without signatures that a later one covers. */
function arrived(message: Message): unknown {
  if (message.type !== 'run') return message
  const { type, position } = message
  const strip = ({ header, headerBytes, id }: BareHeader) => ({ header, headerBytes, id })
  const run = {
    type,
    batches: message.batches.map(batch => ({ ...strip(batch), body: batch.body })),
    proof: message.proof.map(strip)
  }
  return position === undefined ? run : { ...run, position }
}

const sync = vectors<{
  database: DatabaseId
  stream: { message: Exclude<Message, Run> | RunCase; frames: string[] }[]
  skipped: string[]
  refused: { why: string; frame: string }[]
}>('sync-ops')

test('the frames of a stream are what its messages encode to', () => {
  const encoder = new SyncEncoder()
  for (const { message, frames } of sync.stream) {
    assert.deepEqual(encoder.encode(messageOf(message)).map(toHex), frames, message.type)
  }
})

test('the frames of a stream decode to its messages', () => {
  const decoder = new SyncDecoder({ hashes: nodeCrypto, database: sync.database })
  for (const { message, frames } of sync.stream) {
    const decoded = frames.map(frame => decoder.decode(fromHex(frame)))
    const last = decoded.pop()
    assert.deepEqual(
      decoded,
      decoded.map(() => undefined)
    )
    assert.ok(last !== undefined)
    assert.deepEqual(arrived(last), arrived(messageOf(message)))
  }
})

test('frames that are skipped, and frames that are refused', () => {
  const decoder = new SyncDecoder({ hashes: nodeCrypto, database: sync.database })
  for (const frame of sync.skipped) assert.equal(decoder.decode(fromHex(frame)), undefined)
  for (const { why, frame } of sync.refused) assert.throws(() => decoder.decode(fromHex(frame)), breaks, why)
})

test('gossip messages', () => {
  const { messages, ignored } = vectors<{ messages: { batch: string; bytes: string }[]; ignored: string[] }>(
    'gossip'
  )
  for (const { batch, bytes } of messages) {
    assert.equal(toHex(encodeGossip(batches.get(batch)!)!), bytes)
    assert.deepEqual(decodeGossip(fromHex(bytes), nodeCrypto), batches.get(batch))
  }
  for (const bytes of ignored) assert.equal(decodeGossip(fromHex(bytes), nodeCrypto), undefined)
})

test('presence records and frames', async () => {
  const { records, messages } = vectors<{
    records: { seed: string; record: PresenceFields; signingBytes: string; signature: string }[]
    messages: { message: PresenceMessage; frames: string[] }[]
  }>('sync-presence')
  for (const { seed, record, signingBytes, signature } of records) {
    assert.equal(toHex(presenceSigningBytes(record)), signingBytes)
    assert.equal(toHex(await nodeSigner(fromHex(seed)).sign(fromHex(signingBytes))), signature)
  }
  for (const { message, frames } of messages) {
    const value = presenceOf(message)
    assert.deepEqual(encodePresence(value).map(toHex), frames)
    assert.deepEqual(
      frames.map(frame => decodePresence(fromHex(frame))),
      [value]
    )
  }
})

function presenceOf(message: PresenceMessage): PresenceMessage {
  if (message.type === 'hello') return message
  const records = message.records.map(({ record, signature }): SignedPresence => {
    return { record, signature: fromHex(signature as unknown as string) }
  })
  return { ...message, records }
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { ByteWriter, isNatterError } from '../../src/base/index.js'
import type { Batch, Message, Run } from '../../src/log/index.js'
import type { Entry } from '../../src/wire/generated/sync-ops.js'
import { SyncFrame } from '../../src/wire/generated/sync-ops.js'
import { SyncDecoder, SyncEncoder } from '../../src/wire/index.js'
import { DATABASE, Writer } from '../log/fixtures.js'

const breaks = (error: unknown): boolean => isNatterError(error, 'PROTOCOL_ERROR')

function decoder(): SyncDecoder {
  return new SyncDecoder({ hashes: nodeCrypto, database: DATABASE })
}

/** The frames of a run with what a later version may do to its entries. */
function changed(batches: readonly Batch[], change: (entries: Entry[]) => void): Uint8Array {
  const [frame] = new SyncEncoder().encode({ type: 'run', batches, proof: [] })
  const fields = SyncFrame.decode(frame!)
  change(fields.run!.batches)
  return SyncFrame.encode(fields)
}

const idsOf = (message: Message | undefined): string[] => (message as Run).batches.map(batch => batch.id)

test('a batch of a format that is not known is left out, and what has full fields is read', () => {
  const [a, b] = [new Writer(1), new Writer(2)]
  const [first, second, other] = [a.next(), a.next(), b.next()]
  const frame = changed([first, second, other], entries => {
    entries[1]!.format = 2
    entries[1]!.extensions = new Uint8Array([9, 9, 9])
  })
  const message = decoder().decode(frame)
  assert.deepEqual(idsOf(message), [first.id, other.id])
  assert.deepEqual((message as Run).skipped, [first.header.author], 'and it is said that it was')
})

test('nothing continues a batch of a format that is not known', () => {
  const writer = new Writer(1)
  const batches = [writer.next(), writer.next(), writer.next()]
  const frame = changed(batches, entries => {
    entries[1]!.format = 2
  })
  assert.throws(() => decoder().decode(frame), breaks)
})

test('the body of a large batch of a format that is not known is counted and dropped', () => {
  const writer = new Writer(1)
  const large = writer.next({ body: new Uint8Array(400_000).fill(3) })
  const encoder = new SyncEncoder()
  const frames = encoder.encode({ type: 'run', batches: [large], proof: [] })
  const fields = SyncFrame.decode(frames[0]!)
  fields.run!.batches[0]!.format = 7
  const reader = decoder()
  assert.equal(reader.decode(SyncFrame.encode(fields)), undefined)
  assert.equal(reader.partial(), undefined)
  const messages = frames.slice(1).map(frame => reader.decode(frame))
  assert.deepEqual(messages.pop(), { type: 'run', batches: [], proof: [], skipped: [large.header.author] })
  assert.ok(messages.every(message => message === undefined))
  const other = new Writer(2).next()
  const [next] = encoder.encode({ type: 'run', batches: [other], proof: [] })
  assert.deepEqual(idsOf(reader.decode(next!)), [other.id])
})

test('format 1 may be named', () => {
  const batch = new Writer(1).next()
  const frame = changed([batch], entries => {
    entries[0]!.format = 1
  })
  assert.deepEqual(idsOf(decoder().decode(frame)), [batch.id])
})

test('fields that a later version adds are ignored', () => {
  const [frame] = new SyncEncoder().encode({ type: 'ack', position: 7 })
  const inner = new ByteWriter()
    .bytes(frame!.subarray(2))
    .varint(30 << 3)
    .varint(5)
    .finish()
  const grown = new ByteWriter().u8(frame![0]!).block(inner).finish()
  assert.deepEqual(decoder().decode(grown), { type: 'ack', position: 7 })
})

test('what a sender remembers of authors is bounded, and both ends forget alike', () => {
  const encoder = new SyncEncoder()
  const reader = decoder()
  // More than are remembered, twice over: by then the first are forgotten and come with full fields.
  const writers = Array.from({ length: 300 }, (_, i) => new Writer((i % 250) + 1))
  for (const [i, writer] of writers.entries()) writer.restart(i.toString(16).padStart(16, '0'))
  for (let round = 0; round < 2; round++) {
    const batches = writers.map(writer => writer.next())
    const got = encoder
      .encode({ type: 'run', batches, proof: [] })
      .map(frame => reader.decode(frame))
      .filter(message => message !== undefined)
    assert.deepEqual(
      got.flatMap(idsOf),
      batches.map(batch => batch.id)
    )
  }
})

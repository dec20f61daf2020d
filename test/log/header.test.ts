import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { FORMAT, fromHex, toHex } from '../../src/base/index.js'
import type { BatchHeader, BatchId, Dep, Epoch } from '../../src/log/index.js'
import {
  authorOf,
  batchIdOfHeader,
  bodyFits,
  checkHeader,
  compareDeps,
  decodeHeader,
  encodeHeader,
  headerVersion,
  makeBatch,
  NO_BATCH,
  signedMessage,
  tipOf
} from '../../src/log/index.js'
import { DATABASE, Seeded, Writer } from './fixtures.js'

const id = (digit: string): BatchId => digit.repeat(64) as BatchId
const writer = new Writer(1)
const base: BatchHeader = {
  database: DATABASE,
  author: writer.author,
  epoch: '6500000000000001' as Epoch,
  seq: 2,
  previous: id('a'),
  root: new Uint8Array(32).fill(7),
  opCount: 3,
  bodyLength: 99,
  time: { ms: 1_700_000_000_123, counter: 5 },
  deps: [],
  extensions: []
}
const dep = (author: number, seq: number): Dep => ({
  author: authorOf(new Uint8Array(32).fill(author)),
  epoch: '6400000000000000' as Epoch,
  seq,
  id: id('b')
})

/** The header with bytes changed at an offset. */
function patched(header: BatchHeader, offset: number, hex: string): Uint8Array {
  const bytes = encodeHeader(header).slice()
  bytes.set(fromHex(hex), offset)
  return bytes
}

test('a header goes through its bytes', () => {
  const headers: BatchHeader[] = [
    base,
    { ...base, seq: 1, previous: NO_BATCH, opCount: 0, bodyLength: 0 },
    { ...base, deps: [dep(1, 1), dep(1, 2), dep(2, 1)] },
    {
      ...base,
      extensions: [
        { type: 1, value: new Uint8Array(0) },
        { type: 2 ** 40, value: new Uint8Array([1]) }
      ]
    },
    {
      ...base,
      seq: Number.MAX_SAFE_INTEGER,
      opCount: FORMAT.batchOps,
      bodyLength: FORMAT.bodyBytes,
      time: { ms: 2 ** 48 - 1, counter: 65_535 },
      deps: Array.from({ length: FORMAT.deps }, (_, i) => dep(1, i + 1)),
      extensions: [{ type: 1, value: new Uint8Array(FORMAT.headerExtensionBytes - 3) }]
    }
  ]
  for (const header of headers) {
    const bytes = encodeHeader(header)
    assert.deepEqual(decodeHeader(bytes), header)
    assert.equal(headerVersion(bytes), 1)
    assert.ok(bytes.length <= 84 * 1024)
  }
})

test('random headers are canonical: what decodes encodes to the same bytes', () => {
  const seed = 1_984
  const seeded = new Seeded(seed)
  for (let round = 0; round < 200; round++) {
    const deps = Array.from({ length: seeded.below(6) }, () => ({
      author: authorOf(seeded.bytes(32)),
      epoch: toHex(seeded.bytes(8)) as Epoch,
      seq: 1 + seeded.below(2 ** 32),
      id: toHex(seeded.bytes(32)) as BatchId
    })).sort(compareDeps)
    let type = 0
    const extensions = Array.from({ length: seeded.below(4) }, () => {
      type += 1 + seeded.below(300)
      return { type, value: seeded.bytes(seeded.below(40)) }
    })
    const header: BatchHeader = {
      ...base,
      epoch: toHex(seeded.bytes(8)) as Epoch,
      seq: 2 + seeded.below(2 ** 40),
      root: seeded.bytes(32),
      opCount: seeded.below(FORMAT.batchOps + 1),
      bodyLength: seeded.below(FORMAT.bodyBytes + 1),
      time: { ms: seeded.below(2 ** 48), counter: seeded.below(2 ** 16) },
      deps,
      extensions
    }
    const bytes = encodeHeader(header)
    const decoded = decodeHeader(bytes)
    assert.deepEqual(decoded, header, `seed ${seed}, round ${round}`)
    assert.deepEqual(encodeHeader(decoded), bytes, `seed ${seed}, round ${round}`)
  }
})

// Offsets of the fixed layout: version 0, flags 1, database 2, author 34, epoch 66, seq 74, previous 82, root 114,
// ops 146, body length 150, time 154, counter 160, number of deps 162, deps 164, then the extension block.
const WITH_DEPS = { ...base, deps: [dep(1, 1), dep(2, 1)] }
const WITH_EXTENSION = { ...base, extensions: [{ type: 1, value: new Uint8Array([9]) }] }
const REJECTED: Record<string, Uint8Array> = {
  'no bytes': new Uint8Array(0),
  'another format version': patched(base, 0, '02'),
  'a reserved flag': patched(base, 1, '01'),
  'a byte too few': encodeHeader(base).subarray(0, -1),
  'a byte too many': new Uint8Array([...encodeHeader(base), 0]),
  'seq 0': patched(base, 74, '0000000000000000'),
  'seq above 2^53 - 1': patched(base, 74, '0020000000000000'),
  'seq 1 with a previous batch': patched(base, 74, '0000000000000001'),
  'seq 2 without a previous batch': patched(base, 82, '00'.repeat(32)),
  'more than 65,536 ops': patched(base, 146, '00010001'),
  'a body above 8 MiB': patched(base, 150, '00800001'),
  'more than 1,024 deps': patched(base, 162, '0401'),
  'deps that are not there': patched(base, 162, '0001'),
  'deps out of order': patched(WITH_DEPS, 164, '03'.repeat(32)),
  'a dep twice': patched(WITH_DEPS, 164 + 80, '01'.repeat(32)),
  'a dep with seq 0': patched(WITH_DEPS, 164 + 40, '0000000000000000'),
  'a dep on itself': patched(
    { ...base, deps: [{ author: base.author, epoch: base.epoch, seq: 1, id: id('b') }] },
    164 + 40,
    '0000000000000002'
  ),
  'an extension block above 1 KiB': patched(base, 164, '0401'),
  'an extension block that is cut off': patched(WITH_EXTENSION, 166, '0102'),
  'an extension of type 0': patched(WITH_EXTENSION, 166, '00'),
  'an extension type in more bytes than it needs': patched(WITH_EXTENSION, 166, '810000')
}

for (const [name, bytes] of Object.entries(REJECTED)) {
  test(`a header is refused: ${name}`, () => assert.throws(() => decodeHeader(bytes), RangeError))
}

test('a header put together from parts is held to the same rules', () => {
  const wrong: Partial<BatchHeader>[] = [
    { seq: 0 },
    { seq: 1.5 },
    { seq: 2 ** 53 },
    { previous: NO_BATCH },
    { opCount: FORMAT.batchOps + 1 },
    { bodyLength: FORMAT.bodyBytes + 1 },
    { time: { ms: 2 ** 48, counter: 0 } },
    { time: { ms: 0, counter: 2 ** 16 } },
    { deps: [dep(2, 1), dep(1, 1)] },
    { deps: [dep(1, 1), dep(1, 1)] },
    { deps: Array.from({ length: FORMAT.deps + 1 }, (_, i) => dep(1, i + 1)) }
  ]
  checkHeader(base)
  for (const change of wrong) assert.throws(() => checkHeader({ ...base, ...change }), RangeError)
  const extensions = [{ type: 1, value: new Uint8Array(FORMAT.headerExtensionBytes) }]
  assert.throws(() => encodeHeader({ ...base, extensions }), RangeError)
  assert.throws(() => encodeHeader({ ...base, root: new Uint8Array(31) }), RangeError)
})

test('a dep on an earlier batch of the own epoch, and on an own older epoch, is a dep', () => {
  const own = { author: base.author, epoch: base.epoch, seq: 1, id: id('b') }
  checkHeader({ ...base, deps: [own] })
  checkHeader({ ...base, deps: [{ ...own, epoch: '6400000000000000' as Epoch, seq: 99 }] })
})

test('the id is the hash of the header; the signature is over a domain and the header', async () => {
  const batch = writer.next()
  assert.equal(batch.id, toHex(nodeCrypto.sha256(batch.headerBytes)))
  assert.equal(batch.id, batchIdOfHeader(encodeHeader(batch.header), nodeCrypto))
  assert.deepEqual(tipOf(batch), {
    author: writer.author,
    epoch: writer.epoch,
    seq: 1,
    id: batch.id.slice(0, 32)
  })
  const message = signedMessage(batch.headerBytes)
  assert.equal(Buffer.from(message.subarray(0, 15)).toString('latin1'), 'natter/batch/1\0')
  assert.ok(nodeCrypto.verify(writer.signer.publicKey, message, batch.signature!))
})

test('a body fits its header, and no other does', () => {
  const { header, body } = writer.next()
  assert.ok(bodyFits(header, body, nodeCrypto))
  const other = body.slice()
  other[0]! ^= 1
  assert.ok(!bodyFits(header, other, nodeCrypto))
  assert.ok(!bodyFits(header, body.subarray(1), nodeCrypto))
  const { root: _, bodyLength: __, ...fields } = header
  assert.throws(() => makeBatch(fields, new Uint8Array(FORMAT.bodyBytes + 1), nodeCrypto), RangeError)
})

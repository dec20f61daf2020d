/**
 * The batches that the golden vectors are about: one after the other, so that later ones name earlier ones. Everything
 * follows from fixed seeds.
 */
import { nodeCrypto, nodeSigner } from '../src/base/crypto-node.js'
import { concatBytes, fromHex, toHex, utf8 } from '../src/base/index.js'
import type { Batch, BatchHeader, Dep, Epoch, Extension, Op, OverRef } from '../src/log/index.js'
import {
  authorOf,
  clientIdExtension,
  databaseIdOf,
  encodeBody,
  makeBatch,
  NO_BATCH,
  OP_FLAG,
  OP_KIND,
  shortId,
  signedMessage
} from '../src/log/index.js'

export const seeds = { alice: new Uint8Array(32).fill(1), bob: new Uint8Array(32).fill(2) }
export const alice = nodeSigner(seeds.alice)
export const bob = nodeSigner(seeds.bob)
export const database = databaseIdOf('default', nodeCrypto)
export const epoch = '6553f1000badcafe' as Epoch
const nextEpoch = '6553f164c0ffee00' as Epoch
const START_MS = 1_700_000_000_000

// Ops

export const put = (key: string, value: string, more: Partial<Op> = {}): Op => ({
  kind: OP_KIND.put,
  flags: OP_FLAG.head | OP_FLAG.value,
  key: utf8(key),
  value: utf8(value),
  over: [],
  extensions: [],
  ...more
})
export const del = (key: string, over: readonly OverRef[]): Op => ({
  kind: OP_KIND.del,
  flags: OP_FLAG.head,
  key: utf8(key),
  over,
  extensions: []
})
export const writerTime: Extension = { type: 3, value: fromHex('018bcfe56800') }
export const withId = (id: string, number: number): Extension => clientIdExtension(id, number, nodeCrypto)
const later: Op = { kind: 200, flags: 0, key: utf8('k'), over: [{ seq: 1, index: 0 }], extensions: [] }

// Batches: one after the other, so that later ones name earlier ones.

interface Made {
  name: string
  seed: Uint8Array
  ops: readonly Op[]
  batch: Batch
}
export const made: Made[] = []

function make(
  name: string,
  by: 'alice' | 'bob',
  ops: readonly Op[],
  header: Partial<BatchHeader> & { time: BatchHeader['time'] },
  sign = true
): Batch {
  const signer = by === 'alice' ? alice : bob
  const fields = {
    database,
    author: authorOf(signer.publicKey),
    epoch,
    seq: 1,
    previous: NO_BATCH,
    opCount: ops.length,
    deps: [],
    extensions: [],
    ...header
  }
  const { root: _, bodyLength: __, ...rest } = fields as BatchHeader
  const unsigned = makeBatch(rest, encodeBody(ops), nodeCrypto)
  const signature = signer.sign(signedMessage(unsigned.headerBytes)) as Uint8Array
  const batch = sign ? { ...unsigned, signature } : unsigned
  made.push({ name, seed: seeds[by], ops, batch })
  return batch
}

export const at = (ms: number, counter = 0) => ({ ms: START_MS + ms, counter })
const depOf = ({ header: { author, epoch, seq }, id }: Batch): Dep => ({ author, epoch, seq, id })
const sorted = (deps: Dep[]): Dep[] =>
  deps.sort((a, b) => (a.author + a.epoch < b.author + b.epoch ? -1 : 1) || a.seq - b.seq)

export const first = make('first of an epoch', 'alice', [put('name', '"Alice"')], { time: at(0) })
export const second = make(
  'continues the first, unsigned',
  'alice',
  [put('name', '"Alicia"', { over: [{ seq: 1, index: 0 }] })],
  { seq: 2, previous: first.id, time: at(5, 1) },
  false
)
export const third = make(
  'several ops, one over another of the same batch, one with a client id',
  'alice',
  [
    put('a', '1'),
    put('a', '2', { over: [{ seq: 3, index: 0 }] }),
    del('name', [{ seq: 2, index: 0 }]),
    put('order', '{"n":7}', { extensions: [withId('order-7', 0), writerTime] }),
    later
  ],
  { seq: 3, previous: second.id, time: at(9, 65_535) }
)
export const other = make(
  "another author over the first author's versions",
  'bob',
  [
    put('a', '3', {
      over: [
        { batch: shortId(third.id), index: 1 },
        { batch: shortId(first.id), index: 0 }
      ]
    })
  ],
  { deps: [depOf(third)], time: at(20), extensions: [{ type: 900, value: utf8('kept') }] }
)
make('a new epoch names the tips of the old one', 'alice', [put('b', 'true')], {
  epoch: nextEpoch,
  time: at(100_000),
  deps: sorted([depOf(third), depOf(other)])
})
make('no ops', 'bob', [], { seq: 2, previous: other.id, time: at(21) })

export const batchCase = ({ name, seed, ops, batch }: Made) => ({
  name,
  seed,
  ops,
  body: batch.body,
  header: batch.header,
  headerBytes: batch.headerBytes,
  id: batch.id,
  signedMessage: signedMessage(batch.headerBytes),
  signature: batch.signature
})

function patched(bytes: Uint8Array, offset: number, hex: string): Uint8Array {
  const copy = new Uint8Array(bytes)
  copy.set(fromHex(hex), offset)
  return copy
}

export const headerRefused = [
  { why: 'another format version', bytes: patched(first.headerBytes, 0, '02') },
  { why: 'a reserved flag', bytes: patched(first.headerBytes, 1, '80') },
  { why: 'seq 0', bytes: patched(first.headerBytes, 74, '0000000000000000') },
  { why: 'seq 2 without a previous batch', bytes: patched(first.headerBytes, 74, '0000000000000002') },
  { why: 'more than 65,536 ops', bytes: patched(first.headerBytes, 146, '00010001') },
  { why: 'a body above 8 MiB', bytes: patched(first.headerBytes, 150, '00800001') },
  {
    why: 'a dep on a later batch of its own epoch',
    bytes: patched(other.headerBytes, 164, toHex(bob.publicKey))
  },
  { why: 'a byte too many', bytes: concatBytes(first.headerBytes, new Uint8Array(1)) }
]
export const bodyRefused = [
  { why: 'an op less than the header says', count: 2, bytes: first.body },
  { why: 'an op more than the header says', count: 0, bytes: first.body },
  { why: 'kind 0', count: 1, bytes: fromHex('000001000000') },
  { why: 'a reserved flag', count: 1, bytes: fromHex('000205000000') },
  { why: 'a put without a value', count: 1, bytes: fromHex('000101000000') },
  { why: 'a del with a value', count: 1, bytes: fromHex('00020300000000') },
  { why: 'an entry beyond the table', count: 1, bytes: fromHex('00020100010100' + '00') },
  { why: 'a batch twice in the table', count: 0, bytes: fromHex(`02${'ab'.repeat(32)}`) },
  { why: 'a number in more bytes than it needs', count: 1, bytes: fromHex('00020180000000') },
  { why: 'extensions out of order', count: 1, bytes: fromHex('00020100000402000100') }
]

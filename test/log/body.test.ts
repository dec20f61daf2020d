import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteWriter, FORMAT, fromHex, utf8 } from '../../src/base/index.js'
import type { Op, ShortId } from '../../src/log/index.js'
import { decodeBody, encodeBody, kindName, OP_FLAG, OP_KIND, opSizeBound } from '../../src/log/index.js'
import { put, Seeded } from './fixtures.js'

const short = (digit: string): ShortId => digit.repeat(32) as ShortId
const del: Op = { kind: OP_KIND.del, flags: OP_FLAG.head, key: utf8('gone'), over: [], extensions: [] }
const full: Op = {
  ...put('k', 'v'),
  over: [
    { batch: short('a'), index: 0 },
    { batch: short('b'), index: 65_535 },
    { seq: 1, index: 2 },
    { batch: short('a'), index: 7 }
  ],
  extensions: [
    { type: 1, value: utf8('\0id') },
    { type: 900, value: new Uint8Array(0) }
  ]
}

test('ops go through the body', () => {
  const bodies: Op[][] = [
    [],
    [put('a', '')],
    [put('', 'empty key')],
    [del, put('x', 'y'), full],
    [{ kind: 200, flags: 0, key: utf8('later'), over: [{ seq: 9, index: 0 }], extensions: [] }],
    [put('x'.repeat(FORMAT.keyBytes), 'largest key')]
  ]
  for (const ops of bodies) assert.deepEqual(decodeBody(encodeBody(ops), ops.length), ops)
})

test('an id stands once in the table, however often it is named', () => {
  const ops = Array.from(
    { length: 10 },
    (): Op => ({ ...put('k', 'v'), over: [{ batch: short('c'), index: 1 }] })
  )
  const body = encodeBody(ops)
  assert.equal(body[0], 1)
  assert.deepEqual(decodeBody(body, 10), ops)
})

test('random bodies go through', () => {
  const seed = 77
  const seeded = new Seeded(seed)
  for (let round = 0; round < 100; round++) {
    const ops = Array.from({ length: seeded.below(20) }, (): Op => {
      const kind = 1 + seeded.below(5)
      const hasValue = kind === OP_KIND.put || (kind !== OP_KIND.del && seeded.below(2) === 1)
      const over = Array.from({ length: seeded.below(4) }, () =>
        seeded.below(2) === 0
          ? { seq: 1 + seeded.below(1000), index: seeded.below(65_536) }
          : { batch: short(seeded.below(16).toString(16)), index: seeded.below(65_536) }
      )
      const op = {
        kind,
        flags: (hasValue ? OP_FLAG.value : 0) | seeded.below(2),
        key: seeded.bytes(seeded.below(30)),
        over,
        extensions: seeded.below(3) === 0 ? [{ type: 3, value: seeded.bytes(6) }] : []
      }
      return hasValue ? { ...op, value: seeded.bytes(seeded.below(200)) } : op
    })
    const body = encodeBody(ops)
    assert.deepEqual(decodeBody(body, ops.length), ops, `seed ${seed}, round ${round}`)
    const bound = ops.reduce((sum, op) => sum + opSizeBound(op), 8)
    assert.ok(body.length <= bound, `seed ${seed}, round ${round}: ${body.length} > ${bound}`)
  }
})

const one = (...bytes: number[]): Uint8Array => new Uint8Array([0, ...bytes])
const table = (...ids: ShortId[]): ByteWriter => {
  const writer = new ByteWriter().varint(ids.length)
  for (const id of ids) writer.bytes(fromHex(id))
  return writer
}
// One op: kind, flags, key length, key, value length, value, number of over, over, extension block length, extensions.
const REJECTED: Record<string, Uint8Array> = {
  'no bytes at all': new Uint8Array(0),
  'a table larger than a batch has ops': new ByteWriter().varint(FORMAT.batchOps + 1).finish(),
  'a table that is cut off': table(short('a')).finish().subarray(0, 10),
  'a batch twice in the table': table(short('a'), short('b'), short('a'))
    .bytes(one(1, 3, 0, 0, 0, 0).subarray(1))
    .finish(),
  'an op less than the header says': one(),
  'bytes after the last op': one(1, 3, 0, 0, 0, 0, 0),
  'kind 0': one(0, 0, 0, 0, 0),
  'a reserved flag': one(3, 4, 0, 0, 0),
  'a put without a value': one(1, 1, 0, 0, 0),
  'a del with a value': one(2, 3, 0, 0, 0, 0),
  'a key above 8 KiB': new ByteWriter()
    .bytes(one(1, 3))
    .block(new Uint8Array(FORMAT.keyBytes + 1))
    .bytes(one(0, 0))
    .finish(),
  'a key that is cut off': one(1, 3, 5, 1),
  'a value that is cut off': one(1, 3, 0, 5, 1),
  'more than 1,024 versions overwritten': new ByteWriter()
    .bytes(one(2, 1, 0))
    .varint(FORMAT.over + 1)
    .bytes(new Uint8Array(3 * (FORMAT.over + 1) + 1).fill(1))
    .finish(),
  'a version of the own epoch with seq 0': one(2, 1, 0, 1, 0, 0, 0, 0),
  'an index above 65,535': one(2, 1, 0, 1, 0, 1, 0x80, 0x80, 0x04, 0),
  'an entry beyond the table': one(2, 1, 0, 1, 1, 0, 0),
  'an extension block above 256 bytes': new ByteWriter()
    .bytes(one(2, 1, 0, 0))
    .block(new ByteWriter().varint(1).block(new Uint8Array(254)).finish())
    .finish(),
  'extensions out of order': one(2, 1, 0, 0, 4, 2, 0, 1, 0),
  'an extension twice': one(2, 1, 0, 0, 4, 1, 0, 1, 0),
  'a length in more bytes than it needs': one(2, 1, 0x80, 0, 0, 0)
}

test('the smallest ops are bodies', () => {
  assert.equal(decodeBody(one(2, 1, 0, 0, 0), 1).length, 1)
  assert.equal(decodeBody(one(1, 3, 0, 0, 0, 0), 1).length, 1)
  assert.equal(decodeBody(one(2, 1, 0, 1, 0, 1, 0xff, 0xff, 0x03, 0), 1)[0]?.over[0]?.index, 65_535)
})

for (const [name, body] of Object.entries(REJECTED)) {
  test(`a body is refused: ${name}`, () => assert.throws(() => decodeBody(body, 1), RangeError))
}

test('a body that every node would refuse is not made', () => {
  const wrong: Op[] = [
    { ...del, kind: 0 },
    { ...del, kind: 256 },
    { ...del, flags: 4 },
    { ...del, flags: OP_FLAG.head | OP_FLAG.value },
    { ...del, value: utf8('x') },
    { ...put('k', 'v'), flags: OP_FLAG.head },
    put('x'.repeat(FORMAT.keyBytes + 1), 'v'),
    { ...del, over: Array.from({ length: FORMAT.over + 1 }, () => ({ seq: 1, index: 0 })) },
    { ...del, extensions: [{ type: 1, value: new Uint8Array(254) }] },
    {
      ...del,
      extensions: [
        { type: 1, value: new Uint8Array(0) },
        { type: 1, value: new Uint8Array(0) }
      ]
    },
    { ...del, extensions: [{ type: 0, value: new Uint8Array(0) }] },
    put('k', new Uint8Array(FORMAT.bodyBytes))
  ]
  for (const op of wrong) assert.throws(() => encodeBody([op]), RangeError)
  assert.throws(() => encodeBody(Array.from({ length: FORMAT.batchOps + 1 }, () => del)), RangeError)
})

test('kinds have names, known or not', () => {
  assert.deepEqual([1, 2, 3, 255].map(kindName), ['put', 'del', 'kind-3', 'kind-255'])
})

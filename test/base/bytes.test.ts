import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ByteReader,
  ByteWriter,
  compareBytes,
  concatBytes,
  copyBytes,
  equalBytes,
  fromHex,
  fromUtf8,
  toHex,
  utf8,
  varintLength
} from '../../src/base/index.js'
import { Seeded } from '../log/fixtures.js'

test('hexadecimal goes both ways and refuses anything else', () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i)
  assert.equal(toHex(all), Buffer.from(all).toString('hex'))
  assert.deepEqual(fromHex(toHex(all)), all)
  assert.deepEqual(fromHex('ABcd'), new Uint8Array([0xab, 0xcd]))
  assert.deepEqual(fromHex(''), new Uint8Array(0))
  for (const text of ['a', 'zz', '0x', ' 1', '1 ', '\u0661\u0661', 'ａａ']) {
    assert.throws(() => fromHex(text), TypeError)
  }
})

test('text that is not UTF-8 is refused, and a byte order mark is text', () => {
  assert.equal(fromUtf8(utf8('ü \u{1f600} \ufeff')), 'ü \u{1f600} \ufeff')
  assert.equal(fromUtf8(utf8('\ufeffx')), '\ufeffx')
  assert.throws(() => fromUtf8(new Uint8Array([0xff])), TypeError)
  assert.throws(() => fromUtf8(new Uint8Array([0xc0, 0x80])), TypeError)
})

test('bytes are ordered as unsigned, shorter first', () => {
  const sorted = ['', '00', '0000', '01', '7f', '80', 'ff', 'ff00'].map(fromHex)
  for (let i = 0; i < sorted.length; i++) {
    for (let j = 0; j < sorted.length; j++) {
      assert.equal(Math.sign(compareBytes(sorted[i]!, sorted[j]!)), Math.sign(i - j))
      assert.equal(equalBytes(sorted[i]!, sorted[j]!), i === j)
    }
  }
})

test('a copy of a Buffer does not share its memory', () => {
  const buffer = Buffer.from([1, 2, 3])
  const copy = copyBytes(buffer)
  buffer[0] = 9
  assert.deepEqual(copy, new Uint8Array([1, 2, 3]))
})

test('integers are big-endian and come back as they went', () => {
  const writer = new ByteWriter(1)
    .u8(1)
    .u16(0x0203)
    .u32(0x04050607)
    .u48(0x08090a0b0c0d)
    .u64(2 ** 53 - 1)
  writer.block(new Uint8Array([7, 8])).bytes(new Uint8Array([9]))
  const bytes = writer.finish()
  assert.equal(toHex(bytes), '01020304050607' + '08090a0b0c0d' + '001fffffffffffff' + '020708' + '09')
  assert.equal(writer.length, bytes.length)
  const reader = new ByteReader(bytes)
  assert.deepEqual(
    [reader.u8(), reader.u16(), reader.u32(), reader.u48(), reader.u64()],
    [1, 0x0203, 0x04050607, 0x08090a0b0c0d, 2 ** 53 - 1]
  )
  assert.deepEqual([...reader.block(2), ...reader.bytes(1)], [7, 8, 9])
  reader.end()
})

test('varints have one form, up to 2^53 - 1', () => {
  const seed = 53
  const seeded = new Seeded(seed)
  const values = [0, 1, 127, 128, 16_383, 16_384, 2 ** 32 - 1, 2 ** 32, 2 ** 49, 2 ** 53 - 1]
  for (let i = 0; i < 200; i++) values.push(Math.floor(seeded.fraction() * 2 ** seeded.below(53)))
  for (const value of values) {
    const bytes = new ByteWriter().varint(value).finish()
    assert.equal(bytes.length, varintLength(value), `${value}, seed ${seed}`)
    assert.equal(new ByteReader(bytes).varint(), value, `${value}, seed ${seed}`)
  }
  for (const wrong of ['8000', '80', 'ff', 'ffffffffffffff7f', 'ffffffffffffff1f', '808080808080808001']) {
    assert.throws(() => new ByteReader(fromHex(wrong)).varint(), RangeError, wrong)
  }
})

test('a reader never goes past its end', () => {
  const three = new Uint8Array([1, 2, 3])
  const reads: ((reader: ByteReader) => unknown)[] = [
    reader => reader.u32(),
    reader => reader.u48(),
    reader => reader.u64(),
    reader => reader.bytes(4),
    reader => reader.block(0),
    () => new ByteReader(three.subarray(2)).block(9),
    reader => {
      reader.u8()
      reader.end()
    }
  ]
  for (const read of reads) assert.throws(() => read(new ByteReader(three)), RangeError)
  assert.throws(() => new ByteReader(fromHex('ffffffffffffffff')).u64(), RangeError)
})

test('parts are joined in order', () => {
  assert.deepEqual(concatBytes(), new Uint8Array(0))
  assert.deepEqual(concatBytes(fromHex('01'), fromHex(''), fromHex('0203')), fromHex('010203'))
})

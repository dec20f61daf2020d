import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { WriteOp } from '../../src/base/index.js'
import { DEFAULT_LIMITS, utf8 } from '../../src/base/index.js'
import { keyRange } from '../../src/node/key-range.js'
import { decodeValue, encodeKey, encodeValue, keyText, toLocalOp } from '../../src/node/values.js'

const circular: Record<string, unknown> = {}
circular['self'] = circular

describe('values at the door', () => {
  for (const value of [null, undefined, () => 1, Symbol('x'), 1n, circular, Number.NaN]) {
    test(`${typeof value} ${String(value)} is INVALID_VALUE`, () => {
      assert.throws(() => encodeValue(value, DEFAULT_LIMITS), { code: 'INVALID_VALUE' })
    })
  }

  test('a value of exactly the limit is taken, one byte more is VALUE_TOO_LARGE', () => {
    const limits = { ...DEFAULT_LIMITS, valueBytes: 10 }
    assert.equal(encodeValue('12345678', limits).length, 10)
    assert.throws(() => encodeValue('123456789', limits), { code: 'VALUE_TOO_LARGE' })
  })

  test('bytes that are not JSON show as null and base64', () => {
    assert.deepEqual(decodeValue(new Uint8Array([0xff, 0x00])), { value: null, valueBase64: '/wA=' })
    assert.deepEqual(decodeValue(utf8('{"a":1}')), { value: { a: 1 } })
  })

  test('a key is shown whole, also one that begins with U+FEFF', () => {
    for (const key of ['\ufeff', '\ufeffname', 'na\ufeffme']) assert.equal(keyText(encodeKey(key)), key)
  })

  test('keys: a text of 1 byte to 8 KiB, well-formed', () => {
    assert.equal(encodeKey('k'.repeat(8192)).length, 8192)
    assert.throws(() => encodeKey('k'.repeat(8193)), { code: 'KEY_TOO_LARGE' })
    assert.throws(() => encodeKey(''), { code: 'INVALID_KEY' })
    assert.throws(() => encodeKey('\ud800'), { code: 'INVALID_KEY' })
    assert.throws(() => encodeKey(7), { code: 'INVALID_KEY' })
  })

  test('an op of an unknown type is refused', () => {
    assert.throws(() => toLocalOp({ type: 'inc', key: 'k' } as unknown as WriteOp, DEFAULT_LIMITS), {
      code: 'INVALID_ARGUMENT'
    })
    assert.throws(() => toLocalOp({ type: 'put', key: 'k' }, DEFAULT_LIMITS), { code: 'INVALID_VALUE' })
  })
})

describe('the range of a listing', () => {
  test('a prefix is the keys from it to its successor', () => {
    assert.deepEqual(keyRange({ prefix: 'ab' }), { reverse: false, gte: utf8('ab'), lt: utf8('ac') })
  })

  test('a tighter bound inside the prefix stays', () => {
    assert.deepEqual(keyRange({ prefix: 'ab', gt: 'abc', lte: 'abx' }), {
      reverse: false,
      gt: utf8('abc'),
      lte: utf8('abx')
    })
  })

  test('a wider bound gives way to the prefix', () => {
    assert.deepEqual(keyRange({ prefix: 'ab', gt: 'a', lt: 'z' }), {
      reverse: false,
      gte: utf8('ab'),
      lt: utf8('ac')
    })
  })
})

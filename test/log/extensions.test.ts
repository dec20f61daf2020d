import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Extension } from '../../src/log/index.js'
import { decodeExtensions, encodeExtensions, findExtension } from '../../src/log/index.js'

const a: Extension = { type: 1, value: new Uint8Array([1, 2]) }
const b: Extension = { type: 300, value: new Uint8Array(0) }

test('extensions are written sorted by type and read back', () => {
  assert.deepEqual(decodeExtensions(encodeExtensions([b, a])), [a, b])
  assert.equal(encodeExtensions([]).length, 0)
  assert.deepEqual(encodeExtensions([b, a]), new Uint8Array([1, 2, 1, 2, 0xac, 0x02, 0]))
})

test('a type is found, known or not', () => {
  assert.deepEqual(findExtension([a, b], 300), b.value)
  assert.equal(findExtension([a, b], 2), undefined)
})

test('a block that is cut off, unsorted or repeats a type is refused', () => {
  const wrong = [[1], [1, 2, 9], [0, 0], [1, 0, 1, 0], [2, 0, 1, 0], [0x81, 0, 0]]
  for (const bytes of wrong) assert.throws(() => decodeExtensions(new Uint8Array(bytes)), RangeError)
  assert.throws(() => encodeExtensions([a, a]), RangeError)
  assert.throws(() => encodeExtensions([{ type: 0, value: a.value }]), RangeError)
})

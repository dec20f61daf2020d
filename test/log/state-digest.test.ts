import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { utf8 } from '../../src/base/index.js'
import type { ShortId } from '../../src/log/index.js'
import { StateDigest, stateHash } from '../../src/log/index.js'

const id = (digit: string): ShortId => digit.repeat(32) as ShortId
const term = (key: string, batch: string, index: number): Uint8Array =>
  stateHash(utf8(key), id(batch), index, nodeCrypto).slice()

test('an empty state has the digest zero', () => {
  assert.equal(new StateDigest().hex(), '0'.repeat(32))
})

test('the order in which heads come and go does not matter', () => {
  const a = new StateDigest()
  for (const hash of [term('x', '1', 0), term('y', '2', 1), term('z', '3', 70_000)]) a.add(hash)
  const b = new StateDigest()
  for (const hash of [term('z', '3', 70_000), term('q', '4', 9), term('x', '1', 0)]) b.add(hash)
  b.remove(term('q', '4', 9))
  b.add(term('y', '2', 1))
  assert.equal(a.hex(), b.hex())
})

test('key, batch and index each count', () => {
  const hashes = [term('x', '1', 0), term('x', '1', 1), term('x', '2', 0), term('y', '1', 0)]
  assert.equal(new Set(hashes.map(hash => Buffer.from(hash).toString('hex'))).size, hashes.length)
})

test('it is a sum modulo 2^128, big-endian', () => {
  const max = new Uint8Array(16).fill(0xff)
  const one = new Uint8Array(16)
  one[15] = 1
  const digest = new StateDigest(max)
  digest.add(one)
  assert.equal(digest.hex(), '0'.repeat(32))
  digest.remove(one)
  assert.equal(digest.hex(), 'f'.repeat(32))
  let sum = 0n
  const many = new StateDigest()
  for (let i = 0; i < 200; i++) {
    const hash = term(`key ${i}`, 'a', i)
    many.add(hash)
    sum = (sum + BigInt(`0x${Buffer.from(hash).toString('hex')}`)) % (1n << 128n)
  }
  assert.equal(many.hex(), sum.toString(16).padStart(32, '0'))
})

test('it goes through its bytes', () => {
  const digest = new StateDigest()
  digest.add(term('x', '1', 0))
  assert.equal(new StateDigest(digest.bytes()).hex(), digest.hex())
  assert.throws(() => new StateDigest(new Uint8Array(15)), RangeError)
})

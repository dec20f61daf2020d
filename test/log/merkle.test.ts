import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { concatBytes } from '../../src/base/index.js'
import { merkleRoot } from '../../src/log/index.js'
import { Seeded } from './fixtures.js'

const sha = (...parts: Uint8Array[]): Uint8Array =>
  new Uint8Array(
    createHash('sha256')
      .update(concatBytes(...parts))
      .digest()
  )
const leaf = (piece: Uint8Array): Uint8Array => sha(new Uint8Array([0]), piece)
const node = (left: Uint8Array, right: Uint8Array): Uint8Array => sha(new Uint8Array([1]), left, right)

/** The definition, written down as a recursion over levels. */
function reference(body: Uint8Array): Uint8Array {
  let level: Uint8Array[] = []
  for (let at = 0; at < body.length || at === 0; at += 4096) level.push(leaf(body.subarray(at, at + 4096)))
  while (level.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i < level.length; i += 2) {
      const right = level[i + 1]
      above.push(right === undefined ? level[i]! : node(level[i]!, right))
    }
    level = above
  }
  return level[0]!
}

test('the root of small trees is what the definition says', () => {
  const [a, b, c] = [1, 2, 3].map(byte => new Uint8Array(4096).fill(byte)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array
  ]
  const short = new Uint8Array([4])
  assert.deepEqual(merkleRoot(new Uint8Array(0), nodeCrypto), leaf(new Uint8Array(0)))
  assert.deepEqual(merkleRoot(short, nodeCrypto), leaf(short))
  assert.deepEqual(merkleRoot(a, nodeCrypto), leaf(a))
  assert.deepEqual(merkleRoot(concatBytes(a, short), nodeCrypto), node(leaf(a), leaf(short)))
  assert.deepEqual(merkleRoot(concatBytes(a, b, c), nodeCrypto), node(node(leaf(a), leaf(b)), leaf(c)))
})

test('bodies of every number of pieces have the root of the definition', () => {
  const seeded = new Seeded(4096)
  for (let pieces = 0; pieces <= 17; pieces++) {
    for (const rest of [0, 1, 4095]) {
      const body = seeded.bytes(pieces * 4096 + rest)
      assert.deepEqual(merkleRoot(body, nodeCrypto), reference(body), `${pieces} pieces and ${rest} bytes`)
    }
  }
})

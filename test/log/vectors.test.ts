import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import { fromHex, toHex } from '../../src/base/index.js'
import type { Author, BatchId, OpName, ShortId } from '../../src/log/index.js'
import {
  authorOf,
  authorOfPeerId,
  batchIdOfHeader,
  bodyFits,
  clientIdExtension,
  clientMarkOf,
  databaseIdOf,
  decodeBody,
  decodeExtensions,
  decodeHeader,
  encodeBody,
  encodeExtensions,
  encodeHeader,
  Frontier,
  formatOpId,
  formatTime,
  identityOf,
  merkleRoot,
  parseOpId,
  peerIdOf,
  StateDigest,
  signedMessage,
  stateHash
} from '../../src/log/index.js'
import type { BatchCase, ExtensionCase, OpCase, Refused } from './vectors.js'
import { batchOf, extensionsOf, headerOf, opOf, vectors } from './vectors.js'

test('names and times', () => {
  const { databases, authors, opIds, times } = vectors<{
    databases: { network: string; id: string }[]
    authors: { seed: string; publicKey: string; peerId: string }[]
    opIds: (OpName & { text: string })[]
    times: { ms: number; counter: number; text: string }[]
  }>('names')
  for (const { network, id } of databases) assert.equal(databaseIdOf(network, nodeCrypto), id)
  for (const { seed, publicKey, peerId } of authors) {
    const author = authorOf(nodeSigner(fromHex(seed)).publicKey)
    assert.equal(author, publicKey)
    assert.equal(peerIdOf(author), peerId)
    assert.equal(authorOfPeerId(peerId), author)
  }
  for (const { text, ...name } of opIds) {
    assert.equal(formatOpId(name), text)
    assert.deepEqual(parseOpId(text), name)
  }
  for (const { text, ...time } of times) assert.equal(formatTime(time), text)
})

test('extension blocks', () => {
  const { blocks, refused } = vectors<{
    blocks: { extensions: ExtensionCase[]; bytes: string }[]
    refused: Refused[]
  }>('extensions')
  for (const { extensions, bytes } of blocks) {
    assert.equal(toHex(encodeExtensions(extensionsOf(extensions))), bytes)
    assert.deepEqual(decodeExtensions(fromHex(bytes)), extensionsOf(extensions))
  }
  for (const { why, bytes } of refused) assert.throws(() => decodeExtensions(fromHex(bytes)), RangeError, why)
})

test('Merkle roots', () => {
  const { bodies } = vectors<{ bodies: { length: number; root: string }[] }>('merkle')
  for (const { length, root } of bodies) {
    const body = Uint8Array.from({ length }, (_, i) => i % 251)
    assert.equal(toHex(merkleRoot(body, nodeCrypto)), root, `${length} bytes`)
  }
})

const batches = vectors<{ batches: BatchCase[]; headerRefused: Refused[]; bodyRefused: Refused[] }>('batch')

for (const vector of batches.batches) {
  test(`batch: ${vector.name}`, async () => {
    const ops = vector.ops.map(opOf)
    const header = headerOf(vector)
    const { headerBytes, body, signature, id } = batchOf(vector)
    assert.equal(toHex(encodeBody(ops)), vector.body)
    assert.deepEqual(decodeBody(body, header.opCount), ops)
    assert.equal(toHex(encodeHeader(header)), vector.headerBytes)
    assert.deepEqual(decodeHeader(headerBytes), header)
    assert.ok(bodyFits(header, body, nodeCrypto))
    assert.equal(batchIdOfHeader(headerBytes, nodeCrypto), id)
    assert.equal(toHex(signedMessage(headerBytes)), vector.signedMessage)
    if (signature === undefined) return
    const signer = nodeSigner(fromHex(vector.seed))
    assert.equal(toHex(await signer.sign(signedMessage(headerBytes))), vector.signature)
    assert.ok(nodeCrypto.verify(fromHex(header.author), signedMessage(headerBytes), signature))
  })
}

test('headers and bodies that are refused', () => {
  for (const { why, bytes } of batches.headerRefused) {
    assert.throws(() => decodeHeader(fromHex(bytes)), RangeError, why)
  }
  for (const { why, bytes, count } of batches.bodyRefused) {
    assert.throws(() => decodeBody(fromHex(bytes), count), RangeError, why)
  }
})

test('client ids and identities', () => {
  const { ops } = vectors<{
    ops: {
      id: string
      number: number
      extension: ExtensionCase
      idHash: string
      op: OpCase
      identity: string
    }[]
  }>('client-id')
  for (const { id, number, extension, idHash, op, identity } of ops) {
    assert.deepEqual(clientIdExtension(id, number, nodeCrypto), extensionsOf([extension])[0])
    const mark = clientMarkOf(opOf(op), nodeCrypto)
    assert.equal(mark?.idHash, idHash)
    assert.equal(mark?.number, number)
    assert.equal(identityOf(opOf(op), mark!, nodeCrypto), identity)
  }
})

test('digests', () => {
  const { frontiers, state } = vectors<{
    frontiers: { applied: BatchId[]; tips: ShortId[]; digest: string }[]
    state: {
      heads: { key: string; batch: ShortId; index: number; hash: string }[]
      digest: string
      empty: string
    }
  }>('digests')
  const byId = new Map(batches.batches.map(vector => [vector.id, batchOf(vector)]))
  for (const { applied, tips, digest } of frontiers) {
    const frontier = new Frontier()
    for (const id of applied) frontier.apply(byId.get(id)!)
    assert.deepEqual([...frontier].map(tip => tip.id).sort(), tips)
    assert.equal(frontier.digest(nodeCrypto), digest)
  }
  const sum = new StateDigest()
  assert.equal(sum.hex(), state.empty)
  for (const { key, batch, index, hash } of state.heads) {
    const term = stateHash(fromHex(key), batch, index, nodeCrypto)
    assert.equal(toHex(term), hash)
    sum.add(term)
  }
  assert.equal(sum.hex(), state.digest)
  assert.equal((batches.batches[0]!.header.author as Author).length, 64)
})

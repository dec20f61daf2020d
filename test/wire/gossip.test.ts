import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { isNatterError, PROTOCOL } from '../../src/base/index.js'
import type { BatchId, Epoch } from '../../src/log/index.js'
import { checkSignature, decodeGossip, encodeGossip } from '../../src/wire/index.js'
import { Writer } from '../log/fixtures.js'

const breaks = (error: unknown): boolean => isNatterError(error, 'PROTOCOL_ERROR')

test('a signed batch goes through its message', async () => {
  const batch = new Writer(1).next()
  const message = encodeGossip(batch)!
  const decoded = decodeGossip(message, nodeCrypto)
  assert.deepEqual(decoded, batch)
  assert.equal(await checkSignature(decoded!, nodeCrypto), true)
})

test('what is unsigned or too large is not for gossip', () => {
  const writer = new Writer(1)
  assert.equal(encodeGossip(writer.next({ sign: false })), undefined)
  assert.equal(encodeGossip(writer.next({ body: new Uint8Array(PROTOCOL.gossipBatchBytes + 1) })), undefined)
  const largest = encodeGossip(writer.next({ body: new Uint8Array(PROTOCOL.gossipBatchBytes) }))
  assert.ok(decodeGossip(largest!, nodeCrypto) !== undefined)
  const deps = Array.from({ length: 420 }, (_, i) => {
    const id = i.toString(16).padStart(64, '0') as BatchId
    return { author: writer.author, epoch: '0000000000000000' as Epoch, seq: i + 1, id }
  })
  assert.equal(encodeGossip(writer.next({ deps })), undefined)
})

test('a type of message or a batch format that is not known is ignored', () => {
  const message = encodeGossip(new Writer(1).next())!
  const otherType = message.slice()
  otherType[0] = 2
  assert.equal(decodeGossip(otherType, nodeCrypto), undefined)
  const otherFormat = message.slice()
  otherFormat[3] = 2
  assert.equal(decodeGossip(otherFormat, nodeCrypto), undefined)
})

test('a malformed message is an error', () => {
  const message = encodeGossip(new Writer(1).next())!
  const damaged = message.slice()
  damaged[damaged.length - 1]! ^= 1
  const cases = [
    new Uint8Array(0),
    message.slice(0, 40),
    message.slice(0, message.length - 1),
    damaged,
    new Uint8Array(PROTOCOL.gossipBytes + 1)
  ]
  for (const bytes of cases) assert.throws(() => decodeGossip(bytes, nodeCrypto), breaks)
})

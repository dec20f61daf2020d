import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { FORMAT, isNatterError, utf8 } from '../../src/base/index.js'
import type { Extension, Op } from '../../src/log/index.js'
import {
  checkClientId,
  clientIdExtension,
  clientIdHash,
  clientMarkOf,
  decodeBody,
  encodeBody,
  encodeExtensions,
  identityOf,
  OP_EXTENSION
} from '../../src/log/index.js'
import { put } from './fixtures.js'

const withId = (op: Op, id: string, number = 0): Op => ({
  ...op,
  extensions: [clientIdExtension(id, number, nodeCrypto)]
})
const markOf = (op: Op) => clientMarkOf(op, nodeCrypto)
const identity = (op: Op) => identityOf(op, markOf(op)!, nodeCrypto)

test('an op says the id and number it was written with', () => {
  const op = withId(put('k', 'v'), 'order-7 ü', 300)
  const [read] = decodeBody(encodeBody([op]), 1)
  assert.deepEqual(markOf(read!), {
    id: 'order-7 ü',
    idHash: clientIdHash('order-7 ü', nodeCrypto),
    number: 300
  })
})

test('an id too long for the block is there by its hash', () => {
  for (const length of [200, 201, FORMAT.clientIdBytes]) {
    const id = 'x'.repeat(length)
    const mark = markOf(withId(put('k', 'v'), id, 65_535))!
    assert.equal(mark.idHash, clientIdHash(id, nodeCrypto))
    assert.equal(mark.id, length <= 200 ? id : undefined)
    const time: Extension = { type: OP_EXTENSION.writerTime, value: new Uint8Array(6) }
    const block = encodeExtensions([clientIdExtension(id, 65_535, nodeCrypto), time])
    assert.ok(block.length <= FORMAT.opExtensionBytes)
  }
})

test('an extension without the form of one says nothing', () => {
  const wrong: Extension[] = [
    { type: OP_EXTENSION.clientId, value: new Uint8Array(0) },
    { type: OP_EXTENSION.clientId, value: new Uint8Array([0]) },
    { type: OP_EXTENSION.clientId, value: new Uint8Array([0, 0xff]) },
    { type: OP_EXTENSION.clientIdHash, value: new Uint8Array([0, 1, 2]) },
    { type: OP_EXTENSION.writerTime, value: new Uint8Array(6) },
    { type: 999, value: utf8('x') }
  ]
  for (const extension of wrong)
    assert.equal(markOf({ ...put('k', 'v'), extensions: [extension] }), undefined)
  assert.equal(markOf(put('k', 'v')), undefined)
})

test('copies of one op have one identity; id, number, kind, key and value each count', () => {
  const op = withId(put('k', 'v'), 'id', 1)
  const copy: Op = {
    ...op,
    over: [{ seq: 3, index: 0 }],
    extensions: [...op.extensions, { type: 3, value: new Uint8Array(6) }]
  }
  assert.equal(identity(copy), identity(op))
  const others: Op[] = [
    withId(put('k', 'v'), 'other', 1),
    withId(put('k', 'v'), 'id', 2),
    withId(put('l', 'v'), 'id', 1),
    withId(put('k', 'w'), 'id', 1),
    withId(put('kv', ''), 'id', 1),
    withId({ ...put('k', 'v'), kind: 7 }, 'id', 1)
  ]
  const all = new Set([op, ...others].map(identity))
  assert.equal(all.size, 7)
  assert.ok([...all].every(text => /^[0-9a-f]{32}$/.test(text)))
})

test('an id has 1 to 256 bytes', () => {
  for (const id of ['x', 'ü'.repeat(128)]) checkClientId(id)
  for (const id of ['', 'x'.repeat(257), 'ü'.repeat(129), 7, null, undefined]) {
    assert.throws(
      () => checkClientId(id),
      error => isNatterError(error, 'INVALID_ARGUMENT')
    )
  }
})

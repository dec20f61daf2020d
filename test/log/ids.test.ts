import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { fromHex, isNatterError } from '../../src/base/index.js'
import type { Author, BatchId, Epoch, OpName } from '../../src/log/index.js'
import {
  authorOf,
  authorOfPeerId,
  databaseIdOf,
  epochOf,
  epochStartMs,
  formatOpId,
  mintEpoch,
  parseOpId,
  peerIdOf,
  requireOpId,
  shortId
} from '../../src/log/index.js'

const author = authorOf(fromHex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'))
const epoch = '6500000a0badcafe' as Epoch

test('an author is the key behind a libp2p peer id', () => {
  const peer = peerIdOf(author)
  assert.match(peer, /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/)
  assert.equal(authorOfPeerId(peer), author)
  assert.equal(peerIdOf(author), peer)
  for (const text of ['', 'x', `${peer}x`, peer.slice(1), `0${peer.slice(1)}`, `Qm${'a'.repeat(44)}`]) {
    assert.equal(authorOfPeerId(text), undefined, text)
  }
})

test('op ids go both ways, with and without their branch', () => {
  const names: OpName[] = [
    { author, epoch, seq: 1, index: 0 },
    { author, epoch, seq: Number.MAX_SAFE_INTEGER, index: 65_535 },
    { author, epoch, seq: 12, index: 3, branch: '0123abcd' }
  ]
  for (const name of names) {
    assert.deepEqual(parseOpId(formatOpId(name)), name)
    assert.deepEqual(requireOpId(formatOpId(name)), name)
  }
  assert.equal(formatOpId(names[2]!), `${peerIdOf(author)}.6500000a0badcafe.12.3~0123abcd`)
})

test('what is no op id is told so', () => {
  const peer = peerIdOf(author)
  const good = `${peer}.6500000a0badcafe.1.0`
  const bad = [
    '',
    peer,
    `${peer}.6500000a0badcafe.1`,
    `${peer}.6500000a0badcafe.0.0`,
    `${peer}.6500000a0badcafe.01.0`,
    `${peer}.6500000a0badcafe.1.00`,
    `${peer}.6500000A0BADCAFE.1.0`,
    `${peer}.6500000a0badcaf.1.0`,
    `${peer}.6500000a0badcafe.9999999999999999.0`,
    `${peer}.6500000a0badcafe.1.65536`,
    `${good}~0123abc`,
    `${good}~0123ABCD`,
    ` ${good}`,
    `${good}\n`,
    good.replace(peer, `${peer.slice(0, -1)}0`)
  ]
  for (const text of bad) {
    assert.equal(parseOpId(text), undefined, text)
    assert.throws(
      () => requireOpId(text),
      error => isNatterError(error, 'INVALID_OP_ID')
    )
  }
})

test('a text with other letters than base58 has is no peer id, not one with zeros in their place', () => {
  const peer = peerIdOf(author)
  for (const letter of ['0', 'l', ' ', '\u00f2', '\ufffd', '\u{1f600}']) {
    assert.equal(authorOfPeerId(peer.slice(0, 40) + letter + peer.slice(41)), undefined, letter)
    const ones = peer.replace(/.$/, '1')
    assert.equal(authorOfPeerId(ones.slice(0, -1) + letter), undefined, letter)
  }
})

test('epochs sort by the second they were minted in', () => {
  const random = fromHex('ffffffff')
  const early = mintEpoch(1_700_000_000_999, random)
  const late = mintEpoch(1_700_000_001_000, fromHex('00000000'))
  assert.equal(early, '6553f100ffffffff')
  assert.ok(early < late)
  assert.equal(epochStartMs(late), 1_700_000_001_000)
  assert.equal(mintEpoch(0, random), '00000000ffffffff')
})

test('a database id says its network name and nothing else', () => {
  const id = databaseIdOf('default', nodeCrypto)
  assert.match(id, /^[0-9a-f]{64}$/)
  assert.equal(id, databaseIdOf('default', nodeCrypto))
  assert.notEqual(id, databaseIdOf('Default', nodeCrypto))
  assert.throws(() => databaseIdOf('x'.repeat(65_536), nodeCrypto), RangeError)
})

test('names of another length are mistakes', () => {
  assert.throws(() => authorOf(new Uint8Array(31)), TypeError)
  assert.throws(() => epochOf(new Uint8Array(7)), TypeError)
  assert.equal(shortId('ab'.repeat(32) as BatchId), 'ab'.repeat(16))
  assert.equal((author as Author).length, 64)
})

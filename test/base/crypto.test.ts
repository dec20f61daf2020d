import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as zlib from 'node:zlib'
import { crc32 } from '../../src/base/crc32.js'
import { newSeed, nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import { fromHex, toHex, utf8 } from '../../src/base/index.js'
import { Seeded } from '../log/fixtures.js'

// RFC 8032, section 7.1, tests 1 to 3: seed, public key, message, signature.
const RFC_8032 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a'
  ]
] as const

test('signatures are those of RFC 8032', async () => {
  for (const [seed, key, message, signature] of RFC_8032) {
    const signer = nodeSigner(fromHex(seed))
    assert.equal(toHex(signer.publicKey), key)
    assert.equal(toHex(await signer.sign(fromHex(message))), signature)
    assert.equal(nodeCrypto.verify(fromHex(key), fromHex(message), fromHex(signature)), true)
  }
})

test('a signature holds for its key and message only, and malformed input is just false', () => {
  const [, key, message, signature] = RFC_8032[2].map(text => fromHex(text)) as [Uint8Array, ...Uint8Array[]]
  const other = fromHex(RFC_8032[1][1])
  const changed = signature!.slice()
  changed[0]! ^= 1
  assert.equal(nodeCrypto.verify(other, message!, signature!), false)
  assert.equal(nodeCrypto.verify(key!, utf8('x'), signature!), false)
  assert.equal(nodeCrypto.verify(key!, message!, changed), false)
  assert.equal(nodeCrypto.verify(key!.subarray(1), message!, signature!), false)
  assert.equal(nodeCrypto.verify(key!, message!, signature!.subarray(1)), false)
  assert.equal(nodeCrypto.verify(new Uint8Array(32).fill(0xff), message!, signature!), false)
})

test('a new seed makes a signer, and a seed of another length does not', () => {
  assert.equal(nodeSigner(newSeed()).publicKey.length, 32)
  assert.throws(() => nodeSigner(new Uint8Array(31)), TypeError)
})

test('SHA-256 is the standard one, as plain bytes', () => {
  const hash = nodeCrypto.sha256(utf8('abc'))
  assert.equal(toHex(hash), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  assert.equal(Object.getPrototypeOf(hash), Uint8Array.prototype)
})

test('CRC-32 is that of zlib', () => {
  assert.equal(crc32(utf8('123456789')), 0xcbf43926)
  assert.equal(crc32(new Uint8Array(0)), 0)
  assert.equal(crc32(utf8('The quick brown fox jumps over the lazy dog')), 0x414fa339)
  const seed = 32
  const seeded = new Seeded(seed)
  const reference = (zlib as { crc32?: (data: Uint8Array) => number }).crc32
  for (let i = 0; i < 50; i++) {
    const data = seeded.bytes(seeded.below(500))
    assert.equal(nodeCrypto.crc32(data), crc32(data), `seed ${seed}`)
    if (reference !== undefined) assert.equal(reference(data), crc32(data), `seed ${seed}`)
  }
})

/** The crypto port on Node.js: Ed25519 through `node:crypto` with cached key objects, 2 to 4 × faster than a wrapper. */

import type { KeyObject } from 'node:crypto'
import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, sign, verify } from 'node:crypto'
import * as zlib from 'node:zlib'
import { toHex } from './bytes.js'
import { crc32 as portableCrc32 } from './crc32.js'
import type { Crypto, Signer } from './ports.js'

// DER prefixes of RFC 8410 before the 32 raw bytes of a public key and of a private seed.
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
/** Key objects are small (about 1 KB) and authors few; past this many the oldest goes. */
const CACHED_KEYS = 1024
const SHA256_BYTES = 32

const publicKeys = new Map<string, KeyObject>()

function publicKeyObject(raw: Uint8Array): KeyObject {
  const name = toHex(raw)
  let key = publicKeys.get(name)
  if (key === undefined) {
    key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' })
    if (publicKeys.size >= CACHED_KEYS) publicKeys.delete(publicKeys.keys().next().value!)
    publicKeys.set(name, key)
  }
  return key
}

/** The same bytes as a plain array: a Buffer's `slice()` and its equality differ from what the rest expects. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

/** One call in place of three objects, and a text in place of a Buffer: a third of the cost for the short inputs of a commit. */
function sha256(data: Uint8Array, digest = new Uint8Array(SHA256_BYTES)): Uint8Array {
  const text = hash('sha256', data, 'binary')
  for (let i = 0; i < SHA256_BYTES; i++) digest[i] = text.charCodeAt(i)
  return digest
}

export const nodeCrypto: Crypto = {
  sha256,
  crc32: (zlib as { crc32?: (data: Uint8Array) => number }).crc32 ?? portableCrc32,
  verify(publicKey, message, signature) {
    if (publicKey.length !== 32 || signature.length !== 64) return false
    try {
      return verify(null, message, publicKeyObject(publicKey), signature)
    } catch {
      return false // a key that is no point of the curve verifies nothing
    }
  }
}

/** The signer of a 32-byte Ed25519 seed. */
export function nodeSigner(seed: Uint8Array): Signer {
  if (seed.length !== 32) throw new TypeError('an Ed25519 seed has 32 bytes')
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length)
  return { publicKey: new Uint8Array(publicKey), sign: message => plain(sign(null, message, key)) }
}

/** A new random seed. */
export function newSeed(): Uint8Array {
  const { privateKey } = generateKeyPairSync('ed25519')
  return new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8_PREFIX.length))
}

/**
 * Cheap stand-ins for Ed25519: signatures that only the holder of a key can make, in two hashes. The verifier knows
 * every secret of the run, so a forged signature fails and a right one holds. Hashes are the real ones.
 */
import { nodeCrypto } from '../../src/base/crypto-node.js'
import type { Crypto, Signer } from '../../src/base/index.js'
import { concatBytes, equalBytes, toHex, utf8 } from '../../src/base/index.js'

export class Keys {
  readonly #secrets = new Map<string, Uint8Array>()
  #made = 0

  readonly crypto: Crypto = {
    sha256: nodeCrypto.sha256,
    crc32: nodeCrypto.crc32,
    verify: (publicKey, message, signature) => {
      const secret = this.#secrets.get(toHex(publicKey))
      return secret !== undefined && equalBytes(signature, seal(secret, publicKey, message))
    }
  }

  /** A new key; the same for the same seed and number of keys before it. */
  make(seed: number): Signer {
    const secret = nodeCrypto.sha256(utf8(`secret ${seed} ${this.#made++}`))
    const publicKey = nodeCrypto.sha256(secret)
    this.#secrets.set(toHex(publicKey), secret)
    return { publicKey, sign: message => seal(secret, publicKey, message) }
  }
}

function seal(secret: Uint8Array, publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  return concatBytes(nodeCrypto.sha256(concatBytes(secret, message)), publicKey)
}

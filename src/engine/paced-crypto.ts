/**
 * Signature checks that let others have their turn. A check is synchronous on most machines, so a RUN of thousands of
 * signed batches would hold up everything else for a second; after so many in a row the timers and sockets come first.
 * Checks are in a row as long as no timer gets its turn between them, so one now and then waits for nothing.
 */
import type { Clock, Crypto } from '../base/index.js'
import { PEER } from '../base/index.js'

export function pacedCrypto(crypto: Crypto, clock: Clock): Crypto {
  let inARow = 0
  return {
    sha256: (data, into) => crypto.sha256(data, into),
    crc32: data => crypto.crc32(data),
    verify(publicKey, message, signature) {
      if (inARow++ === 0) {
        clock.schedule(0, () => {
          inARow = 0
        })
      }
      if (inARow < PEER.checksInARow) return crypto.verify(publicKey, message, signature)
      return new Promise(resolve => clock.schedule(0, () => resolve(undefined))).then(() =>
        crypto.verify(publicKey, message, signature)
      )
    }
  }
}

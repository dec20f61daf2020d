/** The Merkle root over a body: its bytes in pieces of 4 KiB, the last shorter; leaf and node domain-separated. */

import type { Hashes } from '../base/index.js'
import { FORMAT } from '../base/index.js'

const HASH_BYTES = 32
const LEAF = 0
const NODE = 1

/**
 * The root of `body`. Leaf = SHA-256(0x00 ‖ piece), node = SHA-256(0x01 ‖ left ‖ right); of an odd number of nodes the
 * last goes up as it is. An empty body is one empty piece.
 */
export function merkleRoot(body: Uint8Array, hashes: Hashes): Uint8Array {
  const piece = new Uint8Array(1 + Math.min(body.length, FORMAT.segmentBytes))
  piece[0] = LEAF
  let level: Uint8Array[] = []
  let offset = 0
  do {
    const end = Math.min(offset + FORMAT.segmentBytes, body.length)
    piece.set(body.subarray(offset, end), 1)
    level.push(hashes.sha256(piece.subarray(0, 1 + end - offset)))
    offset = end
  } while (offset < body.length)
  const pair = new Uint8Array(1 + 2 * HASH_BYTES)
  pair[0] = NODE
  while (level.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i + 1 < level.length; i += 2) {
      pair.set(level[i]!, 1)
      pair.set(level[i + 1]!, 1 + HASH_BYTES)
      above.push(hashes.sha256(pair))
    }
    if (level.length % 2 === 1) above.push(level[level.length - 1]!)
    level = above
  }
  return level[0]!
}

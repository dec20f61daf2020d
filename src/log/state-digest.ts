/**
 * The state digest: an incremental multiset hash over the live heads, so that nodes with the same heads show the same
 * 32 hex digits. A check against accidents, not against a liar: the hash chains are the proof. See protocols/batch.md.
 *
 * It is a sum modulo 2^128, so heads may come and go in any order and each commit touches only what changed.
 */
import type { Hashes } from '../base/index.js'
import { ByteWriter, fromHex, toHex, utf8 } from '../base/index.js'
import type { ShortId } from './ids.js'
import { SHORT_ID_BYTES } from './ids.js'

const STATE_DOMAIN = utf8('natter/state/1\0')
const DIGEST_BYTES = 16
// Four lanes of 32 bits, the most significant first: sums of two stay exact in a double, without BigInt per head.
const LANES = DIGEST_BYTES / 4
const LANE = 2 ** 32

/** The term of one head: the first 16 bytes of SHA-256 over domain, key, batch id and op index. */
export function stateHash(key: Uint8Array, batch: ShortId, index: number, hashes: Hashes): Uint8Array {
  const writer = new ByteWriter(STATE_DOMAIN.length + key.length + SHORT_ID_BYTES + 12)
  writer.bytes(STATE_DOMAIN).block(key).bytes(fromHex(batch)).varint(index)
  return hashes.sha256(writer.finish()).subarray(0, DIGEST_BYTES)
}

export class StateDigest {
  readonly #lanes: number[]

  /** Zero, or what `bytes()` of another one gave: 16 bytes, big-endian. Throws `RangeError` for another length. */
  constructor(bytes: Uint8Array = new Uint8Array(DIGEST_BYTES)) {
    this.#lanes = lanesOf(bytes)
  }

  /** Takes in the `stateHash` of a head that became live. */
  add(hash: Uint8Array): void {
    const lanes = this.#lanes
    const terms = lanesOf(hash)
    let carry = 0
    for (let i = LANES - 1; i >= 0; i--) {
      const sum = lanes[i]! + terms[i]! + carry
      carry = sum >= LANE ? 1 : 0
      lanes[i] = sum - carry * LANE
    }
  }

  /** Takes out the `stateHash` of a head that no longer is one. */
  remove(hash: Uint8Array): void {
    const lanes = this.#lanes
    const terms = lanesOf(hash)
    let borrow = 0
    for (let i = LANES - 1; i >= 0; i--) {
      const difference = lanes[i]! - terms[i]! - borrow
      borrow = difference < 0 ? 1 : 0
      lanes[i] = difference + borrow * LANE
    }
  }

  /** 16 bytes, big-endian. */
  bytes(): Uint8Array {
    const writer = new ByteWriter(DIGEST_BYTES)
    for (const lane of this.#lanes) writer.u32(lane)
    return writer.finish()
  }

  /** 32 hex digits. */
  hex(): string {
    return toHex(this.bytes())
  }
}

function lanesOf(bytes: Uint8Array): number[] {
  if (bytes.length !== DIGEST_BYTES) throw new RangeError(`a state digest of ${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, DIGEST_BYTES)
  return [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)]
}

/**
 * The state digest: an incremental multiset hash over the live heads, so that nodes with the same heads show the same
 * 32 hex digits. A check against accidents, not against a liar: the hash chains are the proof. See protocols/batch.md.
 *
 * It is a sum modulo 2^128, so heads may come and go in any order and each commit touches only what changed.
 */
import type { Hashes } from '../base/index.js'
import { ByteWriter, EMPTY_BYTES, FORMAT, fromHex, toHex, utf8 } from '../base/index.js'
import type { ShortId } from './ids.js'

const STATE_DOMAIN = utf8('natter/state/1\0')
const DIGEST_BYTES = 16
// Four lanes of 32 bits, the most significant first: sums of two stay exact in a double, without BigInt per head.
const LANES = DIGEST_BYTES / 4
const LANE = 2 ** 32

// Written over at every call: there is one of these for each op, and most are of the batch of the one before.
const term = new ByteWriter(FORMAT.keyBytes + 64).bytes(STATE_DOMAIN)
const sum = new Uint8Array(32)
const termHash = sum.subarray(0, DIGEST_BYTES)
let lastBatch = '' as ShortId
let lastBatchBytes: Uint8Array = EMPTY_BYTES

/**
 * The term of one head: the first 16 bytes of SHA-256 over domain, key, batch id and op index. The bytes are good until
 * the next call.
 */
export function stateHash(key: Uint8Array, batch: ShortId, index: number, hashes: Hashes): Uint8Array {
  if (batch !== lastBatch) {
    lastBatch = batch
    lastBatchBytes = fromHex(batch)
  }
  term.restart(STATE_DOMAIN.length).block(key).bytes(lastBatchBytes).varint(index)
  hashes.sha256(term.finish(), sum)
  return termHash
}

export class StateDigest {
  readonly #lanes: number[]

  /** Zero, or what `bytes()` of another one gave: 16 bytes, big-endian. Throws `RangeError` for another length. */
  constructor(bytes: Uint8Array = new Uint8Array(DIGEST_BYTES)) {
    if (bytes.length !== DIGEST_BYTES) throw new RangeError(`a state digest of ${bytes.length} bytes`)
    this.#lanes = Array.from({ length: LANES }, (_, i) => laneOf(bytes, i))
  }

  /** Takes in the `stateHash` of a head that became live. */
  add(hash: Uint8Array): void {
    const lanes = this.#lanes
    let carry = 0
    for (let i = LANES - 1; i >= 0; i--) {
      const sum = lanes[i]! + laneOf(hash, i) + carry
      carry = sum >= LANE ? 1 : 0
      lanes[i] = sum - carry * LANE
    }
  }

  /** Takes out the `stateHash` of a head that no longer is one. */
  remove(hash: Uint8Array): void {
    const lanes = this.#lanes
    let borrow = 0
    for (let i = LANES - 1; i >= 0; i--) {
      const difference = lanes[i]! - laneOf(hash, i) - borrow
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

function laneOf(bytes: Uint8Array, lane: number): number {
  const at = 4 * lane
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

/**
 * The ports through which every part meets the world: time, randomness and cryptography.
 *
 * No other file below `node.ts` reads a clock, draws a random number or sets a timer, so the same code
 * runs under libp2p and under a simulator that supplies its own ports.
 */

/** Milliseconds since the Unix epoch, and timers on the same clock. */
export interface Clock {
  /** Wall clock, in milliseconds since the Unix epoch. */
  now(): number
  /** Calls `run` once after `delayMs`. The timer never keeps a process alive. */
  schedule(delayMs: number, run: () => void): Timer
}

export interface Timer {
  cancel(): void
}

export interface Random {
  /** `length` unpredictable bytes. */
  bytes(length: number): Uint8Array
  /** A number in [0, 1), for jitter. */
  fraction(): number
}

/** Hashes and checks that are cheap enough to be synchronous everywhere. */
export interface Hashes {
  /** SHA-256: 32 new bytes, or those of `into`. */
  sha256(data: Uint8Array, into?: Uint8Array): Uint8Array
  /** CRC-32 (IEEE 802.3, as in zlib) of `data`, as an unsigned 32-bit number. */
  crc32(data: Uint8Array): number
}

/** Ed25519 (RFC 8032). Keys and signatures are raw: 32 and 64 bytes. */
export interface Crypto extends Hashes {
  /** `true` when `signature` over `message` is by `publicKey`; `false` for any malformed input. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean | Promise<boolean>
}

/** The key that a node writes with. Its public half is the node's author key and its libp2p identity. */
export interface Signer {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>
}

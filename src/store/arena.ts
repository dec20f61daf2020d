/**
 * Memory for the many small keys and values of one commit: cut from larger pieces, since a buffer of its own for each
 * costs the garbage collector more than everything else a commit does. Only for disks that copy what they are given;
 * one that keeps the bytes would keep whole pieces for the sake of single records.
 */
const pieceBytes = 128 * 1024
/** The first piece: a commit of one op needs no more. */
const firstBytes = 1024
/** Larger records are worth a buffer of their own. */
const cutBytes = 8 * 1024

export class Arena {
  readonly #cuts: boolean
  #piece = new Uint8Array(0)
  #at = 0
  #next = firstBytes

  /** `copied`: whether the disk copies what it is given. */
  constructor(copied: boolean) {
    this.#cuts = copied
  }

  /** `length` bytes, all zero. */
  take(length: number): Uint8Array {
    if (!this.#cuts || length > cutBytes) return new Uint8Array(length)
    if (this.#at + length > this.#piece.length) {
      while (this.#next < length) this.#next *= 2
      this.#piece = new Uint8Array(this.#next)
      this.#next = Math.min(this.#next * 4, pieceBytes)
      this.#at = 0
    }
    const bytes = this.#piece.subarray(this.#at, this.#at + length)
    this.#at += length
    return bytes
  }
}

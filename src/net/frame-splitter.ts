/** Frames out of a stream of bytes: each behind a varint of its length, in its shortest form. */
import { Uint8ArrayList } from 'uint8arraylist'
import { NatterError } from '../base/index.js'
import { plainBytes } from './flow.js'

/** Bytes of a length prefix at most. */
export const PREFIX_BYTES = 4

export class FrameSplitter {
  readonly #maxFrameBytes: number
  readonly #pending = new Uint8ArrayList()
  /** Of the frame at the front, where it is known: its length, and that of its prefix. */
  #length = -1
  #prefix = 0

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes
  }

  /** Bytes that came and were not taken. */
  get pendingBytes(): number {
    return this.#pending.byteLength
  }

  add(data: Uint8Array | Uint8ArrayList): void {
    this.#pending.append(data)
  }

  /** The next frame that is whole. Throws `PROTOCOL_ERROR` for a length that cannot be: there is no way on from it. */
  next(): Uint8Array | undefined {
    const pending = this.#pending
    if (this.#length < 0 && !this.#readLength()) return undefined
    const end = this.#prefix + this.#length
    if (pending.byteLength < end) return undefined
    const frame = pending.subarray(this.#prefix, end)
    pending.consume(end)
    this.#length = -1
    return plainBytes(frame)
  }

  /** False while a part of the length is missing. */
  #readLength(): boolean {
    const pending = this.#pending
    let length = 0
    for (let i = 0; i < PREFIX_BYTES; i++) {
      if (i >= pending.byteLength) return false
      const byte = pending.get(i)
      length += (byte & 0x7f) * 2 ** (7 * i)
      if (byte >= 0x80) continue
      if ((byte === 0 && i > 0) || length > this.#maxFrameBytes) break
      this.#length = length
      this.#prefix = i + 1
      return true
    }
    throw new NatterError(
      'PROTOCOL_ERROR',
      `a frame over ${this.#maxFrameBytes} bytes or with a malformed length`
    )
  }
}

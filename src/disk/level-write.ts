/** Collects a commit; copied into LevelDB's own batch when its turn comes, for the handle may change until then. */
import type { DiskWrite } from './index.js'
import type { BytesLevel } from './level-reads.js'

export class LevelWrite implements DiskWrite {
  readonly #keys: Uint8Array[] = []
  readonly #values: (Uint8Array | undefined)[] = []
  #bytes = 0

  get length(): number {
    return this.#keys.length
  }

  get bytes(): number {
    return this.#bytes
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#keys.push(key)
    this.#values.push(value)
    this.#bytes += key.length + value.length
  }

  del(key: Uint8Array): void {
    this.#keys.push(key)
    this.#values.push(undefined)
    this.#bytes += key.length
  }

  copyTo(batch: ReturnType<BytesLevel['batch']>): void {
    for (let i = 0; i < this.#keys.length; i++) {
      const value = this.#values[i]
      if (value === undefined) batch.del(this.#keys[i]!)
      else batch.put(this.#keys[i]!, value)
    }
  }
}

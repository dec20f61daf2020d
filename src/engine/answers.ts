/** Reads, for one stream, what answers the peer's WANTs: one walk over the log at a time, in the order of the requests. */
import type { BareHeader, Batch, Want } from '../log/index.js'
import type { RunReader, Store } from '../store/index.js'

export class Answers {
  readonly #store: Store
  #reader: RunReader | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(store: Store) {
    this.#store = store
  }

  /** Takes a WANT into the walk; false when nothing that it names as held is known here. */
  add(want: Want): Promise<boolean> {
    return this.#inTurn(async () => {
      if (this.#closed) return true
      this.#reader ??= this.#store.openRun()
      return this.#reader.add(want)
    })
  }

  next(maxBytes: number): Promise<{ batches: Batch[]; proof: BareHeader[]; done: boolean }> {
    return this.#inTurn(async () => {
      const reader = this.#reader
      if (reader === undefined) return { batches: [], proof: [], done: true }
      const piece = await reader.next(maxBytes)
      if (piece.done) {
        this.#reader = undefined
        await reader.close()
      }
      return piece
    })
  }

  close(): void {
    this.#closed = true
    void this.#inTurn(async () => {
      await this.#reader?.close()
      this.#reader = undefined
    }).catch(() => undefined) // the store is closing as well
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run)
    this.#turn = result.catch(() => undefined) // told to the caller
    return result
  }
}

/**
 * Removes what has been kept long enough: finished operations, and the oldest records of the log. A bounded piece at a
 * time, from the front of an index, so that a tick pays for what is due and not for what is there.
 */
import { DELIVERY } from '../base/index.js'
import type { Ledger } from './ledger.js'
import type { Reads } from './reads.js'
import { forget } from './transitions.js'

export class Sweeper {
  readonly #ledger: Ledger
  readonly #reads: Reads
  #running: Promise<void> | undefined

  constructor(ledger: Ledger, reads: Reads) {
    this.#ledger = ledger
    this.#reads = reads
  }

  /** One piece of the work; calls that come meanwhile wait for it. */
  sweep(nowMs: number): Promise<void> {
    this.#running ??= this.#sweep(nowMs).finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #sweep(nowMs: number): Promise<void> {
    const { keepDoneMs, keepLogMs } = this.#ledger
    const finished = await this.#old(limit => this.#reads.finished(nowMs - keepDoneMs, limit))
    const records = await this.#old(limit => this.#reads.oldestRecords(nowMs - keepLogMs, limit))
    const last = records.at(-1)
    if (finished.length === 0 && last === undefined) return
    await this.#ledger.call({
      seqs: finished.map(({ seq }) => seq),
      bytes: DELIVERY.groupBytes / 2,
      run: async draft => {
        for (const { seq, doneAtMs } of finished) await forget(draft, seq, doneAtMs)
        const removed: number[] = []
        for (const { position, type } of records) {
          // What an operation is stands with its `put`, for as long as there is the operation.
          if (type !== 'put' || (await draft.state(position)) === undefined) removed.push(position)
        }
        if (last !== undefined) draft.trimLog(last.position, removed)
        return { value: undefined }
      }
    })
  }

  /** A look at the first mostly says that there is nothing yet. */
  async #old<T>(read: (limit: number) => Promise<T[]>): Promise<T[]> {
    return (await read(1)).length === 0 ? [] : read(DELIVERY.sweptItems)
  }
}

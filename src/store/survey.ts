/**
 * Looks at what a store holds, for those who look after a node: forks, clocks, cells that cannot be read, how many keys
 * of a range have several versions. Each look reads a bounded part of the disk, however large the log is, and what is
 * damaged is an answer, not an error.
 */
import { messageOf } from '../base/index.js'
import type { Author, Batch, Epoch, HybridTime } from '../log/index.js'
import { decodeCell } from './cell-record.js'
import { isDamage } from './damage.js'
import { cellOf } from './heads.js'
import type { Cell, KeyRange } from './index.js'
import { cellKey, SPACE, spaceRange } from './keys.js'
import type { StoreParts } from './store.js'

/** Milliseconds after which a walk ends, however far it is: on a busy machine a look shall not take long either. */
const walkMs = 100
/** Bytes of a log record that is still read for the time in it. */
const clockRecordBytes = 256 * 1024
/** Batches, and bytes of them, of a backlog that are looked at one by one; all beyond counts as lacking. */
const owedBatches = 512
const owedBytes = 8 * 1024 * 1024
/** Entries of one read of the disk: values may be large. */
const pageCells = 64

/** From which seq on an epoch of an author has two batches under one name. */
export interface Fork {
  readonly author: Author
  readonly epoch: Epoch
  readonly seq: number
}

/** What the newest batch of an author says of that author's clock. */
export interface ClockReading {
  readonly author: Author
  /** By how much the batch's time was ahead of this node's clock when it arrived; below zero: it was on its way so long. */
  readonly aheadMs: number
  readonly arrivedMs: number
}

export interface CellSurvey {
  /** Cells that were looked at, and whether the range has more. */
  readonly looked: number
  readonly more: boolean
  /** Keys that a read shows a value of, and keys with more than one version, of those looked at. */
  readonly present: number
  readonly conflicted: number
  /** Cells that no read can show. */
  readonly unreadable: readonly { readonly key: Uint8Array; readonly reason: string }[]
}

export class StoreSurvey {
  readonly #parts: StoreParts

  constructor(parts: StoreParts) {
    this.#parts = parts
  }

  /** The greatest hybrid time used or taken over here. */
  get time(): HybridTime {
    return this.#parts.state().time
  }

  forks(): Fork[] {
    const { forks, authors } = this.#parts.state()
    return [...forks.values()].map(({ author, epoch, seq }) => ({
      author: authors.nameOf(author),
      epoch,
      seq
    }))
  }

  /** Of the authors whose batches arrived last, at most `limit`; own ones that were written here are left out. */
  async clocks(limit: number): Promise<ClockReading[]> {
    const { state, log, lineage } = this.#parts
    const newest = [...state().tips.values()].sort((a, b) => b.position - a.position)
    const readings = new Map<Author, ClockReading>()
    for (const tip of newest.slice(0, limit)) {
      const author = state().authors.nameOf(tip.author)
      if (readings.has(author)) continue
      try {
        const entry = await lineage.at(tip, tip.seq)
        if (entry === undefined || entry.bytes > clockRecordBytes) continue
        const record = await log.record(tip.position)
        if (record === undefined || record.local) continue
        const aheadMs = record.batch.header.time.ms - record.arrivedMs
        readings.set(author, { author, aheadMs, arrivedMs: record.arrivedMs })
      } catch (error) {
        if (!isDamage(error)) throw error // it has a check of its own
      }
    }
    return [...readings.values()]
  }

  /** Reads at most so many of the newest batches, and about so many bytes; answers how many are well, and what is not. */
  async newest(batches: number, bytes: number): Promise<{ looked: number; damaged: string[] }> {
    const { state, log } = this.#parts
    const damaged: string[] = []
    let looked = 0
    let left = bytes
    const from = Math.max(0, state().mark.position - batches)
    const untilMs = this.#untilMs()
    try {
      for await (const { record } of log.records(from, error => damaged.push(error.message))) {
        looked++
        left -= record.batch.body.length
        if (left <= 0 || looked >= batches || this.#isOver(untilMs)) break
      }
    } catch (error) {
      if (!isDamage(error)) throw error
      damaged.push(error.message)
    }
    return { looked, damaged }
  }

  /** As the store's `backlog`, of less work: of what lies above a position, the batches that a peer is not known to have. */
  async owed(
    above: number,
    has: (batch: Batch) => boolean
  ): Promise<{ ops: number; bytes: number; oldestMs: number }> {
    const { state, log, init } = this.#parts
    const { totals, mark } = state()
    const lag = { ops: 0, bytes: 0, oldestMs: 0 }
    let read = 0
    for await (const { position, record } of log.records(above, () => undefined)) {
      if (position > mark.position) break
      const { batch, arrivedMs } = record
      if (position > above + owedBatches || read > owedBytes) {
        lag.ops += totals.ops - record.opsBefore
        lag.bytes += totals.bytes - record.bytesBefore
        break
      }
      read += batch.body.length
      if (has(batch)) continue
      lag.ops += batch.header.opCount
      lag.bytes += batch.header.bodyLength
      lag.oldestMs = Math.max(lag.oldestMs, init.clock.now() - arrivedMs)
    }
    return lag
  }

  /** Keys with more than one version, in byte order. */
  async conflictKeys(limit: number): Promise<{ keys: Uint8Array[]; more: boolean }> {
    const iterator = this.#parts.init.disk.iterate({ ...spaceRange(SPACE.conflict), limit: limit + 1 })
    const keys: Uint8Array[] = []
    try {
      for (let page = await iterator.next(256); page.length > 0; page = await iterator.next(256)) {
        for (const [key] of page) keys.push(key.subarray(1))
      }
    } finally {
      await iterator.close()
    }
    return { keys: keys.slice(0, limit), more: keys.length > limit }
  }

  /** Walks over at most so many cells, and about so many bytes, from the begin of a range. */
  async cells(range: KeyRange, cells: number, bytes: number): Promise<CellSurvey> {
    const { disk } = this.#parts.init
    const all = spaceRange(SPACE.cell)
    const gte = range.gte === undefined ? all.gte : cellKey(range.gte)
    const lt = range.lt === undefined ? all.lt : cellKey(range.lt)
    const iterator = disk.iterate({ gte, lt })
    const unreadable: { key: Uint8Array; reason: string }[] = []
    const counts = { looked: 0, present: 0, conflicted: 0 }
    let left = bytes
    const untilMs = this.#untilMs()
    try {
      for (;;) {
        const page = await iterator.next(Math.min(pageCells, Math.max(1, cells - counts.looked)))
        if (page.length === 0) return { ...counts, more: false, unreadable }
        if (counts.looked >= cells || left <= 0 || this.#isOver(untilMs))
          return { ...counts, more: true, unreadable }
        for (const [key, value] of page) {
          left -= key.length + value.length
          counts.looked++
          const cell = await this.#read(key, value)
          if ('reason' in cell) unreadable.push({ key: key.subarray(1), reason: cell.reason })
          else {
            if (cell.winner !== undefined) counts.present++
            if (cell.heads.length > 1) counts.conflicted++
          }
        }
      }
    } finally {
      await iterator.close()
    }
  }

  #untilMs(): number {
    return this.#parts.init.clock.now() + walkMs
  }

  #isOver(untilMs: number): boolean {
    return this.#parts.init.clock.now() > untilMs
  }

  async #read(diskKey: Uint8Array, value: Uint8Array): Promise<Cell | { reason: string }> {
    const { init, cells, state } = this.#parts
    const key = diskKey.subarray(1)
    try {
      const record = decodeCell(diskKey, value, init.crypto, state().authors)
      if (record.lostAfter === undefined) return readable(cellOf(record, init.strategy(key)))
    } catch (error) {
      if (!isDamage(error)) throw error
    }
    try {
      // As any read does: made again from the log where that can be.
      const cell = await cells.get(key)
      return cell === undefined ? { reason: 'its record is gone' } : readable(cell)
    } catch (error) {
      if (!isDamage(error)) throw error
      return { reason: messageOf(error) }
    }
  }
}

function readable(cell: Cell): Cell | { reason: string } {
  return cell.unreadable === undefined ? cell : { reason: cell.unreadable }
}

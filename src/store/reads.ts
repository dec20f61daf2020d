/** Reading cells: one, many, a range, those in conflict. A damaged cell is an error and an event, never a value. */
import type { Hashes, NodeEvents } from '../base/index.js'
import { isNatterError, messageOf } from '../base/index.js'
import type { Disk, DiskIterator, DiskSnapshot } from '../disk/index.js'
import type { Strategy } from '../merge/index.js'
import type { AuthorNames } from './authors.js'
import { decodeCell } from './cell-record.js'
import { cellOf } from './heads.js'
import type { Cell, CellIterator, KeyRange } from './index.js'
import { cellKey, conflictKey, SPACE, spaceRange } from './keys.js'

export interface CellReaderInit {
  readonly disk: Disk
  readonly hashes: Hashes
  readonly names: () => AuthorNames
  readonly strategy: (key: Uint8Array) => Strategy
  readonly emit: (type: 'unreadable', event: NodeEvents['unreadable']) => void
}

interface AsOf {
  snapshot?: DiskSnapshot | undefined
}

/** Entries of one read of the disk while a range is walked. */
const pageEntries = 256

export class CellReader {
  readonly #init: CellReaderInit

  constructor(init: CellReaderInit) {
    this.#init = init
  }

  async get(key: Uint8Array, options?: AsOf): Promise<Cell | undefined> {
    const diskKey = cellKey(key)
    const value = await this.#init.disk.get(diskKey, options)
    return value === undefined ? undefined : this.#decode(diskKey, value)
  }

  async getMany(keys: readonly Uint8Array[], options?: AsOf): Promise<(Cell | undefined)[]> {
    const diskKeys = keys.map(key => cellKey(key))
    const values = await this.#init.disk.getMany(diskKeys, options)
    return values.map((value, i) => (value === undefined ? undefined : this.#decode(diskKeys[i]!, value)))
  }

  iterate(range: KeyRange, options?: AsOf): CellIterator {
    const { gt, gte, lt, lte, reverse } = range
    const all = spaceRange(SPACE.cell)
    const iterator = this.#init.disk.iterate(
      {
        ...(gt !== undefined ? { gt: cellKey(gt) } : { gte: gte === undefined ? all.gte : cellKey(gte) }),
        ...(lte !== undefined && lt === undefined
          ? { lte: cellKey(lte) }
          : { lt: lt === undefined ? all.lt : cellKey(lt) }),
        reverse: reverse ?? false
      },
      options
    )
    return new PresentCells(iterator, (key, value) => this.#decode(key, value))
  }

  async *conflicts(after?: Uint8Array): AsyncIterable<{ key: Uint8Array; cell: Cell }> {
    const { lt, gte } = spaceRange(SPACE.conflict)
    const iterator = this.#init.disk.iterate({
      lt,
      ...(after === undefined ? { gte } : { gt: conflictKey(after) })
    })
    try {
      for (let page = await iterator.next(64); page.length > 0; page = await iterator.next(64)) {
        const keys = page.map(([key]) => key.subarray(1))
        const cells = await this.getMany(keys)
        for (let i = 0; i < keys.length; i++) {
          const cell = cells[i]
          if (cell !== undefined && cell.heads.length > 1) yield { key: keys[i]!, cell }
        }
      }
    } finally {
      await iterator.close()
    }
  }

  #decode(diskKey: Uint8Array, value: Uint8Array): Cell {
    const { hashes, names, strategy, emit } = this.#init
    try {
      return cellOf(decodeCell(diskKey, value, hashes, names()), strategy(diskKey.subarray(1)))
    } catch (error) {
      if (isNatterError(error, 'STORE_DAMAGED')) {
        emit('unreadable', { key: new TextDecoder().decode(diskKey.subarray(1)), reason: messageOf(error) })
      }
      throw error
    }
  }
}

type Entry = Awaited<ReturnType<CellIterator['next']>>[number]

class PresentCells implements CellIterator {
  readonly #iterator: DiskIterator
  readonly #decode: (key: Uint8Array, value: Uint8Array) => Cell

  constructor(iterator: DiskIterator, decode: (key: Uint8Array, value: Uint8Array) => Cell) {
    this.#iterator = iterator
    this.#decode = decode
  }

  async next(count: number): Promise<Entry[]> {
    const entries: Entry[] = []
    while (entries.length < count) {
      const page = await this.#iterator.next(Math.min(count - entries.length, pageEntries))
      if (page.length === 0) break
      for (const [key, value] of page) {
        const cell = this.#decode(key, value)
        if (isPresent(cell)) entries.push({ key: key.subarray(1), cell })
      }
    }
    return entries
  }

  seek(key: Uint8Array): void {
    this.#iterator.seek(cellKey(key))
  }

  close(): Promise<void> {
    return this.#iterator.close()
  }
}

function isPresent(cell: Cell): cell is Entry['cell'] {
  return cell.winner !== undefined
}

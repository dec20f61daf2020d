/**
 * Reading cells: one, many, a range, those in conflict. A damaged cell is made again from the log; where that is damaged
 * as well, it is an error and an event, never a value.
 */
import type { Hashes, NatterError, NodeEvents } from '../base/index.js'
import { messageOf, toHex } from '../base/index.js'
import type { Disk, DiskIterator, DiskSnapshot } from '../disk/index.js'
import type { Strategy } from '../merge/index.js'
import type { AuthorNames } from './authors.js'
import { decodeCell } from './cell-record.js'
import { isDamage, readIntact } from './damage.js'
import type { IsForked } from './heads.js'
import { cellOf } from './heads.js'
import type { Cell, CellIterator, KeyRange } from './index.js'
import { cellKey, conflictKey, SPACE, spaceRange } from './keys.js'
import type { RebuildCell } from './rebuild.js'
import { damaged } from './records.js'

export interface CellReaderInit {
  readonly disk: Disk
  readonly hashes: Hashes
  readonly names: () => AuthorNames
  readonly strategy: (key: Uint8Array) => Strategy
  readonly isForked: IsForked
  readonly emit: (type: 'unreadable', event: NodeEvents['unreadable']) => void
  readonly rebuild: RebuildCell
  /** Has a damaged cell written anew. */
  readonly repair: (key: Uint8Array) => void
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
    let value: Uint8Array | undefined
    try {
      value = await this.#init.disk.get(diskKey, options)
    } catch (error) {
      if (!isDamage(error)) throw error
      return this.#rebuild(key, error, options)
    }
    return value === undefined ? undefined : this.#read(diskKey, value, options)
  }

  async getMany(keys: readonly Uint8Array[], options?: AsOf): Promise<(Cell | undefined)[]> {
    const diskKeys = keys.map(key => cellKey(key))
    const values = await readIntact(this.#init.disk, diskKeys, options)
    const cells: (Cell | undefined)[] = []
    for (let i = 0; i < keys.length; i++) {
      const value = values[i]
      const cell = value === undefined ? undefined : this.#read(diskKeys[i]!, value, options)
      cells.push(cell instanceof Promise ? await cell : cell)
    }
    return cells
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
    return new PresentCells(iterator, (key, value) => this.#read(key, value, options))
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

  /** The cell; a promise only where it has to be made again. */
  #read(diskKey: Uint8Array, value: Uint8Array, options?: AsOf): Cell | Promise<Cell> {
    const { hashes, names, strategy, isForked } = this.#init
    const key = diskKey.subarray(1)
    try {
      const record = decodeCell(diskKey, value, hashes, names())
      if (record.lostAfter === undefined) return cellOf(record, strategy(key), isForked)
      return this.#rebuild(key, damaged(`the cell of key ${toHex(key)}`, new Error('it was lost')), options)
    } catch (error) {
      if (!isDamage(error)) throw error
      return this.#rebuild(key, error, options)
    }
  }

  async #rebuild(key: Uint8Array, damage: NatterError, options?: AsOf): Promise<Cell> {
    const { strategy, emit, rebuild, repair, isForked } = this.#init
    try {
      const record = await rebuild(key, { snapshot: options?.snapshot })
      if (record === undefined) throw damage
      repair(key)
      return cellOf(record, strategy(key), isForked)
    } catch (error) {
      if (isDamage(error)) {
        emit('unreadable', { key: new TextDecoder().decode(key), reason: messageOf(error) })
      }
      throw error
    }
  }
}

type Entry = Awaited<ReturnType<CellIterator['next']>>[number]

class PresentCells implements CellIterator {
  readonly #iterator: DiskIterator
  readonly #read: (key: Uint8Array, value: Uint8Array) => Cell | Promise<Cell>

  constructor(iterator: DiskIterator, read: (key: Uint8Array, value: Uint8Array) => Cell | Promise<Cell>) {
    this.#iterator = iterator
    this.#read = read
  }

  async next(count: number): Promise<Entry[]> {
    const entries: Entry[] = []
    while (entries.length < count) {
      const page = await this.#iterator.next(Math.min(count - entries.length, pageEntries))
      if (page.length === 0) break
      for (const [key, value] of page) {
        const read = this.#read(key, value)
        const cell = read instanceof Promise ? await read : read
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

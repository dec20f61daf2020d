/** What the reads of a `ReplicatedLevel` hand out: iterators and snapshots in abstract-level's shape. */
import type { AbstractIteratorOptions } from 'abstract-level'
import { AbstractIterator, AbstractSnapshot } from 'abstract-level'
import type { DiskSnapshot } from '../disk/index.js'
import type { CellIterator } from './index.js'

/** Entries that `next()` reads ahead after the first: a loop is ten times faster, and values are at most 256 KiB. */
const readAhead = 64

type Entry = [key: Uint8Array, value: Uint8Array]

export class LevelIterator extends AbstractIterator<object, Uint8Array, Uint8Array> {
  readonly #cells: CellIterator
  #ahead: Entry[] = []
  #isFirst = true

  constructor(db: object, options: object, cells: CellIterator) {
    super(db, options as AbstractIteratorOptions<Uint8Array, Uint8Array>)
    this.#cells = cells
  }

  async _next(): Promise<Entry | undefined> {
    if (this.#ahead.length === 0) {
      // Often one entry is all that is wanted.
      this.#ahead = (await this.#read(this.#isFirst ? 1 : readAhead)).reverse()
      this.#isFirst = false
    }
    return this.#ahead.pop()
  }

  async _nextv(size: number): Promise<Entry[]> {
    if (this.#ahead.length > 0) {
      return this.#ahead.splice(Math.max(0, this.#ahead.length - size)).reverse()
    }
    return this.#read(size)
  }

  _seek(target: Uint8Array): void {
    this.#ahead = []
    this.#isFirst = true
    this.#cells.seek(target)
  }

  async _close(): Promise<void> {
    this.#ahead = []
    await this.#cells.close()
  }

  async #read(count: number): Promise<Entry[]> {
    return (await this.#cells.next(count)).map(({ key, cell }) => [key, cell.winner.value!])
  }
}

// The typings leave out the owner that the base class takes.
const SnapshotBase = AbstractSnapshot as unknown as new (options: object) => AbstractSnapshot

export class LevelSnapshot extends SnapshotBase {
  readonly disk: DiskSnapshot

  constructor(options: object, disk: DiskSnapshot) {
    super(options)
    this.disk = disk
  }

  async _close(): Promise<void> {
    await this.disk.close()
  }
}

/**
 * A handle on a simulated database: those members of abstract-level that the disk calls, and no others. It sees what it
 * wrote, also where the medium will not have it at the next open.
 */
import type { BytesLevel } from '../../src/disk/level-reads.js'
import { textOf } from '../../src/store/keys.js'
import type { Life } from './clock.js'
import type { SimDisk } from './disk.js'
import type { Change, TableEntry } from './table.js'
import { changeOf, find, lowerBound, Table } from './table.js'

interface IteratorOptions {
  readonly gt?: Uint8Array
  readonly gte?: Uint8Array
  readonly lt?: Uint8Array
  readonly lte?: Uint8Array
  readonly reverse: boolean
  readonly limit: number
  readonly snapshot?: SimSnapshot
}

export class SimLevel {
  readonly life: Life
  readonly supports = { getSync: false }
  readonly #disk: SimDisk
  #view = new Table()
  #open = false
  /** An append failed: what is written from now on is gone at the next open. */
  #broken = false
  /** Open iterators and snapshots: there must be none when it is closed. */
  readonly held = new Set<SimIterator | SimSnapshot>()
  get resources(): readonly string[] {
    return [...this.held].map(held => (held instanceof SimSnapshot ? 'a snapshot' : 'an iterator'))
  }

  constructor(disk: SimDisk, life: Life) {
    this.#disk = disk
    this.life = life
  }

  /** Behind the type that the disk takes. */
  get asLevel(): BytesLevel {
    return this as unknown as BytesLevel
  }

  get isOpen(): boolean {
    return this.#open
  }

  async open(): Promise<void> {
    await this.#disk.timeline.wait(this.#disk.dice.between(...this.#disk.habits.writeMs), this.life)
    this.#view = await this.#disk.opened(this)
    this.#open = true
  }

  async close(): Promise<void> {
    await this.#disk.timeline.wait(this.#disk.dice.between(0, 2), this.life)
    this.#open = false
    this.#disk.closed(this)
  }

  get(key: Uint8Array, { snapshot }: { snapshot?: SimSnapshot } = {}): Promise<Uint8Array | undefined> {
    const name = textOf(key)
    const entry = snapshot === undefined ? this.#view.get(name) : snapshot.get(name)
    return this.read(() => entry?.value)
  }

  getMany(
    keys: readonly Uint8Array[],
    { snapshot }: { snapshot?: SimSnapshot } = {}
  ): Promise<(Uint8Array | undefined)[]> {
    const values = keys.map(key => {
      const name = textOf(key)
      return (snapshot === undefined ? this.#view.get(name) : snapshot.get(name))?.value
    })
    return this.read(() => values)
  }

  /** Answers in the time that a read takes, or fails as one does. */
  read<T>(answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#disk.reading(this.life, () => {
        if (!this.#open) reject(ioError('LEVEL_DATABASE_NOT_OPEN', 'the database is not open'))
        else if (this.#disk.fails(true)) {
          this.#disk.tell({ what: 'read-failed', code: 'EIO' })
          reject(this.#disk.error())
        } else resolve(answer())
      })
    })
  }

  snapshot(): SimSnapshot {
    return new SimSnapshot(this, this.#view.frozen())
  }

  iterator(options: IteratorOptions): SimIterator {
    return new SimIterator(this, options.snapshot?.entries ?? this.#view.frozen(), options)
  }

  batch(): SimBatch {
    return new SimBatch(this)
  }

  async write(changes: readonly Change[], sync: boolean): Promise<void> {
    if (!this.#open) throw ioError('LEVEL_DATABASE_NOT_OPEN', 'the database is not open')
    try {
      await this.#disk.append(this, changes, sync, this.#broken)
    } catch (error) {
      this.#broken = true
      throw error
    }
    this.#view.apply(changes)
  }

  /** A stored value is another one now; this handle reads it from the file as anybody would. */
  rot(change: Change): void {
    this.#view.apply([change])
  }
}

export class SimSnapshot {
  readonly entries: readonly TableEntry[]
  readonly #level: SimLevel

  constructor(level: SimLevel, entries: readonly TableEntry[]) {
    this.#level = level
    this.entries = entries
    level.held.add(this)
  }

  get(name: string): TableEntry | undefined {
    return find(this.entries, name)
  }

  async close(): Promise<void> {
    this.#level.held.delete(this)
  }
}

export class SimIterator {
  readonly #level: SimLevel
  readonly #entries: readonly TableEntry[]
  readonly #reverse: boolean
  readonly #from: number
  readonly #to: number
  /** The next place; walks between `from` and `to`. */
  #at: number
  #left: number

  constructor(level: SimLevel, entries: readonly TableEntry[], options: IteratorOptions) {
    this.#level = level
    this.#entries = entries
    const { gt, gte, lt, lte, reverse, limit } = options
    let from = 0
    let to = entries.length
    if (gte !== undefined) from = lowerBound(entries, textOf(gte))
    if (gt !== undefined) from = Math.max(from, behind(entries, textOf(gt)))
    if (lt !== undefined) to = lowerBound(entries, textOf(lt))
    if (lte !== undefined) to = Math.min(to, behind(entries, textOf(lte)))
    this.#reverse = reverse
    this.#from = from
    this.#to = to
    this.#at = reverse ? to - 1 : from
    this.#left = limit < 0 ? Number.POSITIVE_INFINITY : limit
    level.held.add(this)
  }

  nextv(count: number): Promise<[Uint8Array, Uint8Array][]> {
    return this.#level.read(() => {
      const found: [Uint8Array, Uint8Array][] = []
      while (found.length < count && this.#left > 0 && this.#at >= this.#from && this.#at < this.#to) {
        const { key, value } = this.#entries[this.#at]!
        found.push([key, value])
        this.#at += this.#reverse ? -1 : 1
        this.#left--
      }
      return found
    })
  }

  seek(key: Uint8Array): void {
    const name = textOf(key)
    this.#at = this.#reverse ? behind(this.#entries, name) - 1 : lowerBound(this.#entries, name)
  }

  async close(): Promise<void> {
    this.#level.held.delete(this)
  }
}

function behind(entries: readonly TableEntry[], name: string): number {
  const at = lowerBound(entries, name)
  return entries[at]?.name === name ? at + 1 : at
}

export class SimBatch {
  readonly #level: SimLevel
  readonly #changes: Change[] = []

  constructor(level: SimLevel) {
    this.#level = level
  }

  put(key: Uint8Array, value: Uint8Array): this {
    this.#changes.push(changeOf(key, value))
    return this
  }

  del(key: Uint8Array): this {
    this.#changes.push(changeOf(key, undefined))
    return this
  }

  write({ sync }: { sync: boolean }): Promise<void> {
    return this.#level.write(this.#changes, sync)
  }

  async close(): Promise<void> {
    this.#changes.length = 0
  }
}

/** As abstract-level throws it: a code of its own and the cause that LevelDB gave. */
export function ioError(code: string, message: string): Error {
  const cause = Object.assign(new Error(`IO error: ${message}`), { code })
  return Object.assign(new Error(`Database operation failed: ${message}`, { cause }), { code })
}

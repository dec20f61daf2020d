/**
 * The file system of one directory, and LevelDB on it as the product meets it.
 *
 * Modelled after LevelDB: a synced write is in the log file and on the medium; one in flight when the process dies is
 * found whole at the next open, or not at all; one not synced outlives the process and not the machine. After an append
 * that failed the same handle goes on acknowledging writes, which are gone at the next open. An open writes what it
 * recovered anew, and syncs it. Bits of stored values may flip: the reader is handed the flipped value.
 */
import type { Timer } from '../../src/base/index.js'
import { equalBytes } from '../../src/base/index.js'
import type { Space } from '../../src/disk/space-guard.js'
import type { BatchId } from '../../src/log/index.js'
import type { Life, Timeline } from './clock.js'
import type { Dice } from './dice.js'
import type { DiskFault } from './history.js'
import { ioError, SimLevel } from './level.js'
import type { Change } from './table.js'
import { Table } from './table.js'

/** Of the whole file system. */
const totalBytes = 2 ** 30

/** What a disk is like in this run: probabilities and virtual milliseconds. */
export interface DiskHabits {
  /** Of a synced write. */
  readonly writeMs: readonly [number, number]
  /** Of a read that is not answered at once. */
  readonly readMs: readonly [number, number]
  /** Share of reads that take time. */
  readonly slowReads: number
}

/** Errors that a directory gives for a while. */
export interface Trouble {
  readonly code: 'ENOSPC' | 'EIO'
  readonly untilMs: number
  /** Share of calls that fail. */
  readonly share: number
  /** Reads fail as well (EIO only). */
  readonly reads: boolean
  /** A look at the file system shows that it is full. */
  readonly shown: boolean
}

export type TellDisk = (fault: Omit<DiskFault, 'at' | 'node' | 'life' | 'type'>) => void

/** A record with a flipped bit. */
export interface Flip {
  readonly key: Uint8Array
  /** What stood there, and what stands there now. */
  readonly whole: Uint8Array
  readonly now: Uint8Array
  /** The batch that cannot be given to others without it. */
  readonly batch: BatchId | undefined
}

interface Flight {
  readonly changes: readonly Change[]
  readonly sync: boolean
}

export class SimDisk {
  readonly timeline: Timeline
  readonly dice: Dice
  readonly habits: DiskHabits
  readonly tell: TellDisk
  /** What a power cut cannot take. */
  #durable: Table
  /** Written and not synced, oldest first. */
  #tail: (readonly Change[])[] = []
  #flight: Flight | undefined
  #handle: SimLevel | undefined
  trouble: Trouble | undefined
  /** The next commit fails once, so. */
  nextWrite: 'before' | 'after' | undefined
  /** Called when a write has begun, with the milliseconds that it will take. */
  onFlight: ((ms: number) => void) | undefined
  /** Records that a flip damaged, by name, while they are so. */
  readonly flipped = new Map<string, Flip>()
  /** Those that were written anew; a power cut may take what was not synced of that. */
  readonly #mended = new Map<string, Flip>()

  constructor(init: {
    timeline: Timeline
    dice: Dice
    habits: DiskHabits
    tell: TellDisk
    content?: Table
  }) {
    this.timeline = init.timeline
    this.dice = init.dice
    this.habits = init.habits
    this.tell = init.tell
    this.#durable = init.content ?? new Table()
  }

  /** A handle for one life; LevelDB's own lock lets one be open at a time. */
  handle(life: Life): SimLevel {
    return new SimLevel(this, life)
  }

  get open(): SimLevel | undefined {
    return this.#handle
  }

  /** All that a process would find, as a raw copy of the folder has it. */
  content(): Table {
    const table = this.#durable.copy()
    for (const changes of this.#tail) table.apply(changes)
    return table
  }

  async opened(level: SimLevel): Promise<Table> {
    if (this.#handle !== undefined) throw ioError('LEVEL_LOCKED', 'the database is open already')
    if (this.fails(false)) {
      this.tell({ what: 'open-failed', code: this.trouble!.code })
      throw this.error()
    }
    this.#durable = this.content()
    this.#tail = []
    this.#handle = level
    // A write that failed, or that nobody saw the end of, may have been found here.
    for (const [name, flip] of this.flipped) this.#look(name, flip, this.#durable.get(name)?.value)
    return this.#durable.copy()
  }

  closed(level: SimLevel): void {
    if (this.#handle === level) this.#handle = undefined
  }

  /** Whether a call fails now. */
  fails(read: boolean): boolean {
    const { trouble } = this
    if (trouble === undefined) return false
    if (trouble.untilMs <= this.timeline.now) {
      this.trouble = undefined
      return false
    }
    if (read && !trouble.reads) return false
    return this.dice.chance(trouble.share)
  }

  error(): Error {
    const code = this.trouble?.code ?? 'EIO'
    return ioError('LEVEL_IO_ERROR', code === 'ENOSPC' ? 'No space left on device' : 'Input/output error')
  }

  /** Writes and syncs a file beside the database. */
  async probe(life: Life): Promise<void> {
    await this.timeline.wait(this.dice.between(...this.habits.writeMs), life)
    if (this.fails(false)) throw new Error(`probe: ${this.error().message}`)
  }

  async space(): Promise<Space> {
    const { trouble } = this
    const isFull = trouble?.code === 'ENOSPC' && trouble.shown && trouble.untilMs > this.timeline.now
    return { free: isFull ? 4096 : totalBytes / 2, total: totalBytes }
  }

  /** One append to the log file: resolves with what became of it. `broken`: an earlier append on the handle failed. */
  append(level: SimLevel, changes: readonly Change[], sync: boolean, broken: boolean): Promise<void> {
    // Something that outlives processes may wake one that is over: what it writes reaches nothing.
    if (!level.life.alive) return new Promise(() => undefined)
    const delayMs = this.dice.between(...this.habits.writeMs)
    this.#flight = { changes, sync }
    this.onFlight?.(delayMs)
    return new Promise((resolve, reject) => {
      this.timeline.after(delayMs, level.life, () => {
        this.#flight = undefined
        if (broken) {
          this.tell({ what: 'doomed' })
          resolve()
          return
        }
        const error = this.#failure(changes)
        if (error !== undefined) {
          reject(error)
          return
        }
        if (sync) {
          for (const earlier of this.#tail) this.#durable.apply(earlier)
          this.#tail = []
          this.#durable.apply(changes)
        } else this.#tail.push(changes)
        for (const { name, value } of changes) {
          const flip = this.flipped.get(name)
          if (flip !== undefined) this.#look(name, flip, value)
        }
        resolve()
      })
    })
  }

  #failure(changes: readonly Change[]): Error | undefined {
    const once = this.nextWrite
    this.nextWrite = undefined
    if (once === undefined && !this.fails(false)) return undefined
    const reached = once === undefined ? this.dice.chance(0.4) : once === 'after'
    if (reached) this.#tail.push(changes)
    const code = this.trouble?.code ?? 'EIO'
    this.tell({ what: 'write-failed', code, reached })
    return this.error()
  }

  /** The process is gone, and with `power` the machine: what is not on the medium goes, the oldest of it perhaps not. */
  crash(power: boolean): void {
    const flight = this.#flight
    this.#flight = undefined
    this.#handle = undefined
    if (flight !== undefined) {
      const kept = this.dice.chance(0.5)
      if (kept) this.#tail.push(flight.changes)
      this.tell({ what: kept ? 'kept' : 'torn' })
    }
    if (!power) return
    const kept = this.dice.whole(0, this.#tail.length)
    for (const changes of this.#tail.slice(0, kept)) this.#durable.apply(changes)
    this.#tail = []
    for (const [name, flip] of this.#mended) {
      if (isThere(flip, this.#durable.get(name)?.value)) this.flipped.set(name, flip)
    }
  }

  /** Flips a bit of a stored value, and tells so. Answers whether there was one that `fits`. */
  flip(
    fits: (key: Uint8Array) => boolean,
    batchOf: (key: Uint8Array, value: Uint8Array) => BatchId | undefined
  ): boolean {
    const there = this.content().frozen()
    const eligible = there.filter(
      ({ name, key, value }) => value.length > 0 && !this.flipped.has(name) && fits(key)
    )
    if (eligible.length === 0) return false
    const { name, key, value } = this.dice.pick(eligible)
    const flipped = value.slice()
    const at = this.dice.below(flipped.length)
    flipped[at] = flipped[at]! ^ (1 << this.dice.below(8))
    const change = { name, key, value: flipped }
    this.#tail = this.#tail.map(changes => changes.filter(other => other.name !== name))
    this.#durable.apply([change])
    this.#handle?.rot(change)
    const batch = batchOf(key, value)
    this.flipped.set(name, { key, whole: value, now: flipped, batch })
    this.tell({ what: 'flipped', key, ...(batch !== undefined && { batch }) })
    return true
  }

  /** What is written anew is whole again, and no copy of the damaged bytes is. */
  #look(name: string, flip: Flip, value: Uint8Array | undefined): void {
    if (isThere(flip, value)) return
    this.flipped.delete(name)
    this.#mended.set(name, flip)
    this.tell({ what: 'mended', key: flip.key })
  }

  /** Calls back in the time that a read takes; at once as a rule, since most blocks are in memory. */
  reading(life: Life, done: () => void): Timer | undefined {
    if (!this.dice.chance(this.habits.slowReads)) {
      done()
      return undefined
    }
    return this.timeline.after(this.dice.between(...this.habits.readMs), life, done)
  }
}

function isThere({ now }: Flip, value: Uint8Array | undefined): boolean {
  return value !== undefined && equalBytes(value, now)
}

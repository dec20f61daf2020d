/**
 * The quiet check of the whole store: a slice of records at a time, with pauses between, over the log, everything that
 * carries a checksum and the files of the database. A damaged record of the log is noted, to come from a peer; damage of
 * anything else has the store repaired at the end of the pass.
 *
 * It reads what verification reads record by record, and compares nothing: so it costs what a slow walk costs, and finds
 * what bit rot does. Time and timers are the clock's.
 */
import type { Clock, Hashes, NatterError, ScrubStatus, Timer } from '../base/index.js'
import { SCRUB } from '../base/index.js'
import type { Disk } from '../disk/index.js'
import { isDamage } from './damage.js'
import { positionOfKey, SPACE, spaceRange } from './keys.js'
import { decodeLog } from './log-record.js'
import { damaged, isIntact } from './records.js'

/** Spaces whose records carry a checksum, with the log last: it is most of it. */
const spaces = [
  SPACE.author,
  SPACE.branch,
  SPACE.clientId,
  SPACE.fork,
  SPACE.index,
  SPACE.keyList,
  SPACE.cell,
  SPACE.meta,
  SPACE.peer,
  SPACE.tip,
  SPACE.cover,
  SPACE.log
]

export interface ScrubberInit {
  readonly disk: Disk
  readonly hashes: Hashes
  readonly clock: Clock
  /** Batches that wait for a peer. */
  readonly missing: () => number
  readonly end: () => number
  readonly isVacant: (position: number) => boolean
  readonly onDamage: (position: number, error: NatterError) => void
  /** Makes again what follows from the log. */
  readonly repair: () => Promise<unknown>
  /** A file of the database is damaged: told, for no repair of a running store mends it. */
  readonly onFile: (error: NatterError) => void
}

export class Scrubber {
  readonly #init: ScrubberInit
  #timer: Timer | undefined
  #working: Promise<void> | undefined
  #closed = false
  #lastPassAtMs: number | null = null
  /** The space that is being walked, and the last key of it that was looked at. */
  #space = 0
  #after: Uint8Array | undefined
  #expected = 1
  /** Records beside the log that were found damaged in this pass. */
  #found = 0
  #unmended = 0
  /** Bytes of files since the last pause. */
  #read = 0
  #resume: (() => void) | undefined

  constructor(init: ScrubberInit) {
    this.#init = init
  }

  start(): void {
    this.#wait(SCRUB.firstMs)
  }

  get status(): ScrubStatus {
    const position = this.#after === undefined ? 0 : positionOfKey(this.#after)
    const inLog = spaces[this.#space] === SPACE.log ? position / Math.max(1, this.#init.end()) : 0
    return {
      lastPassAtMs: this.#lastPassAtMs,
      progress: Math.min(1, (this.#space + inLog) / spaces.length),
      damaged: this.#init.missing() + this.#unmended + this.#found
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    this.#resume?.()
    await this.#working
  }

  #wait(ms: number): void {
    if (this.#closed) return
    this.#timer = this.#init.clock.schedule(ms, () => {
      this.#working = this.#slice()
    })
  }

  async #slice(): Promise<void> {
    try {
      if (this.#init.disk.state !== 'open') this.#wait(SCRUB.pauseMs)
      else if (await this.#look()) this.#wait(SCRUB.pauseMs)
      else await this.#endPass()
    } catch (error) {
      // The disk has told of what it could not do; the walk goes on where it was.
      if (!this.#closed && this.#init.disk.state === 'open' && isDamage(error)) this.#init.onFile(error)
      this.#wait(SCRUB.passMs)
    } finally {
      this.#working = undefined
    }
  }

  /** Looks at one slice; answers false at the end of the pass. */
  async #look(): Promise<boolean> {
    const space = spaces[this.#space]!
    const { gte, lt } = spaceRange(space)
    const range = this.#after === undefined ? { gte, lt } : { gt: this.#after, lt }
    const end = this.#init.end()
    const iterator = this.#init.disk.iterate(range)
    let bytes = 0
    try {
      while (bytes < SCRUB.sliceBytes) {
        const page = await iterator.next(space === SPACE.log ? 4 : 256)
        if (page.length === 0) {
          if (space === SPACE.log) this.#lacks(end + 1)
          this.#space++
          this.#after = undefined
          return this.#space < spaces.length
        }
        for (const [key, value] of page) {
          bytes += key.length + value.length
          if (space === SPACE.log) this.#checkBatch(key, value)
          else if (!isIntact(key, value, this.#init.hashes)) this.#found++
        }
        this.#after = page.at(-1)![0].slice()
      }
      return true
    } finally {
      await iterator.close()
    }
  }

  #checkBatch(key: Uint8Array, value: Uint8Array): void {
    const position = positionOfKey(key)
    this.#lacks(position)
    this.#expected = position + 1
    try {
      decodeLog(key, value, position, this.#init.hashes)
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#init.onDamage(position, error)
    }
  }

  #lacks(before: number): void {
    for (; this.#expected < before; this.#expected++) {
      if (this.#init.isVacant(this.#expected)) continue
      const error = damaged(`position ${this.#expected} of the log`, new Error('it is missing'))
      this.#init.onDamage(this.#expected, error)
    }
  }

  async #endPass(): Promise<void> {
    const { disk, clock, repair, onFile } = this.#init
    for (const { file, what } of (await disk.checkFiles?.(bytes => this.#pace(bytes))) ?? [])
      onFile(damaged(`the file ${file} of the database`, new Error(what)))
    const found = this.#found
    this.#space = 0
    this.#after = undefined
    this.#expected = 1
    this.#found = 0
    this.#unmended = found
    if (found > 0 && !this.#closed) {
      await repair()
      this.#unmended = 0
    }
    this.#lastPassAtMs = clock.now()
    this.#wait(SCRUB.passMs)
  }

  /** Leaves others their share while files are read. */
  #pace(bytes: number): Promise<void> | void {
    this.#read += bytes
    if (this.#closed) throw damaged('the check of files', new Error('it was given up'))
    if (this.#read < SCRUB.sliceBytes) return
    this.#read = 0
    return new Promise(resolve => {
      this.#resume = resolve
      this.#timer = this.#init.clock.schedule(SCRUB.pauseMs, resolve)
    })
  }
}

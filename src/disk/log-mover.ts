/**
 * Has LevelDB move its write-ahead log into a table when nobody writes for a while, and before a close.
 *
 * By itself it does so only when its buffer is full. A node that wrote and then rests would keep the buffer in memory, and
 * after an end without a close the next opening would read the log: 5 ms per MiB. What moves is at least half a MiB, so a
 * byte is written at most once more by this, and rarely.
 */
import type { Clock, Timer } from '../base/index.js'
import type { BytesLevel } from './level-reads.js'

/** Bytes in the log from which moving them is worth a table. */
const movedBytes = 512 * 1024
/** Long enough that nobody who writes all the time meets it, short against the life of a node. */
const restMs = 5_000

export class LogMover {
  readonly #clock: Clock
  readonly #move: ((level: BytesLevel) => Promise<void>) | undefined
  #level: BytesLevel | undefined
  /** Bytes of the commits since the handle was opened or its log was moved. */
  #bytes = 0
  #rest: Timer | undefined
  #moving: Promise<void> = Promise.resolve()

  /** Without `move` there is no log. */
  constructor(clock: Clock, move?: (level: BytesLevel) => Promise<void>) {
    this.#clock = clock
    this.#move = move
  }

  /** Follows the log of a handle that was just opened. */
  begin(level: BytesLevel): void {
    this.#level = level
    this.#bytes = 0
  }

  wrote(bytes: number): void {
    this.#bytes += bytes
    if (this.#move === undefined || this.#level === undefined || this.#bytes < movedBytes) return
    if (this.#rest === undefined) this.#wait()
  }

  /** Leaves the handle alone from now on; resolves when nothing is under way on it. */
  halt(): Promise<void> {
    this.#rest?.cancel()
    this.#rest = undefined
    this.#level = undefined
    return this.#moving
  }

  /** Moves what is left, for the handle is about to be closed, and leaves it alone then. */
  finish(): Promise<void> {
    if (this.#bytes >= movedBytes) this.#start()
    return this.halt()
  }

  #wait(): void {
    const before = this.#bytes
    this.#rest = this.#clock.schedule(restMs, () => {
      this.#rest = undefined
      if (this.#bytes === before) this.#start()
      else this.#wait()
    })
  }

  #start(): void {
    const level = this.#level
    const move = this.#move
    if (level === undefined || move === undefined) return
    this.#bytes = 0
    // What cannot be moved stays in the log; what is wrong with the disk, the next commit says.
    this.#moving = this.#moving.then(() => move(level)).catch(() => undefined)
  }
}

/**
 * The disk over any abstract-level database: what memory and LevelDB share.
 *
 * Keeps: commits one after the other; the fence. LevelDB goes on acknowledging synced writes after one that failed and
 * loses them at the next open, so after a failed commit this class takes no more, keeps the failed handle for reads,
 * and recovers: probe the file system, close, reopen, let the listeners rebuild, take commits again. Every step may
 * fail; then the fence stays and recovery begins again after a growing pause. Reads that the file system refuses fence
 * as well; bytes that LevelDB finds damaged do not, for opening again would not mend them.
 */

import { failpoint } from '../base/failpoints.js'
import type { Clock, Timer } from '../base/index.js'
import { messageOf, NatterError } from '../base/index.js'
import type {
  ByteRange,
  Disk,
  DiskIterator,
  DiskSnapshot,
  DiskState,
  DiskWrite,
  Durability,
  ReadOptions
} from './index.js'
import type { BytesLevel, ReadSource } from './level-reads.js'
import {
  LevelDiskIterator,
  LevelDiskSnapshot,
  levelCode,
  plainBytes,
  readMany,
  reopenedError,
  snapshotOf
} from './level-reads.js'
import { LevelWrite } from './level-write.js'
import { LogMover } from './log-mover.js'
import type { SpaceGuard } from './space-guard.js'

/** The first pause of a recovery, doubled after each attempt that failed: most full disks last longer. */
const firstPauseMs = 250
/** The longest pause: an operator who freed space should not have to wait for more. */
const longestPauseMs = 30_000
export interface LevelDiskInit {
  readonly location: string | null
  readonly durability: Durability
  readonly clock: Clock
  /** A new handle on the database that exists at the location, not open yet, with keys and values as views. */
  readonly level: () => BytesLevel
  /** Absent in memory. */
  readonly guard?: SpaceGuard
  /** Reads all files of the database; absent in memory. */
  readonly checkFiles?: (
    pace: (bytes: number) => Promise<void> | void
  ) => Promise<{ file: string; what: string }[]>
  /** Has the database move what its write-ahead log holds into a table. Absent in memory. */
  readonly moveLog?: (level: BytesLevel) => Promise<void>
  /** Writes and syncs a file beside the database: rejects while the file system does not take writes. Absent in memory. */
  readonly probe?: () => Promise<void>
}

type Rebuild = (commit: (write: DiskWrite) => Promise<void>) => Promise<void>
type StateListener = (state: DiskState, reason?: string) => void

export class LevelDisk implements Disk, ReadSource {
  readonly location: string | null
  readonly durability: Durability
  readonly #init: LevelDiskInit
  readonly #rebuilds = new Set<Rebuild>()
  readonly #listeners = new Set<StateListener>()
  #level: BytesLevel | undefined
  #reopening: Promise<void> | undefined
  #state: DiskState = 'open'
  #reason: string | undefined
  /** Settles when no commit is queued or in flight. */
  #commits: Promise<void> = Promise.resolve()
  #recovery: Promise<void> = Promise.resolve()
  #pause: Timer | undefined
  #pauseMs = firstPauseMs
  #closing: Promise<void> | undefined
  readonly #mover: LogMover

  private constructor(init: LevelDiskInit, level: BytesLevel) {
    this.#init = init
    this.#level = level
    this.location = init.location
    this.durability = init.durability
    this.#mover = new LogMover(init.clock, init.moveLog)
    this.#mover.begin(level)
  }

  /** Opens the database; rejects with what the handle rejects with. */
  static async open(init: LevelDiskInit): Promise<LevelDisk> {
    const level = init.level()
    await level.open()
    return new LevelDisk(init, level)
  }

  get state(): DiskState {
    return this.#state
  }

  get reason(): string | undefined {
    return this.#reason
  }

  /** The open handle, or undefined while it is being reopened or is closed. */
  get current(): BytesLevel | undefined {
    return this.#level
  }

  async handle(): Promise<BytesLevel> {
    if (this.#level === undefined) await this.#reopening?.catch(() => undefined) // its error is the reason below
    if (this.#level === undefined) throw this.#closing ? closedError() : noHandleError(this.#reason)
    return this.#level
  }

  async get(key: Uint8Array, options?: ReadOptions): Promise<Uint8Array | undefined> {
    const level = this.#level ?? (await this.handle())
    const snapshot = snapshotOf(options?.snapshot, level)
    try {
      const value = await (snapshot === undefined ? level.get(key) : level.get(key, { snapshot }))
      return value === undefined ? undefined : plainBytes(value)
    } catch (error) {
      throw this.readError(error, level)
    }
  }

  async getMany(
    keys: readonly Uint8Array[],
    { snapshot: given }: ReadOptions = {}
  ): Promise<(Uint8Array | undefined)[]> {
    if (keys.length === 0) return []
    const level = this.#level ?? (await this.handle())
    const snapshot = snapshotOf(given, level)
    try {
      const values = await readMany(level, keys, snapshot)
      return values.map(value => (value === undefined ? undefined : plainBytes(value)))
    } catch (error) {
      throw this.readError(error, level)
    }
  }

  iterate(range: ByteRange, options?: ReadOptions): DiskIterator {
    if (this.#closing !== undefined) throw closedError()
    return new LevelDiskIterator(this, range, options?.snapshot)
  }

  snapshot(): DiskSnapshot {
    if (this.#closing !== undefined) throw closedError()
    if (this.#level === undefined) throw noHandleError(this.#reason)
    return new LevelDiskSnapshot(this.#level)
  }

  write(): DiskWrite {
    return new LevelWrite()
  }

  commit(write: DiskWrite): Promise<void> {
    const turn = this.#commits.then(() => {
      if (this.#closing !== undefined) throw closedError()
      if (this.#state === 'fenced') throw fencedError(this.#reason)
      return this.#commit(write)
    })
    this.#commits = turn.catch(() => undefined)
    return turn
  }

  async checkFiles(pace: (bytes: number) => Promise<void> | void): Promise<{ file: string; what: string }[]> {
    return (await this.#init.checkFiles?.(pace)) ?? []
  }

  async freeBytes(): Promise<number | null> {
    return (await this.#init.guard?.freeBytes()) ?? null
  }

  onReopen(rebuild: Rebuild): () => void {
    this.#rebuilds.add(rebuild)
    return () => this.#rebuilds.delete(rebuild)
  }

  onState(listener: StateListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  readError(thrown: unknown, level: BytesLevel): unknown {
    if (this.#closing !== undefined) return closedError()
    if (level !== this.#level) return reopenedError()
    const code = levelCode(thrown)
    if (code === 'LEVEL_CORRUPTION') {
      return new NatterError('STORE_DAMAGED', `the database is damaged: ${messageOf(thrown)}`, {
        cause: thrown
      })
    }
    if (code !== 'LEVEL_IO_ERROR') return thrown
    this.#fence(thrown)
    return new NatterError('DIRECTORY_UNUSABLE', `the database cannot be read: ${messageOf(thrown)}`, {
      cause: thrown
    })
  }

  async #close(): Promise<void> {
    this.#pause?.cancel()
    await this.#commits
    await this.#recovery
    const level = this.#level
    await this.#mover.finish()
    this.#level = undefined
    try {
      await level?.close()
    } finally {
      this.#setState('closed')
    }
  }

  async #commit(write: DiskWrite): Promise<void> {
    if (!(write instanceof LevelWrite)) throw new TypeError('a write of another disk')
    if (write.length === 0) return
    await this.#init.guard?.admit(write.bytes)
    const level = this.#level
    if (level === undefined) throw fencedError(this.#reason)
    const batch = level.batch()
    try {
      write.copyTo(batch)
    } catch (error) {
      await batch.close()
      throw error
    }
    try {
      const options = { sync: this.durability === 'fsync' }
      failpoint('disk.commit.before-sync')
      await batch.write(options)
      this.#mover.wrote(write.bytes)
      failpoint('disk.commit.after-sync')
    } catch (error) {
      this.#fence(error)
      throw new NatterError('INDETERMINATE', `the write may or may not have been made: ${messageOf(error)}`, {
        cause: error
      })
    }
  }

  #fence(cause: unknown): void {
    if (this.#state !== 'open' || this.#closing !== undefined) return
    this.#pauseMs = firstPauseMs
    void this.#mover.halt()
    this.#setState('fenced', messageOf(cause))
    this.#recoverLater()
  }

  #recoverLater(): void {
    if (this.#closing !== undefined) return
    this.#pause = this.#init.clock.schedule(this.#pauseMs, () => {
      this.#recovery = this.#recover()
    })
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs)
  }

  async #recover(): Promise<void> {
    try {
      await this.#commits // a read may have fenced while a commit was in flight
      await this.#mover.halt()
      await this.#init.probe?.()
      await this.#init.guard?.admit(0)
      this.#reopening = this.#reopen()
      try {
        await this.#reopening
      } finally {
        this.#reopening = undefined
      }
      for (const rebuild of this.#rebuilds) await rebuild(write => this.#commit(write))
    } catch (error) {
      this.#reason = messageOf(error)
      this.#recoverLater()
      return
    }
    if (this.#closing === undefined) this.#setState('open')
  }

  async #reopen(): Promise<void> {
    const failed = this.#level
    this.#level = undefined
    await failed?.close().catch(error => {
      this.#level = failed // still open, so its lock is still held: it goes on serving reads
      throw error
    })
    failpoint('disk.reopen.closed')
    const level = this.#init.level()
    await level.open()
    this.#level = level
    this.#mover.begin(level)
    failpoint('disk.reopen.opened')
  }

  #setState(state: DiskState, reason?: string): void {
    this.#state = state
    this.#reason = reason
    for (const listener of this.#listeners) listener(state, reason)
  }
}

function closedError(): NatterError {
  return new NatterError('STORE_CLOSED', 'the database is closed')
}

function fencedError(reason: string | undefined): NatterError {
  return new NatterError(
    'STORE_FENCED',
    `the write was not made: the disk is fenced (${reason ?? 'reopening'})`
  )
}

function noHandleError(reason: string | undefined): NatterError {
  return new NatterError('NOT_READY', `the database is being opened again (${reason ?? 'reopening'})`)
}

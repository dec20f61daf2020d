/**
 * The disk: a sorted byte map with one atomic synced write. Everything durable stands on this seam: the store, the
 * delivery outbox. Two implementations pass one suite: LevelDB in a data directory, and memory.
 *
 * Keeps: a commit that resolved is on disk (durability 'fsync') and whole; after any failed commit nothing more is
 * accepted (the fence) until the database was closed and opened again. Leaves to its users: what the bytes mean.
 * A read that is cut by such a reopening rejects with `NOT_READY`, one of bytes that LevelDB finds damaged with
 * `STORE_DAMAGED`. Node.js only and therefore not exported here: `directory.ts` (the data directory) and
 * `classic-disk.ts` (LevelDB).
 */

/** Durability of a resolved commit: fsynced, handed to the operating system, or in memory only. */
export type Durability = 'fsync' | 'os' | 'memory'

export type DiskState = 'open' | 'fenced' | 'closed'

export interface ByteRange {
  gt?: Uint8Array
  gte?: Uint8Array
  lt?: Uint8Array
  lte?: Uint8Array
  reverse?: boolean
  /** @default no limit */
  limit?: number
}

export interface DiskSnapshot {
  close(): Promise<void>
}

export interface ReadOptions {
  /** Read as of this snapshot. @default the newest commit */
  snapshot?: DiskSnapshot | undefined
}

/**
 * An ordered walk over the map as it was when the walk began. `next` may be called again only after it resolved;
 * `close` always.
 */
export interface DiskIterator {
  /** Up to `count` further entries, perhaps fewer; empty at the end only. */
  next(count: number): Promise<[key: Uint8Array, value: Uint8Array][]>
  /** Continues at `key` (or the next in direction after it). */
  seek(key: Uint8Array): void
  close(): Promise<void>
}

/** Collects the changes of one commit. Keys and values are taken as they are: do not change them afterwards. */
export interface DiskWrite {
  put(key: Uint8Array, value: Uint8Array): void
  del(key: Uint8Array): void
  readonly length: number
}

export interface Disk {
  readonly durability: Durability
  /** The data directory, or null in memory. */
  readonly location: string | null
  readonly state: DiskState
  /** Why it is fenced, while it is. */
  readonly reason: string | undefined
  get(key: Uint8Array, options?: ReadOptions): Promise<Uint8Array | undefined>
  getMany(keys: readonly Uint8Array[], options?: ReadOptions): Promise<(Uint8Array | undefined)[]>
  iterate(range: ByteRange, options?: ReadOptions): DiskIterator
  snapshot(): DiskSnapshot
  write(): DiskWrite
  /**
   * Makes `write` durable, all or nothing. Commits are made one after the other, so callers group (`GroupCommit`).
   * Rejects with `STORE_FENCED`, `STORE_CLOSED` or `DISK_FULL` (not made), or `INDETERMINATE` (may or may not have been
   * made; the fence is down).
   */
  commit(write: DiskWrite): Promise<void>
  /**
   * The files of the database that are damaged, every block of them read; absent where there are none. `pace` is called
   * between pieces with their bytes.
   */
  checkFiles?(pace: (bytes: number) => Promise<void> | void): Promise<{ file: string; what: string }[]>
  /** Free bytes of the file system, or null in memory. */
  freeBytes(): Promise<number | null>
  /**
   * Called when the database is open again after a fence, one listener after the other, before any commit is taken:
   * rebuild what is held in memory. `commit` makes repairs durable meanwhile. When one rejects, the fence stays down
   * and recovery begins again.
   */
  onReopen(rebuild: (commit: (write: DiskWrite) => Promise<void>) => Promise<void>): () => void
  /** Called after each change of state. Answers how to stop listening. */
  onState(listener: (state: DiskState, reason?: string) => void): () => void
  close(): Promise<void>
}

export { GroupCommit, type GroupCommitInit } from './group-commit.js'
export { openMemoryDisk } from './memory-disk.js'

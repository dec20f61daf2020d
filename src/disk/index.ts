/**
 * The disk: a sorted byte map with one atomic synced write. Everything durable stands on this seam: the store, the
 * delivery outbox. Two implementations pass one suite: LevelDB in a data directory, and memory.
 *
 * Keeps: a commit that resolved is on disk (durability 'fsync') and whole; after any failed commit nothing more is
 * accepted (the fence) until the database was closed and opened again. Leaves to its users: what the bytes mean.
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

/** An ordered walk. `next` may be called again only after it resolved; `close` always. */
export interface DiskIterator {
  /** Up to `count` further entries; empty at the end. */
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
   * Makes `write` durable, all or nothing. One at a time: callers group. Rejects with
   * `STORE_FENCED` or `DISK_FULL` (not made), or `INDETERMINATE` (may or may not have been made; the fence is down).
   */
  commit(write: DiskWrite): Promise<void>
  /** Free bytes of the file system, or null in memory. */
  freeBytes(): Promise<number | null>
  /** Called at each change of state; after a fence 'open' means reopened: rebuild what is held in memory. */
  onState(listener: (state: DiskState, reason?: string) => void | Promise<void>): void
  close(): Promise<void>
}

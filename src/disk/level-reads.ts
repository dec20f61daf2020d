/** What a read of a `LevelDisk` hands out: snapshots, iterators, plain bytes. Each knows the handle it was made on. */
import type { AbstractIterator, AbstractLevel, AbstractSnapshot } from 'abstract-level'
import { NatterError } from '../base/index.js'
import type { ByteRange, DiskIterator, DiskSnapshot } from './index.js'

/** An open database whose keys and values are bytes. */
export type BytesLevel = AbstractLevel<string | Buffer | Uint8Array, Uint8Array, Uint8Array>

/** What the parts of this folder need of the disk they read from. */
export interface ReadSource {
  /** The open handle, or undefined while there is none. */
  readonly current: BytesLevel | undefined
  /** The open handle; waits for a reopening under way. */
  handle(): Promise<BytesLevel>
  /** The error to throw for one that a handle threw. */
  readError(thrown: unknown, handle: BytesLevel): unknown
}

/** Keys of one call that are read on this thread: about 7 µs each while their blocks are in memory. */
const syncReads = 16
/** Keys from which on two threads read one half each: the way there and back costs what some twenty keys do. */
const sharedKeys = 128

/**
 * All of one instant, each key by itself: to walk between them would be faster where none is there, but an iterator passes
 * over a block that it finds damaged, and what lies in it would be taken for absent.
 */
export async function readMany(
  level: BytesLevel,
  keys: readonly Uint8Array[],
  given: AbstractSnapshot | undefined
): Promise<(Uint8Array | undefined)[]> {
  const read = (some: readonly Uint8Array[], snapshot: AbstractSnapshot | undefined) =>
    level.getMany(some as Uint8Array[], snapshot === undefined ? {} : { snapshot })
  if (keys.length <= syncReads) {
    // The way to a thread and back costs more than reading a few keys right here.
    if ((level.supports as { getSync?: boolean }).getSync !== true) return read(keys, given)
    return keys.map(key => level.getSync(key, given === undefined ? {} : { snapshot: given }))
  }
  if (keys.length < sharedKeys) return read(keys, given)
  const snapshot = given ?? level.snapshot()
  const half = keys.length >> 1
  try {
    const [first, second] = await Promise.all([
      read(keys.slice(0, half), snapshot),
      read(keys.slice(half), snapshot)
    ])
    return [...first, ...second]
  } finally {
    if (given === undefined) await snapshot.close()
  }
}

/** LevelDB hands out `Buffer`s, whose `slice` does not copy: nobody should have to know. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array
    ? bytes
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The code of the innermost cause that has one: abstract-level wraps what LevelDB said. */
export function levelCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined
  const inner = levelCode(thrown.cause)
  return inner ?? ('code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined)
}

export function reopenedError(): NatterError {
  return new NatterError('NOT_READY', 'the database was opened again under this read: begin it again')
}

export class LevelDiskSnapshot implements DiskSnapshot {
  readonly handle: BytesLevel
  readonly inner: AbstractSnapshot

  constructor(handle: BytesLevel) {
    this.handle = handle
    this.inner = handle.snapshot()
  }

  async close(): Promise<void> {
    await this.inner.close()
  }
}

/** The options of a read on `handle`; throws `NOT_READY` for a snapshot of a handle that is gone. */
export function snapshotOf(
  snapshot: DiskSnapshot | undefined,
  handle: BytesLevel
): AbstractSnapshot | undefined {
  if (snapshot === undefined) return undefined
  if (!(snapshot instanceof LevelDiskSnapshot)) throw new TypeError('a snapshot of another disk')
  if (snapshot.handle !== handle) throw reopenedError()
  return snapshot.inner
}

type Inner = AbstractIterator<BytesLevel, Uint8Array, Uint8Array>

export class LevelDiskIterator implements DiskIterator {
  readonly #source: ReadSource
  readonly #range: ByteRange
  readonly #snapshot: DiskSnapshot | undefined
  #handle: BytesLevel | undefined
  #inner: Inner | undefined
  #target: Uint8Array | undefined
  #closed = false

  constructor(source: ReadSource, range: ByteRange, snapshot: DiskSnapshot | undefined) {
    this.#source = source
    this.#range = range
    this.#snapshot = snapshot
    if (source.current !== undefined) this.#begin(source.current)
  }

  async next(count: number): Promise<[key: Uint8Array, value: Uint8Array][]> {
    if (this.#closed) throw new NatterError('STORE_CLOSED', 'the iterator is closed')
    const inner = this.#inner ?? this.#begin(await this.#source.handle())
    try {
      const entries = await inner.nextv(count)
      for (const entry of entries) {
        entry[0] = plainBytes(entry[0])
        entry[1] = plainBytes(entry[1])
      }
      return entries
    } catch (error) {
      throw this.#source.readError(error, this.#handle!)
    }
  }

  seek(key: Uint8Array): void {
    this.#target = key
    if (this.#inner === undefined) return
    try {
      this.#inner.seek(key)
    } catch (error) {
      throw this.#source.readError(error, this.#handle!)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#inner?.close()
  }

  #begin(handle: BytesLevel): Inner {
    const { gt, gte, lt, lte, reverse, limit } = this.#range
    const snapshot = snapshotOf(this.#snapshot, handle)
    const inner = handle.iterator({
      ...(gt !== undefined && { gt }),
      ...(gte !== undefined && { gte }),
      ...(lt !== undefined && { lt }),
      ...(lte !== undefined && { lte }),
      ...(snapshot !== undefined && { snapshot }),
      keyEncoding: 'view',
      valueEncoding: 'view',
      reverse: reverse ?? false,
      limit: limit ?? -1
    }) as Inner
    if (this.#target !== undefined) inner.seek(this.#target)
    this.#handle = handle
    this.#inner = inner
    return inner
  }
}

/**
 * A store as an abstract-level v3 database: what `node.db` is, and with a location of its own a database whose writes
 * are logged and replicate once a node is created on the directory.
 *
 * Keeps: one `batch()` is one write of the store, so atomic here and on every node; reads show the winner of each key;
 * an iterator and a snapshot hold still. Its own conditions keep the LEVEL_* codes of abstract-level; what the store
 * refuses comes as a `NatterError`. Leaves to others: history, versions, changes, who else has a write.
 */
import { AbstractLevel } from 'abstract-level'
import type { Limits } from '../base/index.js'
import { DEFAULT_LIMITS, NatterError, withLimits } from '../base/index.js'
import { OP_KIND } from '../log/index.js'
import type { Cell, KeyRange, LocalOp, Store } from './index.js'
import { LevelIterator, LevelSnapshot } from './level-reads.js'
import type { Standalone, StandaloneInit } from './standalone.js'
import { textEncoding } from './text-encodings.js'

/** Keys that one batch of `clear()` deletes at most: so many ops commit in a few milliseconds. */
const clearKeys = 4_096
/** Bytes of keys that one batch of `clear()` names at most: far below what a body holds. */
const clearBytes = 1024 * 1024

type LevelEncodings<K, V> = Pick<
  NonNullable<ConstructorParameters<typeof AbstractLevel<Uint8Array, K, V>>[1]>,
  'keyEncoding' | 'valueEncoding'
>

export interface ReplicatedLevelOptions<K = string, V = string> extends LevelEncodings<K, V> {
  /** Name of the network that the writes belong to. @default what the directory keeps, else 'default' */
  network?: string
  /** @default 'fsync' */
  durability?: 'fsync' | 'os'
  /** Bounds of this database; those that no node is needed for. */
  limits?: Partial<Limits>
}

export interface LevelOverStoreOptions<K = string, V = string> extends LevelEncodings<K, V> {
  /** @default the default of `createNode` */
  limits?: Pick<Limits, 'valueBytes'>
  /** Called by `close()`, which waits for it. The store stays the caller's to close. */
  onClose?: () => void | Promise<void>
}

/** What the database reads and writes, and how to let go of it. */
type Ground = Pick<Standalone, 'store' | 'close'>

interface ReadWith {
  snapshot?: LevelSnapshot | undefined
}

interface RangeWith extends KeyRange, ReadWith {
  limit: number
}

type BatchOp = { type: 'put'; key: Uint8Array; value: Uint8Array } | { type: 'del'; key: Uint8Array }

export class ReplicatedLevel<KDefault = string, VDefault = string> extends AbstractLevel<
  Uint8Array,
  KDefault,
  VDefault
> {
  readonly #init: StandaloneInit
  #ground: Ground | undefined
  #memory: Standalone | undefined

  /**
   * Opens itself; operations wait for that. Without a location it is in memory, for as long as the object lives. A
   * location is a data directory, made when there is none; while it is open here no other process can open it.
   */
  constructor(location?: string, options: ReplicatedLevelOptions<KDefault, VDefault> = {}) {
    if (location !== undefined && (typeof location !== 'string' || location === '')) {
      throw new TypeError("The first argument 'location' must be a non-empty string, or undefined for memory")
    }
    // Other options are abstract-level's, which hands them to open() and its hooks.
    const { network, durability, limits, ...forward } = options ?? {}
    const supports = {
      encodings: { view: true },
      seek: true,
      has: true,
      implicitSnapshots: true,
      explicitSnapshots: true,
      permanence: location !== undefined,
      createIfMissing: false,
      errorIfExists: false
    }
    super(supports, {
      ...forward,
      keyEncoding: textEncoding(forward.keyEncoding),
      valueEncoding: textEncoding(forward.valueEncoding)
    })
    this.#init = { location, network, durability, limits: withLimits(limits) }
  }

  /** The database over an open store that belongs to somebody else. */
  static over<K = string, V = string>(
    store: Store,
    options: LevelOverStoreOptions<K, V> = {}
  ): ReplicatedLevel<K, V> {
    // Comparing the two structurally runs through all sublevels, and the compiler's answer depends on where it began.
    const level: unknown = new LevelOverStore<K, V>(store, options)
    return level as ReplicatedLevel<K, V>
  }

  /** Where the data directory is, or undefined in memory. */
  get location(): string | undefined {
    return this.#init.location
  }

  /** Bytes that one value may have. */
  protected get valueBytes(): number {
    return this.#init.limits.valueBytes
  }

  protected async openGround(): Promise<Ground> {
    // Loaded here, because it needs Node.js and a database over an open store does not.
    const { openStandalone } = await import('./standalone.js')
    if (this.location !== undefined) return openStandalone(this.#init)
    // In memory, what was closed may be opened again with what it held.
    this.#memory ??= await openStandalone(this.#init)
    return { store: this.#memory.store, close: async () => undefined }
  }

  // What follows is the private API of abstract-level: keys and values arrive encoded, states are checked.

  async _open(): Promise<void> {
    this.#ground = await this.openGround()
  }

  async _close(): Promise<void> {
    await this.#ground?.close()
    this.#ground = undefined
  }

  async _get(key: Uint8Array, options: ReadWith): Promise<Uint8Array | undefined> {
    return shownValue(await this.#store.get(key, asOf(options)))
  }

  async _getMany(keys: Uint8Array[], options: ReadWith): Promise<(Uint8Array | undefined)[]> {
    return (await this.#store.getMany(keys, asOf(options))).map(shownValue)
  }

  async _has(key: Uint8Array, options: ReadWith): Promise<boolean> {
    return (await this._get(key, options)) !== undefined
  }

  async _hasMany(keys: Uint8Array[], options: ReadWith): Promise<boolean[]> {
    return (await this._getMany(keys, options)).map(value => value !== undefined)
  }

  async _put(key: Uint8Array, value: Uint8Array): Promise<void> {
    await this.#store.write({ ops: [this.#put(key, value)] })
  }

  async _del(key: Uint8Array): Promise<void> {
    await this.#store.write({ ops: [{ kind: OP_KIND.del, key }] })
  }

  async _batch(operations: readonly BatchOp[]): Promise<void> {
    if (operations.length === 0) return
    const ops = operations.map(op =>
      op.type === 'put' ? this.#put(op.key, op.value) : { kind: OP_KIND.del, key: op.key }
    )
    await this.#store.write({ ops })
  }

  /** Several batches: a reader may see the range half cleared, and what is put meanwhile stays. */
  async _clear(options: RangeWith): Promise<void> {
    const cells = this.#store.iterate(rangeOf(options), asOf(options))
    try {
      let left = options.limit < 0 ? Number.POSITIVE_INFINITY : options.limit
      let keys: Uint8Array[] = []
      let bytes = 0
      const write = async (): Promise<void> => {
        await this.#store.write({ ops: keys.map(key => ({ kind: OP_KIND.del, key })) })
        keys = []
        bytes = 0
      }
      while (left > 0) {
        const page = await cells.next(Math.min(left, clearKeys - keys.length))
        if (page.length === 0) break
        left -= page.length
        for (const { key } of page) {
          keys.push(key)
          bytes += key.length
        }
        if (keys.length >= clearKeys || bytes >= clearBytes) await write()
      }
      if (keys.length > 0) await write()
    } finally {
      await cells.close()
    }
  }

  _iterator(options: RangeWith): LevelIterator {
    return new LevelIterator(this, options, this.#store.iterate(rangeOf(options), asOf(options)))
  }

  _snapshot(options: object): LevelSnapshot {
    return new LevelSnapshot(options, this.#store.disk.snapshot())
  }

  get #store(): Store {
    return this.#ground!.store // set while the status is open, which abstract-level has checked
  }

  #put(key: Uint8Array, value: Uint8Array): LocalOp {
    if (value.length > this.valueBytes) {
      throw new NatterError(
        'VALUE_TOO_LARGE',
        `a value of ${value.length} bytes, ${this.valueBytes} are allowed`
      )
    }
    return { kind: OP_KIND.put, key, value }
  }
}

class LevelOverStore<K, V> extends ReplicatedLevel<K, V> {
  readonly #store: Store
  readonly #valueBytes: number
  readonly #onClose: () => void | Promise<void>

  constructor(store: Store, { limits, onClose, ...encodings }: LevelOverStoreOptions<K, V>) {
    super(store.disk.location ?? undefined, encodings)
    this.#store = store
    this.#valueBytes = (limits ?? DEFAULT_LIMITS).valueBytes
    this.#onClose = onClose ?? (() => undefined)
  }

  protected override get valueBytes(): number {
    return this.#valueBytes
  }

  protected override async openGround(): Promise<Ground> {
    if (this.#store.disk.state === 'closed') throw new NatterError('STORE_CLOSED', 'the store is closed')
    return { store: this.#store, close: async () => this.#onClose() }
  }
}

/** Throws `UNREADABLE` where a version that cannot be read here would win. */
function shownValue(cell: Cell | undefined): Uint8Array | undefined {
  if (cell?.unreadable !== undefined) throw new NatterError('UNREADABLE', cell.unreadable)
  return cell?.winner?.value
}

function asOf(options: ReadWith): { snapshot?: LevelSnapshot['disk'] } | undefined {
  return options.snapshot === undefined || options.snapshot === null
    ? undefined
    : { snapshot: options.snapshot.disk }
}

function rangeOf({ gt, gte, lt, lte, reverse }: KeyRange): KeyRange {
  return {
    ...(gte !== undefined ? { gte } : gt !== undefined && { gt }),
    ...(lte !== undefined ? { lte } : lt !== undefined && { lt }),
    reverse: reverse ?? false
  }
}

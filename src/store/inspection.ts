/**
 * One inspection of a store: what it reads, what it found, and, when it repairs, what it puts right.
 *
 * Every mend makes one record what the log says it is, so an inspection that was cut is simply begun again, and each
 * commit of it leaves a store that is no worse. While it repairs nobody else may write.
 */
import type { Clock, Crypto, Limits } from '../base/index.js'

import type { Disk, DiskSnapshot, DiskWrite } from '../disk/index.js'
import type { Author, BatchId, DatabaseId, ShortId, StoreId } from '../log/index.js'
import { shortId } from '../log/index.js'
import type { Strategy } from '../merge/index.js'
import { AuthorTable } from './authors.js'
import { isDamage } from './damage.js'
import type { Hole } from './holes.js'
import type { Chain } from './keys.js'
import { branchNameKey, indexKey, logKey, positionOfKey, SPACE, spaceRange, textOf } from './keys.js'
import { BranchCache, chainText, Lineage } from './lineage.js'
import type { LogRecord } from './log-record.js'
import { decodeLog } from './log-record.js'
import type { BranchRecord, IndexRecord } from './records.js'
import { decodeIndex } from './records.js'

export interface InspectionInit {
  readonly disk: Disk
  readonly crypto: Crypto
  readonly clock: Pick<Clock, 'now'>
  readonly limits: Pick<Limits, 'clockDriftMs'>
  readonly strategy: (key: Uint8Array) => Strategy
  /** Whose store it is: what the meta record is made of where it is damaged. */
  readonly author: Author
  readonly database: DatabaseId
  readonly storeId: StoreId
  readonly signal?: AbortSignal | undefined
  /** Whether every peer that was connected was asked for the batch. */
  readonly isUnanswered?: (id: BatchId) => boolean
  /**
   * Parts of the store may be older than others: what is remembered of how far peers were followed is dropped, so that
   * they show everything anew. @default false
   */
  readonly isTorn?: boolean
  /** Read the files of the database as well. @default false */
  readonly withFiles?: boolean
  /** Told now and then how far it is: what is done, and of how much in all. */
  readonly onProgress?: ((what: string) => void) | undefined
}

/** Faults that one report lists: the first tell what happened, and a torn disk could have millions. */
const listedFaults = 1000
/** Mends of one commit. */
const mendsOfACommit = 1000
const bytesOfACommit = 4 * 1024 * 1024

export class Inspection {
  readonly init: InspectionInit
  readonly repairs: boolean
  readonly damage: { where: string; what: string }[] = []
  readonly repaired: { where: string; what: string }[] = []
  readonly lineage: WalkLineage
  /** Positions whose record cannot be used, with the reason. */
  readonly bad = new Map<number, string>()
  /** Positions that hold nothing, and never will: what they held went with all that it wrote. */
  readonly vacant = new Set<number>()
  /** The batches that stood there, as far as they are known, and ends that nothing proves. */
  readonly holes: Hole[] = []
  /** Keys of index entries that cannot be read. */
  readonly brokenIndex: Uint8Array[] = []
  /** Parts of the store are older than others. */
  isTorn: boolean
  /** A batch stands before one that it rests on, or where another is. */
  isOutOfOrder = false
  authors = new AuthorTable()
  /** Faults that stand and that the list has no room for. */
  #unlisted = 0
  readonly #snapshot: DiskSnapshot | undefined
  readonly #pending = new Map<string, Uint8Array | undefined>()
  #write: DiskWrite
  #bytes = 0

  constructor(init: InspectionInit, repairs: boolean) {
    this.init = init
    this.repairs = repairs
    this.isTorn = init.isTorn ?? false
    this.lineage = new WalkLineage(this)
    // What is mended has to be seen: then nobody else writes, and what is read is as it stands.
    this.#snapshot = repairs ? undefined : init.disk.snapshot()
    this.#write = init.disk.write()
  }

  get faults(): number {
    return this.damage.length + this.#unlisted
  }

  /** What cannot be put right here and now. */
  fault(where: string, what: string): void {
    if (this.damage.length < listedFaults) this.damage.push({ where, what })
    else this.#unlisted++
  }

  /** A record is not what the log says: it becomes `value`, or goes where that is undefined. */
  async mend(where: string, what: string, key: Uint8Array, value: Uint8Array | undefined): Promise<void> {
    if (!this.repairs) {
      this.fault(where, what)
      return
    }
    if (this.repaired.length < listedFaults) this.repaired.push({ where, what })
    await this.put(key, value)
  }

  /** Writes without a word. */
  async put(key: Uint8Array, value: Uint8Array | undefined): Promise<void> {
    if (!this.repairs) return
    this.#pending.set(textOf(key), value)
    if (value === undefined) this.#write.del(key)
    else this.#write.put(key, value)
    this.#bytes += key.length + (value?.length ?? 0)
    if (this.#write.length >= mendsOfACommit || this.#bytes >= bytesOfACommit) await this.flush()
  }

  async flush(): Promise<void> {
    const { disk } = this.init
    if (this.#write.length > 0) await disk.commit(this.#write)
    this.#write = disk.write()
    this.#bytes = 0
    this.#pending.clear()
  }

  /** The value as it stands, mends included; undefined where it is missing or in a block that LevelDB cannot read. */
  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    if (this.#pending.size > 0) {
      const text = textOf(key)
      if (this.#pending.has(text)) return this.#pending.get(text)
    }
    try {
      return await this.init.disk.get(key, { snapshot: this.#snapshot })
    } catch (error) {
      if (!isDamage(error)) throw error
      return undefined
    }
  }

  /** The batch at a position as it stands; undefined where its record is damaged or missing. */
  async record(position: number): Promise<LogRecord | undefined> {
    const key = logKey(position)
    const value = await this.get(key)
    return value && this.attempt(() => decodeLog(key, value, position, this.init.crypto))
  }

  /** What `read` gives, or undefined where the record is damaged. */
  attempt<T>(read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      if (!isDamage(error)) throw error
      return undefined
    }
  }

  async *entries(space: number, page = 256): AsyncGenerator<[key: Uint8Array, value: Uint8Array]> {
    const { disk, signal } = this.init
    const iterator = disk.iterate(spaceRange(space), { snapshot: this.#snapshot })
    try {
      for (let list = await iterator.next(page); list.length > 0; list = await iterator.next(page)) {
        signal?.throwIfAborted()
        yield* list
      }
    } finally {
      await iterator.close()
    }
  }

  /** The batches that can be used, in order. Those that cannot are in `bad` once the log was scanned. */
  async *batches(): AsyncGenerator<{ position: number; record: LogRecord; bytes: number }> {
    const { crypto } = this.init
    for await (const [key, value] of this.entries(SPACE.log, 8)) {
      const position = positionOfKey(key)
      if (this.bad.has(position)) continue
      const record = this.attempt(() => decodeLog(key, value, position, crypto))
      if (record === undefined) continue
      this.lineage.note(record, this.authors)
      yield { position, record, bytes: value.length }
    }
  }

  progress(what: string): void {
    this.init.onProgress?.(what)
  }

  async close(): Promise<void> {
    await this.#snapshot?.close()
  }
}

/** Where batches stand by what the walk over the log has seen so far, mends included. */
export class WalkLineage extends Lineage {
  readonly branches = new Map<string, { chain: Chain; record: BranchRecord }>()
  /** Batches that are not on the first branch of their epoch, by the bytes of the key that names them. */
  readonly names = new Map<string, { key: Uint8Array; branch: number }>()
  readonly #inspection: Inspection

  constructor(inspection: Inspection) {
    super(inspection.init.disk, inspection.init.crypto, new BranchCache())
    this.#inspection = inspection
  }

  override async at(chain: Chain, seq: number): Promise<IndexRecord | undefined> {
    const key = indexKey(chain, seq)
    const value = await this.#inspection.get(key)
    if (value === undefined) return undefined
    return this.#inspection.attempt(() => decodeIndex(key, value, this.#inspection.init.crypto))
  }

  override async branch(chain: Chain): Promise<BranchRecord | undefined> {
    return this.branches.get(chainText(chain))?.record
  }

  /** Takes in where a batch of the log stands. */
  note({ batch: { header, id }, branch }: LogRecord, authors: AuthorTable): void {
    const author = branch === 0 ? undefined : authors.numberOf(header.author)
    if (author !== undefined) this.#name({ author, epoch: header.epoch, branch }, header.seq, id)
  }

  /** Takes in where a batch stands that is missing. */
  noteHole(hole: Hole): void {
    if (hole.branch > 0) this.#name(hole, hole.seq, hole.id)
  }

  protected override async branchOf(first: Chain, seq: number, id: ShortId): Promise<number | undefined> {
    return this.names.get(textOf(branchNameKey(first, seq, id)))?.branch
  }

  #name(chain: Chain, seq: number, id: BatchId): void {
    const key = branchNameKey(chain, seq, shortId(id))
    this.names.set(textOf(key), { key, branch: chain.branch })
  }
}

export function positionName(position: number): string {
  return `position ${position} of the log`
}

/**
 * The outbox as applications and engines see it: `Outbox.open` on a directory or in memory, `Outbox.over` on somebody's
 * disk. Checks what is handed in and gives each call a time and an owner; `ledger.ts` makes it durable.
 */
import { crc32 } from '../base/crc32.js'
import type { Hashes } from '../base/index.js'
import { DELIVERY, withLimits } from '../base/index.js'
import { systemClock, systemRandom } from '../base/system.js'
import { openMemoryDisk } from '../disk/index.js'
import { checkCount, checkNames, checkOperation, checkRetry, checkTime } from './check.js'
import type {
  CompleteOptions,
  DeliveryFace,
  DeliveryRecord,
  EnqueueOptions,
  Explanation,
  FailOptions,
  NewOperation,
  Operation,
  OperationCounts,
  OperationFilter,
  OutboxEvents,
  OutboxInit,
  OutboxOnDisk
} from './index.js'
import { OPERATION_STATUSES } from './keys.js'
import { Ledger } from './ledger.js'
import { Reads } from './reads.js'
import { Sweeper } from './sweeper.js'
import * as transitions from './transitions.js'

const DAY_MS = 86_400_000
const SETTINGS = ['owner', 'retry', 'keepDoneMs', 'keepLogMs', 'clock', 'random']

/** What engines need of an outbox, beside its public face. */
export interface OutboxParts {
  readonly ledger: Ledger
  readonly reads: Reads
  readonly sweeper: Sweeper
}

const partsOf = new WeakMap<Outbox, OutboxParts>()

/** The inside of an outbox, for the engines of this folder. */
export function outboxParts(outbox: Outbox): OutboxParts {
  const parts = partsOf.get(outbox)
  if (parts === undefined) throw new TypeError('outbox must be an Outbox')
  return parts
}

export class Outbox implements DeliveryFace {
  /** Who claims. */
  readonly owner: string
  readonly #ledger: Ledger
  readonly #reads: Reads
  readonly #parts: OutboxParts
  readonly #release: () => Promise<void>

  private constructor(parts: OutboxParts, owner: string, release: () => Promise<void>) {
    this.owner = owner
    this.#parts = parts
    this.#ledger = parts.ledger
    this.#reads = parts.reads
    this.#release = release
    partsOf.set(this, parts)
  }

  /**
   * Opens the outbox of a data directory, or a new one in memory.
   *
   * @throws TypeError for an unknown option or a wrong type
   * @throws NatterError `DIRECTORY_IN_USE`, `DIRECTORY_UNUSABLE`, `STORE_DAMAGED`, `FORMAT_UNKNOWN`, `DISK_FULL`
   */
  static async open(init: OutboxInit = {}): Promise<Outbox> {
    checkNames(init, [...SETTINGS, 'dataDir', 'durability', 'limits'])
    const { dataDir, durability = 'fsync', limits, ...settings } = init
    if (durability !== 'fsync' && durability !== 'os')
      throw new TypeError("durability must be 'fsync' or 'os'")
    checkSettings(settings)
    if (dataDir === undefined) {
      const disk = await openMemoryDisk()
      return Outbox.#on({ ...settings, disk }, crc32, () => disk.close())
    }
    // Only here is Node.js needed, so only here are these loaded.
    const { DataDirectory } = await import('../disk/directory.js')
    const { nodeCrypto } = await import('../base/crypto-node.js')
    const directory = await DataDirectory.open(dataDir)
    try {
      const clock = settings.clock ?? systemClock
      const disk = await directory.openDisk({ durability, limits: withLimits(limits), clock })
      const release = async (): Promise<void> => {
        await disk.close()
        await directory.close()
      }
      try {
        return await Outbox.#on({ ...settings, disk }, nodeCrypto.crc32, release)
      } catch (error) {
        await disk.close()
        throw error
      }
    } catch (error) {
      await directory.close()
      throw error
    }
  }

  /** The outbox on a disk that stays open when the outbox is closed. Rejects with `STORE_DAMAGED`. */
  static over(init: OutboxOnDisk): Promise<Outbox> {
    checkNames(init, [...SETTINGS, 'disk'])
    checkSettings(init)
    return Outbox.#on(init, crc32, () => Promise.resolve())
  }

  static async #on(
    init: OutboxOnDisk,
    checksum: Hashes['crc32'],
    release: () => Promise<void>
  ): Promise<Outbox> {
    const { disk, clock = systemClock, random = systemRandom, keepDoneMs = DAY_MS } = init
    const keepLogMs = init.keepLogMs ?? Math.max(keepDoneMs, 7 * DAY_MS)
    const policy = checkRetry(init.retry)
    const hashes = { crc32: checksum }
    const ledger = await Ledger.open({ disk, policy, keepDoneMs, keepLogMs, clock, random, hashes })
    const reads = new Reads(ledger)
    const owner = init.owner ?? `owner-${ledger.newId().slice(0, 8)}`
    return new Outbox({ ledger, reads, sweeper: new Sweeper(ledger, reads) }, owner, release)
  }

  /** The same outbox under another name; closing either closes both. */
  as(owner: string): Outbox {
    return new Outbox(this.#parts, checkOwner(owner), this.#release)
  }

  get events(): OutboxEvents {
    return this.#ledger.events
  }

  async enqueue(op: NewOperation, nowMs?: number, options: EnqueueOptions = {}): Promise<string> {
    checkNames(options, ['ordered'])
    const { ordered = true } = options
    if (typeof ordered !== 'boolean') throw new TypeError('ordered must be true or false')
    const at = this.#time(nowMs)
    const checked = checkOperation(op, () => this.#ledger.newId())
    return this.#ledger.call({
      ids: checked.isFresh ? [] : [checked.id],
      targets: ordered ? [checked.target] : [],
      bytes: 512 + checked.payload.bytes.length,
      run: (draft, rules) => transitions.put(draft, rules, checked, ordered, at)
    })
  }

  async get(id: string): Promise<Operation | undefined> {
    return this.#reads.get(checkId(id))
  }

  /** Operations that may be claimed now, at most `limit` of them. */
  async ready(nowMs?: number, limit: number = DELIVERY.pageItems): Promise<Operation[]> {
    return this.#reads.ready(this.#time(nowMs), checkCount('limit', limit))
  }

  /**
   * Takes an operation for this owner: true when its claim is on disk, false unless it is due and held by nobody.
   * Rejects like `enqueue`; whether an `INDETERMINATE` claim was made, `get` tells.
   */
  async claim(id: string, nowMs?: number): Promise<boolean> {
    const at = this.#time(nowMs)
    const { owner } = this
    checkId(id)
    const claimed = await this.#ledger.call({
      ids: [id],
      run: async (draft, rules) => transitions.claim(draft, rules, await draft.seqOf(id), owner, at)
    })
    return claimed !== undefined
  }

  /** The attempt succeeded: the operation is done, and never sent again. Rejects with `NOT_FOUND`, `OPERATION_NOT_HELD`. */
  async complete(id: string, nowMs?: number, options: CompleteOptions = {}): Promise<void> {
    checkNames(options, ['attempt'])
    const end = this.#end(id, options.attempt, nowMs)
    await this.#ledger.call({ ids: [id], run: draft => transitions.complete(draft, end) })
  }

  /** The attempt failed: it will be retried, or was the last. Rejects with `NOT_FOUND`, `OPERATION_NOT_HELD`. */
  async fail(id: string, error: unknown, options: FailOptions = {}): Promise<void> {
    checkNames(options, ['retryable', 'nowMs', 'retryAfterMs', 'attempt'])
    const { retryable = true, nowMs, retryAfterMs, attempt } = options
    if (typeof retryable !== 'boolean') throw new TypeError('retryable must be true or false')
    if (retryAfterMs !== undefined && !(retryAfterMs >= 0))
      throw new TypeError('retryAfterMs must be a number of milliseconds')
    const end = this.#end(id, attempt, nowMs)
    const failure = { error: transitions.errorText(error), retryable, retryAfterMs, givenBack: false }
    await this.#ledger.call({
      ids: [id],
      run: (draft, rules) => transitions.fail(draft, rules, end, failure)
    })
  }

  async list(filter: OperationFilter = {}): Promise<Operation[]> {
    checkNames(filter, ['status', 'target', 'limit', 'after'])
    if (filter.status !== undefined && !OPERATION_STATUSES.includes(filter.status))
      throw new TypeError(`status must be one of ${OPERATION_STATUSES.join(', ')}`)
    if (filter.target !== undefined) checkId(filter.target)
    if (filter.limit !== undefined) checkCount('limit', filter.limit)
    if (filter.after !== undefined) checkId(filter.after)
    return this.#reads.list(filter)
  }

  async retry(id: string, nowMs?: number): Promise<void> {
    const at = this.#time(nowMs)
    checkId(id)
    await this.#ledger.call({ ids: [id], run: draft => transitions.retry(draft, id, at) })
  }

  async drop(id: string, nowMs?: number): Promise<void> {
    const at = this.#time(nowMs)
    checkId(id)
    await this.#ledger.call({ ids: [id], run: draft => transitions.drop(draft, id, at) })
  }

  async explain(id: string, nowMs?: number): Promise<Explanation> {
    return this.#reads.explain(checkId(id), this.#time(nowMs))
  }

  counts(): OperationCounts {
    return this.#ledger.counts
  }

  async oldestAgeMs(nowMs?: number): Promise<number | null> {
    return this.#reads.oldestAgeMs(this.#time(nowMs))
  }

  /** Calls `visit` with every record of the log above the position `from`, in order, and waits for what it returns. */
  async replay(
    range: { from?: number; signal?: AbortSignal },
    visit: (record: DeliveryRecord) => void | Promise<void>
  ): Promise<void> {
    checkNames(range, ['from', 'signal'])
    await this.#reads.replay(checkCount('from', range.from ?? 0), visit, range.signal)
  }

  /** Removes finished operations and log records that are old enough, some hundred a call. Every tick of an engine does. */
  async sweep(nowMs?: number): Promise<void> {
    await this.#parts.sweeper.sweep(this.#time(nowMs))
  }

  /** Stops the engines of this outbox, waits for what is under way, and closes the directory that it opened. */
  async close(): Promise<void> {
    await this.#ledger.close()
    await this.#release()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #time(nowMs: number | undefined): number {
    return checkTime(nowMs ?? this.#ledger.clock.now())
  }

  #end(id: string, attempt: number | undefined, nowMs: number | undefined): transitions.AttemptEnd {
    if (attempt !== undefined) checkCount('attempt', attempt, 1)
    return { id: checkId(id), owner: this.owner, attempt, nowMs: this.#time(nowMs) }
  }
}

function checkSettings({ owner, retry, keepDoneMs, keepLogMs }: Partial<OutboxOnDisk>): void {
  if (owner !== undefined) checkOwner(owner)
  checkRetry(retry)
  if (keepDoneMs !== undefined) checkCount('keepDoneMs', keepDoneMs)
  if (keepLogMs !== undefined) checkCount('keepLogMs', keepLogMs)
}

function checkOwner(owner: unknown): string {
  const fits = typeof owner === 'string' && owner.length > 0 && owner.isWellFormed()
  if (!fits || new TextEncoder().encode(owner).length > DELIVERY.nameBytes)
    throw new TypeError(`owner must be a text of at most ${DELIVERY.nameBytes} bytes`)
  return owner
}

function checkId(id: unknown): string {
  if (typeof id !== 'string') throw new TypeError('an id is a text')
  return id
}

/**
 * The outbox as one machine: calls in, one durable commit at a time, results and events out.
 *
 * Keeps: every transition of a commit is on disk before anybody hears of it; calls take effect in the order in which
 * they came; after the disk was opened again nothing is decided from what memory held before. What arrives while a
 * commit is in flight forms the next (`GroupCommit`). Leaves to `transitions.ts` what a call does, to `reads.ts` what is
 * read, to `outbox.ts` who calls.
 */
import type { Clock, Random } from '../base/index.js'
import { DELIVERY, EMPTY_BYTES, NatterError, toHex } from '../base/index.js'
import { damaged } from '../base/sealed-record.js'
import type { Disk } from '../disk/index.js'
import { GroupCommit } from '../disk/index.js'
import { Draft } from './draft.js'
import { endOf, Fronts } from './fronts.js'
import type { OperationCounts, OutboxEvents, RetryPolicy } from './index.js'
import { logKey, OUTBOX_SPACE, TOTALS_KEY } from './keys.js'
import type { Checksum, ContentRecord, Totals } from './records.js'
import { decodeLog, decodeTotals } from './records.js'
import type { Outcome, Rules, Telling } from './transitions.js'

export interface LedgerInit {
  readonly disk: Disk
  readonly policy: RetryPolicy
  readonly keepDoneMs: number
  readonly keepLogMs: number
  readonly clock: Clock
  readonly random: Random
  readonly hashes: Checksum
}

/** One call on its way into a commit. */
export interface Call<T> {
  /** What it will look at: that of all calls of a commit is read at once. */
  readonly ids?: readonly string[]
  readonly seqs?: readonly number[]
  readonly targets?: readonly string[]
  /** About how many bytes it writes. @default 256 */
  readonly bytes?: number
  run(draft: Draft, rules: Rules, tell: (telling: Telling) => void): Promise<Outcome<T>>
}

interface Waiting {
  readonly call: Call<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Bytes that a call with no payload to speak of writes. */
const SMALL_CALL_BYTES = 256
/** Two of 2^32 ids are the same once in 2^33 outboxes. */
const RANDOM_ID_BYTES = 12
/** Ids whose bytes are drawn at once: a call for each costs as much as the rest of an id. */
const POOLED_IDS = 64

const FRESH: Totals = {
  nextPosition: 1,
  firstPosition: 1,
  counts: { pending: 0, inflight: 0, done: 0, failed: 0, 'permanent-failed': 0 }
}

export class Ledger {
  readonly disk: Disk
  readonly clock: Clock
  readonly hashes: Checksum
  readonly policy: RetryPolicy
  readonly keepDoneMs: number
  readonly keepLogMs: number
  readonly events = new EventTarget() as OutboxEvents
  readonly fronts: Fronts
  /** Seqs of operations that an engine of this process is sending: nobody else takes them. */
  readonly reserved = new Set<number>()
  readonly #random: Random
  readonly #rules: Rules
  readonly #commits: GroupCommit<Waiting>
  /** Called before the ledger closes. */
  readonly #users = new Set<() => Promise<void>>()
  readonly #forgetReopen: () => void
  #totals: Totals = FRESH
  #pool: Uint8Array = EMPTY_BYTES
  /** Counts how often the disk was opened: what was read before such a change is void. */
  #opened = 0
  #closing: Promise<void> | undefined
  #ended = false

  private constructor(init: LedgerInit) {
    this.disk = init.disk
    this.clock = init.clock
    this.hashes = init.hashes
    this.policy = init.policy
    this.keepDoneMs = init.keepDoneMs
    this.keepLogMs = init.keepLogMs
    this.fronts = new Fronts(init.disk)
    this.#random = init.random
    this.#rules = {
      policy: init.policy,
      fraction: () => init.random.fraction(),
      content: seq => this.content(seq)
    }
    this.#commits = new GroupCommit({
      run: calls => this.#commit(calls),
      failed: (waiting, error) => waiting.reject(error),
      size: ({ call }) => call.bytes ?? SMALL_CALL_BYTES,
      limit: DELIVERY.groupBytes
    })
    this.#forgetReopen = init.disk.onReopen(() => this.#load())
  }

  /** Rejects with `STORE_DAMAGED`, or what the disk rejects with. */
  static async open(init: LedgerInit): Promise<Ledger> {
    const ledger = new Ledger(init)
    try {
      await ledger.#load()
    } catch (error) {
      ledger.#forgetReopen()
      throw error
    }
    return ledger
  }

  get totals(): Totals {
    return this.#totals
  }

  get counts(): OperationCounts {
    return { ...this.#totals.counts }
  }

  newId(): string {
    if (this.#pool.length === 0) this.#pool = this.#random.bytes(RANDOM_ID_BYTES * POOLED_IDS)
    const id = toHex(this.#pool.subarray(0, RANDOM_ID_BYTES))
    this.#pool = this.#pool.subarray(RANDOM_ID_BYTES)
    return id
  }

  /** Makes the call part of the next commit; resolves with its value when that is on disk. */
  call<T>(call: Call<T>): Promise<T> {
    if (this.#ended) return Promise.reject(closedError())
    if (this.#commits.waiting >= DELIVERY.queuedCalls) {
      const words = `${DELIVERY.queuedCalls} calls wait for the disk: this one was not made`
      return Promise.reject(new NatterError('STORE_FENCED', words))
    }
    return new Promise((resolve, reject) => {
      this.#commits.push({ call, resolve: resolve as (value: unknown) => void, reject })
    })
  }

  /** What an operation is: it stands with the record of its `put`. */
  async content(seq: number): Promise<ContentRecord> {
    const key = logKey(seq)
    const value = await this.disk.get(key)
    const content = value === undefined ? null : decodeLog(key, value, this.hashes).content
    if (content === null) throw damaged('the content of an operation', new Error('it is not there'))
    return content
  }

  /** Has `stop` awaited before the ledger closes. Answers how to take that back. */
  use(stop: () => Promise<void>): () => void {
    this.#users.add(stop)
    return () => this.#users.delete(stop)
  }

  /** Stops who uses it and waits for what is under way; the disk is its owner's. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  get isClosed(): boolean {
    return this.#closing !== undefined
  }

  async #close(): Promise<void> {
    // Engines give back what they hold, which are calls: so those are taken meanwhile.
    await Promise.all([...this.#users].map(stop => stop()))
    this.#ended = true
    await this.#commits.idle()
    this.#forgetReopen()
  }

  async #load(): Promise<void> {
    this.#opened++
    this.fronts.reset()
    const value = await this.disk.get(TOTALS_KEY)
    if (value !== undefined) {
      this.#totals = decodeTotals(TOTALS_KEY, value, this.hashes)
      return
    }
    const space = new Uint8Array([OUTBOX_SPACE])
    const walk = this.disk.iterate({ gte: space, lt: endOf(space), limit: 1 })
    try {
      const [found] = await walk.next(1)
      if (found !== undefined) throw damaged('the totals of the outbox', new Error('they are not there'))
    } finally {
      await walk.close()
    }
    this.#totals = FRESH
  }

  async #commit(waiting: readonly Waiting[]): Promise<void> {
    const { disk } = this
    requireOpen(disk)
    const opened = this.#opened
    const draft = new Draft(disk, this.hashes, this.#totals)
    const calls = waiting.map(({ call }) => call)
    await draft.load({
      ids: calls.flatMap(call => call.ids ?? []),
      seqs: calls.flatMap(call => call.seqs ?? []),
      targets: calls.flatMap(call => call.targets ?? [])
    })
    const made: { waiting: Waiting; value: unknown }[] = []
    const tellings: Telling[] = []
    for (const one of waiting) {
      try {
        const { value, telling } = await one.call.run(draft, this.#rules, told => tellings.push(told))
        made.push({ waiting: one, value })
        if (telling !== undefined) tellings.push(telling)
      } catch (error) {
        one.reject(error)
      }
    }
    const write = disk.write()
    const entries: Uint8Array[] = []
    draft.write(write, key => entries.push(key))
    if (write.length > 0) {
      if (opened !== this.#opened) throw fencedError('it was opened again meanwhile')
      requireOpen(disk)
      await disk.commit(write)
      this.#totals = draft.totals()
      for (const key of entries) this.fronts.wrote(key)
    }
    for (const [type, detail] of tellings) this.events.dispatchEvent(new CustomEvent(type, { detail }))
    for (const { waiting: one, value } of made) one.resolve(value)
  }
}

function requireOpen(disk: Disk): void {
  if (disk.state === 'closed') throw closedError()
  if (disk.state === 'fenced') throw fencedError(disk.reason)
}

function closedError(): NatterError {
  return new NatterError('STORE_CLOSED', 'the outbox is closed')
}

function fencedError(reason: string | undefined): NatterError {
  return new NatterError(
    'STORE_FENCED',
    `the change was not made: the disk is fenced (${reason ?? 'reopening'})`
  )
}

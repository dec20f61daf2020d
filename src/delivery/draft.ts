/**
 * What one commit of the outbox is going to write, while its transitions are worked out: what is read through it is what
 * the transitions before have left, over what is on disk.
 *
 * Keeps: of each target at most one operation is in flight, and its first one stands among those that may be claimed
 * unless one is; every index entry follows from the state records. Transitions (`transitions.ts`) read first and change
 * afterwards, without an await between changes, so that one that is refused leaves nothing behind.
 */
import type { Disk, DiskWrite } from '../disk/index.js'
import type { OperationStatus } from './index.js'
import {
  idKey,
  lastNumber,
  logKey,
  orderedKey,
  queueKey,
  SPACE,
  stateKey,
  statusKey,
  TOTALS_KEY,
  targetKey
} from './keys.js'
import type { Checksum, ContentRecord, LogRecord, StateRecord, TargetRecord, Totals } from './records.js'
import {
  decodeSeq,
  decodeState,
  decodeTarget,
  encodeLog,
  encodeSeq,
  encodeState,
  encodeTarget,
  encodeTotals
} from './records.js'

interface Slot<T> {
  readonly old: T | undefined
  now: T | undefined
}

export class Draft {
  readonly #disk: Disk
  readonly #hashes: Checksum
  readonly #ids = new Map<string, Slot<number>>()
  readonly #states = new Map<number, Slot<StateRecord>>()
  readonly #targets = new Map<string, Slot<TargetRecord>>()
  /** By target: seqs that entered (true) or left (false) its queue. */
  readonly #queues = new Map<string, Map<number, boolean>>()
  readonly #log: LogRecord[] = []
  /** By seq of a removed operation: the record of its `put` without what it was. */
  readonly #removed = new Map<number, LogRecord>()
  readonly #trimmed: number[] = []
  readonly #counts: Record<OperationStatus, number>
  #firstPosition: number
  readonly #totals: Totals

  constructor(disk: Disk, hashes: Checksum, totals: Totals) {
    this.#disk = disk
    this.#hashes = hashes
    this.#totals = totals
    this.#counts = { ...totals.counts }
    this.#firstPosition = totals.firstPosition
  }

  /**
   * Reads in three rounds what transitions on these are going to look at. A record that is damaged is left out: it is
   * for the one that needs it to fail.
   */
  async load(names: {
    ids: readonly string[]
    seqs: readonly number[]
    targets: readonly string[]
  }): Promise<void> {
    const skip = (): void => undefined
    await this.#fill(this.#ids, names.ids, idKey, decodeSeq, skip)
    const known = names.ids.map(id => this.#ids.get(id)?.now).filter(seq => seq !== undefined)
    const seqs = [...names.seqs, ...known]
    await this.#fill(this.#states, seqs, stateKey, decodeState, skip)
    const queued = seqs.map(seq => this.#states.get(seq)?.now).filter(state => state?.ordered === true)
    const targets = [...names.targets, ...queued.map(state => state!.target)]
    await this.#fill(this.#targets, targets, targetKey, decodeTarget, skip)
  }

  async seqOf(id: string): Promise<number | undefined> {
    if (!this.#ids.has(id)) await this.#fill(this.#ids, [id], idKey, decodeSeq)
    return this.#ids.get(id)!.now
  }

  async state(seq: number): Promise<StateRecord | undefined> {
    if (!this.#states.has(seq)) await this.#fill(this.#states, [seq], stateKey, decodeState)
    return this.#states.get(seq)!.now
  }

  /** The state of an operation that was read before. */
  here(seq: number): StateRecord {
    return this.#states.get(seq)!.now!
  }

  async target(target: string): Promise<TargetRecord | undefined> {
    if (!this.#targets.has(target)) await this.#fill(this.#targets, [target], targetKey, decodeTarget)
    return this.#targets.get(target)!.now
  }

  /** The content of an operation of this very commit. */
  contentHere(seq: number): ContentRecord | undefined {
    return this.#log[seq - this.#totals.nextPosition]?.content ?? undefined
  }

  /** The first of the queue behind `seq`, which every queue entry before it has left. */
  async nextInQueue(target: string, seq: number, tail: number): Promise<number | undefined> {
    const changes = this.#queues.get(target)
    let added: number | undefined
    for (const [other, entered] of changes ?? [])
      if (entered && other > seq && (added === undefined || other < added)) added = other
    if (seq >= tail) return added
    const walk = this.#disk.iterate({ gt: queueKey(target, seq), lte: queueKey(target, tail) })
    try {
      for (let size = 1; ; size = Math.min(size * 4, 256)) {
        const entries = await walk.next(size)
        if (entries.length === 0) return added
        for (const [entry] of entries) {
          const other = lastNumber(entry)
          if (added !== undefined && added < other) return added
          if (changes?.get(other) !== false) return other
        }
      }
    } finally {
      await walk.close()
    }
  }

  // Changes

  /** Logs the `put` of a new operation; answers its seq, which is the position of that record. */
  add(id: string, tsMs: number, content: ContentRecord): number {
    const seq = this.log({ type: 'put', tsMs, id, error: null, nextRetryAtMs: 0, content })
    this.#ids.set(id, { old: undefined, now: seq })
    this.#states.set(seq, { old: undefined, now: undefined })
    return seq
  }

  setState(seq: number, state: StateRecord): void {
    const slot = this.#states.get(seq)!
    if (slot.now !== undefined) this.#counts[slot.now.status]--
    this.#counts[state.status]++
    slot.now = state
  }

  /** Nothing of the operation is left. */
  remove(seq: number): void {
    const slot = this.#states.get(seq)!
    const { id, status, createdAtMs } = slot.now!
    this.#counts[status]--
    slot.now = undefined
    this.#removed.set(seq, {
      type: 'put',
      tsMs: createdAtMs,
      id,
      error: null,
      nextRetryAtMs: 0,
      content: null
    })
    const name = this.#ids.get(id)
    if (name === undefined) this.#ids.set(id, { old: seq, now: undefined })
    else name.now = undefined
  }

  setTarget(target: string, record: TargetRecord | undefined): void {
    this.#targets.get(target)!.now = record
  }

  enterQueue(target: string, seq: number): void {
    this.#queue(target).set(seq, true)
  }

  leaveQueue(target: string, seq: number): void {
    this.#queue(target).set(seq, false)
  }

  /** Appends a transition to the log; answers its position. */
  log(record: LogRecord): number {
    const position = this.nextPosition
    this.#log.push(record)
    return position
  }

  get nextPosition(): number {
    return this.#totals.nextPosition + this.#log.length
  }

  /** Records of the log up to `position` are no longer shown; `removed` of them hold nothing that is needed. */
  trimLog(position: number, removed: readonly number[]): void {
    this.#firstPosition = Math.max(this.#firstPosition, position + 1)
    this.#trimmed.push(...removed)
  }

  // The end

  totals(): Totals {
    return {
      nextPosition: this.nextPosition,
      firstPosition: this.#firstPosition,
      counts: { ...this.#counts }
    }
  }

  /** Everything that changed, as one write. `lowered` is called with each new entry of an index that is walked from its front. */
  write(write: DiskWrite, lowered: (key: Uint8Array) => void): void {
    const hashes = this.#hashes
    const put = (key: Uint8Array, encode: (key: Uint8Array) => Uint8Array): void =>
      write.put(key, encode(key))
    for (const [id, { old, now }] of this.#ids) {
      if (old === now) continue
      if (now === undefined) write.del(idKey(id))
      else put(idKey(id), key => encodeSeq(key, now, hashes))
    }
    for (const [seq, { old, now }] of this.#states) {
      if (old === now) continue
      this.#writeState(write, seq, old, now, lowered)
    }
    for (const [target, { old, now }] of this.#targets) {
      if (old === now) continue
      if (now === undefined) write.del(targetKey(target))
      else put(targetKey(target), key => encodeTarget(key, now, hashes))
    }
    for (const [target, changes] of this.#queues) {
      for (const [seq, entered] of changes) {
        const key = queueKey(target, seq)
        if (entered) write.put(key, NOTHING)
        else write.del(key)
      }
    }
    for (const [index, record] of this.#log.entries())
      put(logKey(this.#totals.nextPosition + index), key => encodeLog(key, record, hashes))
    for (const [seq, record] of this.#removed) {
      if (seq < this.#firstPosition) write.del(logKey(seq))
      else put(logKey(seq), key => encodeLog(key, record, hashes))
    }
    for (const position of this.#trimmed) write.del(logKey(position))
    if (write.length > 0) put(TOTALS_KEY, key => encodeTotals(key, this.totals(), hashes))
  }

  #writeState(
    write: DiskWrite,
    seq: number,
    old: StateRecord | undefined,
    now: StateRecord | undefined,
    lowered: (key: Uint8Array) => void
  ): void {
    const before = old === undefined ? [] : indexKeys(seq, old)
    const after = now === undefined ? [] : indexKeys(seq, now)
    const same = (a: Uint8Array, b: Uint8Array): boolean =>
      a.length === b.length && a.every((byte, i) => byte === b[i])
    for (const key of before) if (!after.some(other => same(key, other))) write.del(key)
    for (const key of after) {
      if (before.some(other => same(key, other))) continue
      write.put(key, NOTHING)
      lowered(key)
    }
    const key = stateKey(seq)
    if (now === undefined) write.del(key)
    else write.put(key, encodeState(key, now, this.#hashes))
  }

  #queue(target: string): Map<number, boolean> {
    let changes = this.#queues.get(target)
    if (changes === undefined) {
      changes = new Map()
      this.#queues.set(target, changes)
    }
    return changes
  }

  /** Fills the slots of those `names` that have none from disk. */
  async #fill<N, T>(
    slots: Map<N, Slot<T>>,
    names: readonly N[],
    keyOf: (name: N) => Uint8Array,
    decode: (key: Uint8Array, value: Uint8Array, hashes: Checksum) => T,
    onDamage: (error: unknown) => void = raise
  ): Promise<void> {
    const missing = [...new Set(names)].filter(name => !slots.has(name))
    if (missing.length === 0) return
    const keys = missing.map(keyOf)
    const values = await this.#disk.getMany(keys)
    for (const [at, name] of missing.entries()) {
      const value = values[at]
      try {
        const old = value === undefined ? undefined : decode(keys[at]!, value, this.#hashes)
        slots.set(name, { old, now: old })
      } catch (error) {
        onDamage(error)
      }
    }
  }
}

const NOTHING = new Uint8Array(0)

function raise(error: unknown): never {
  throw error
}

/** Every index entry that an operation in this state has. */
function indexKeys(seq: number, state: StateRecord): Uint8Array[] {
  const { status, place, updatedAtMs } = state
  const keys = [statusKey(status, seq)]
  if (status === 'pending' && place > 0) keys.push(orderedKey(SPACE.next, place, seq))
  if (status === 'failed' && place > 0) keys.push(orderedKey(SPACE.due, state.nextRetryAtMs, seq))
  if (status === 'inflight') keys.push(orderedKey(SPACE.held, updatedAtMs, seq))
  if (status === 'done') keys.push(orderedKey(SPACE.finished, updatedAtMs, seq))
  return keys
}

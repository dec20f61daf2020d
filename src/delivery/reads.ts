/**
 * What is read of the outbox: single operations, pages, what may be claimed now, and the log. All of it as of the newest
 * commit, none of it through the queue of commits.
 */
import { DELIVERY, NatterError, span } from '../base/index.js'
import { damaged } from '../base/sealed-record.js'
import type { ByteRange, Disk } from '../disk/index.js'
import { endOf } from './fronts.js'
import type {
  DeliveryRecord,
  DeliveryRecordType,
  Explanation,
  Operation,
  OperationFilter,
  OperationStatus
} from './index.js'
import {
  idKey,
  LAST_NUMBER,
  lastNumber,
  logKey,
  OUTBOX_SPACE,
  orderedKey,
  orderOf,
  SPACE,
  stateKey,
  statusKey,
  targetKey
} from './keys.js'
import type { Ledger } from './ledger.js'
import { decodePayload } from './payload.js'
import { longestWaitMs } from './policy.js'
import type { ContentRecord, StateRecord } from './records.js'
import { decodeLog, decodeSeq, decodeState, decodeTarget } from './records.js'
import { isDue } from './transitions.js'

/** States that are not final. */
const OPEN_STATUSES: readonly OperationStatus[] = ['pending', 'inflight', 'failed']

/** Whether operations for a target may be sent now. */
export type Accepts = (target: string) => boolean

export class Reads {
  readonly #ledger: Ledger
  readonly #disk: Disk

  constructor(ledger: Ledger) {
    this.#ledger = ledger
    this.#disk = ledger.disk
  }

  async get(id: string): Promise<Operation | undefined> {
    const seq = await this.#seqOf(id)
    return seq === undefined ? undefined : this.operation(seq)
  }

  async operation(seq: number): Promise<Operation | undefined> {
    const [operation] = await this.operations([seq])
    return operation
  }

  /** Those of the seqs that are still there. */
  async operations(seqs: readonly number[]): Promise<Operation[]> {
    const states = await this.states(seqs)
    const records = await this.#disk.getMany(seqs.map(logKey))
    const found: Operation[] = []
    for (const [at, seq] of seqs.entries()) {
      const state = states[at]
      if (state === undefined) continue
      const value = records[at]
      const content = value === undefined ? null : decodeLog(logKey(seq), value, this.#ledger.hashes).content
      if (content !== null) found.push(operationOf(state, content))
      // Gone between the two reads, or damaged: the state says which.
      else if ((await this.states([seq]))[0] !== undefined)
        throw damaged('the content of an operation', new Error('it is not there'))
    }
    return found
  }

  async states(seqs: readonly number[]): Promise<(StateRecord | undefined)[]> {
    const keys = seqs.map(stateKey)
    const values = await this.#disk.getMany(keys)
    return values.map((value, at) =>
      value === undefined ? undefined : decodeState(keys[at]!, value, this.#ledger.hashes)
    )
  }

  /**
   * Seqs of up to `limit` operations that may be claimed at `nowMs`: new ones and those to be retried by turns; with
   * `accepts` only those for targets that it takes.
   */
  async due(nowMs: number, limit: number, accepts?: Accepts): Promise<number[]> {
    const beyondMs = nowMs + longestWaitMs(this.#ledger.policy)
    const fresh = await this.#accepted(limit, accepts, async count =>
      (await this.#ledger.fronts.first(prefixOf(SPACE.next), count)).map(lastNumber)
    )
    const retries = await this.#accepted(limit, accepts, count =>
      this.#within(SPACE.due, nowMs, beyondMs, count)
    )
    const seqs: number[] = []
    for (let at = 0; at < limit; at++) {
      for (const one of [fresh[at], retries[at]]) if (one !== undefined) seqs.push(one)
    }
    return seqs.slice(0, limit)
  }

  /** Reads ever more from the front of an index until enough is accepted, or all of it was looked at. */
  async #accepted(
    limit: number,
    accepts: Accepts | undefined,
    read: (count: number) => Promise<number[]>
  ): Promise<number[]> {
    if (accepts === undefined) return read(limit)
    for (let count = Math.max(limit, DELIVERY.walkItems); ; count *= 2) {
      const seqs = await read(count)
      const states = await this.states(seqs)
      const accepted = seqs.filter((_, at) => states[at] !== undefined && accepts(states[at].target))
      if (accepted.length >= limit || seqs.length < count) return accepted.slice(0, limit)
    }
  }

  async ready(nowMs: number, limit: number): Promise<Operation[]> {
    const operations: Operation[] = []
    const seqs = await this.due(nowMs, limit)
    for (const [at, state] of (await this.states(seqs)).entries()) {
      // What was claimed since the index was read is no longer among them.
      if (state === undefined || !isDue(state, nowMs, this.#ledger.policy)) continue
      operations.push(operationOf(state, await this.#ledger.content(seqs[at]!)))
    }
    return operations
  }

  /** Seqs of operations that were claimed too long before `nowMs`, or, by a clock that stood ahead, too long after. */
  left(nowMs: number, timeoutMs: number, limit: number): Promise<number[]> {
    return this.#within(SPACE.held, nowMs - timeoutMs, nowMs + timeoutMs, limit)
  }

  /** Seqs and times of operations that are done since `beforeMs` or earlier. */
  async finished(beforeMs: number, limit: number): Promise<{ seq: number; doneAtMs: number }[]> {
    const isOld = (key: Uint8Array): boolean => orderOf(key) <= beforeMs
    const keys = await this.#ledger.fronts.first(prefixOf(SPACE.finished), limit, isOld)
    return keys.map(key => ({ seq: lastNumber(key), doneAtMs: orderOf(key) }))
  }

  async list(filter: OperationFilter): Promise<Operation[]> {
    const { status, target, limit = DELIVERY.pageItems, after } = filter
    const last = after === undefined ? 0 : await this.#seqOf(after)
    if (last === undefined) throw notFound(after!)
    const seqs: number[] = []
    for await (const page of this.#pages(rangeOf(status, last))) {
      if (target === undefined) seqs.push(...page)
      else {
        const states = await this.states(page)
        seqs.push(...page.filter((_, at) => states[at]?.target === target))
      }
      if (seqs.length >= limit) break
    }
    const operations = await this.operations(seqs.slice(0, limit))
    return status === undefined ? operations : operations.filter(one => one.status === status)
  }

  async explain(id: string, nowMs: number): Promise<Explanation> {
    const seq = await this.#seqOf(id)
    const [state] = seq === undefined ? [] : await this.states([seq])
    if (state === undefined) throw notFound(id)
    const { status, owner, updatedAtMs: atMs, nextRetryAtMs, attempt, lastError } = state
    const base = { id, status }
    if (status === 'done') return { ...base, reason: 'done', atMs, text: `it was done by attempt ${attempt}` }
    if (status === 'permanent-failed')
      return { ...base, reason: 'gave-up', atMs, text: `attempt ${attempt} was the last: ${lastError}` }
    if (status === 'inflight') {
      const text = `${owner} is sending it, attempt ${attempt}`
      return { ...base, reason: 'in-flight', atMs, text, ...(owner !== null && { owner }) }
    }
    const behind = state.place > 0 ? undefined : await this.#before(state.target)
    if (behind !== undefined) {
      const text = `${behind.id} comes before it on ${state.target} and is ${behind.status}`
      return { ...base, reason: 'waits-for-target', behind: behind.id, text }
    }
    if (status === 'pending' || isDue(state, nowMs, this.#ledger.policy))
      return { ...base, reason: 'due', text: 'the next free worker sends it' }
    const text = `attempt ${attempt} failed, the next is due in ${span(nextRetryAtMs - nowMs)}: ${lastError}`
    return { ...base, reason: 'waits-for-retry', atMs: nextRetryAtMs, text }
  }

  /** Milliseconds since the oldest operation that is not final was enqueued. */
  async oldestAgeMs(nowMs: number): Promise<number | null> {
    const firsts = await Promise.all(
      OPEN_STATUSES.map(status => this.#ledger.fronts.first(statusKey(status, 0).subarray(0, 3), 1))
    )
    const seqs = firsts.flat().map(lastNumber)
    if (seqs.length === 0) return null
    const [oldest] = await this.states([Math.min(...seqs)])
    return oldest === undefined ? null : Math.max(0, nowMs - oldest.createdAtMs)
  }

  /** Every record of the log above `from`, as of the call. */
  async replay(
    from: number,
    visit: (record: DeliveryRecord) => void | Promise<void>,
    signal?: AbortSignal
  ): Promise<void> {
    const first = Math.max(from, this.#ledger.totals.firstPosition - 1)
    const walk = this.#disk.iterate({ gt: logKey(first), lte: logKey(LAST_NUMBER) })
    try {
      for (;;) {
        const entries = await walk.next(DELIVERY.walkItems)
        if (entries.length === 0) return
        for (const [key, value] of entries) {
          if (signal?.aborted)
            throw new NatterError('ABORTED', 'the replay was given up', { cause: signal.reason })
          const { type, tsMs, id, error, nextRetryAtMs } = decodeLog(key, value, this.#ledger.hashes)
          await visit({
            position: lastNumber(key),
            id,
            type,
            tsMs,
            ...(error !== null && { error }),
            ...(nextRetryAtMs > 0 && { nextRetryAtMs })
          })
        }
      }
    } finally {
      await walk.close()
    }
  }

  /** The oldest records of the log, up to the first that is younger than `beforeMs`. */
  async oldestRecords(
    beforeMs: number,
    limit: number
  ): Promise<{ position: number; type: DeliveryRecordType }[]> {
    const { firstPosition } = this.#ledger.totals
    const walk = this.#disk.iterate({ gte: logKey(firstPosition), lte: logKey(LAST_NUMBER), limit })
    const records: { position: number; type: DeliveryRecordType }[] = []
    try {
      while (records.length < limit) {
        const entries = await walk.next(limit - records.length)
        if (entries.length === 0) break
        for (const [key, value] of entries) {
          const { tsMs, type } = decodeLog(key, value, this.#ledger.hashes)
          if (tsMs > beforeMs) return records
          records.push({ position: lastNumber(key), type })
        }
      }
    } finally {
      await walk.close()
    }
    return records
  }

  /** Seqs of an index by time: those up to `toMs` in order, then those beyond `beyondMs`. */
  async #within(
    space: typeof SPACE.due | typeof SPACE.held,
    toMs: number,
    beyondMs: number,
    limit: number
  ): Promise<number[]> {
    const keys = await this.#ledger.fronts.first(prefixOf(space), limit, key => orderOf(key) <= toMs)
    const seqs = keys.map(lastNumber)
    if (seqs.length >= limit || beyondMs >= LAST_NUMBER) return seqs
    const range = {
      gte: orderedKey(space, beyondMs + 1, 0),
      lt: endOf(prefixOf(space)),
      limit: limit - seqs.length
    }
    for await (const page of this.#pages(range)) seqs.push(...page)
    return seqs
  }

  async #seqOf(id: string): Promise<number | undefined> {
    const key = idKey(id)
    const value = await this.#disk.get(key)
    return value === undefined ? undefined : decodeSeq(key, value, this.#ledger.hashes)
  }

  /** Who has to be final before others of the target are sent. */
  async #before(target: string): Promise<StateRecord | undefined> {
    const key = targetKey(target)
    const value = await this.#disk.get(key)
    if (value === undefined) return undefined
    const { head, busy } = decodeTarget(key, value, this.#ledger.hashes)
    return (await this.states([busy === 0 ? head : busy]))[0]
  }

  /** The last fields of all keys of a range, a page at a time. */
  async *#pages(range: ByteRange): AsyncGenerator<number[]> {
    const walk = this.#disk.iterate(range)
    try {
      for (;;) {
        const entries = await walk.next(DELIVERY.walkItems)
        if (entries.length === 0) return
        yield entries.map(([key]) => lastNumber(key))
      }
    } finally {
      await walk.close()
    }
  }
}

function prefixOf(space: number): Uint8Array {
  return new Uint8Array([OUTBOX_SPACE, space])
}

/** The index of a status, or of all, above a seq. */
function rangeOf(status: OperationStatus | undefined, after: number): ByteRange {
  const key = (seq: number): Uint8Array => (status === undefined ? stateKey(seq) : statusKey(status, seq))
  return { gt: key(after), lte: key(LAST_NUMBER) }
}

export function operationOf(state: StateRecord, content: ContentRecord): Operation {
  const { id, target, ordered, createdAtMs, updatedAtMs, attempt, status, lastError, owner } = state
  return {
    id,
    kind: content.kind,
    target,
    payload: payloadOf(content),
    idempotencyKey: content.idempotencyKey ?? id,
    ordered,
    createdAtMs,
    updatedAtMs,
    attempt,
    nextRetryAtMs: status === 'failed' ? state.nextRetryAtMs : null,
    status,
    lastError,
    owner
  }
}

function payloadOf({ payload }: ContentRecord): unknown {
  try {
    return decodePayload(payload)
  } catch (error) {
    throw damaged('the payload of an operation', error)
  }
}

function notFound(id: string): NatterError {
  return new NatterError('NOT_FOUND', `there is no operation ${id}`)
}

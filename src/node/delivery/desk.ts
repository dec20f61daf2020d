/**
 * The delivery outbox as the faces show it: what HTTP answers on `/delivery`, and what `natter delivery` prints of a
 * directory without a node. Every answer has one shape, made here; fields have the names of the wire.
 */
import type { Clock } from '../../base/index.js'
import { HTTP, isNatterError, NatterError } from '../../base/index.js'
import type {
  DeliveryFace,
  EnqueueOptions,
  NewOperation,
  Operation,
  OperationCounts,
  OperationFilter
} from '../../delivery/index.js'
import type { Hindrance, Sender } from '../../delivery/why-not-sent.js'
import { whyNotSent } from '../../delivery/why-not-sent.js'

/** Operations read at a time: each may carry a payload of 1 MiB. */
const SLICE = 16

export interface ShownOperation {
  id: string
  kind: string
  target: string
  status: Operation['status']
  attempt: number
  createdAt: string
  updatedAt: string
  nextRetryAt: string | null
  lastError: string | null
  owner: string | null
  idempotencyKey: string
  ordered: boolean
  /** Of the payload: as UTF-8, as they are, or as JSON. */
  payloadBytes: number
}

export interface WholeOperation extends ShownOperation {
  /** Null for bytes; absent where there is none. */
  payload?: unknown
  payload_base64?: string
  /** Why it is not sent now; empty: it is sent next. */
  why: Hindrance[]
}

export interface DeliverySummary {
  counts: OperationCounts
  /** Age of the oldest that is not final; null where there is none. */
  oldestMs: number | null
  /** What may be delivered to; empty where nobody sends. */
  deliverTo: readonly string[]
  /** Servers that cannot be reached; they are looked at while something waits. */
  offline: { server: string; sinceAt: string }[]
}

export interface OperationPage extends DeliverySummary {
  operations: ShownOperation[]
  /** Goes into `after` for the next page; null at the end. */
  next: string | null
}

/** Whoever sends what is in the outbox. */
export interface Senders {
  readonly urls: readonly string[]
  /** The operation as it will be sent. Throws `INVALID_ARGUMENT`, `TARGET_NOT_ALLOWED`. */
  admit(op: NewOperation): NewOperation
  /** A target, however it is written, as it stands in the outbox. */
  formOf(target: string): string
  senderOf(target: string): Sender
  offline(): { server: string; sinceMs: number }[]
}

export interface DeskParts {
  readonly outbox: DeliveryFace
  readonly clock: Clock
  /** Absent for a directory that no process has open. */
  readonly senders?: Senders
}

export class DeliveryDesk {
  readonly #parts: DeskParts

  constructor(parts: DeskParts) {
    this.#parts = parts
  }

  /** Resolves when it is on disk; a known id with the same content answers the operation as it is now. */
  async add(given: NewOperation, options: EnqueueOptions = {}): Promise<ShownOperation> {
    const { outbox, senders, clock } = this.#parts
    const id = await outbox.enqueue(senders?.admit(given) ?? given, clock.now(), options)
    return shownOf(await this.#require(id))
  }

  /** Rejects with `NOT_FOUND` where `after` is not known. */
  async list(given: OperationFilter = {}): Promise<OperationPage> {
    const { senders } = this.#parts
    const { target } = given
    const filter = target === undefined ? given : { ...given, target: senders?.formOf(target) ?? target }
    const limit = filter.limit ?? HTTP.pageItems
    const operations: ShownOperation[] = []
    for (let more = true; more && operations.length <= limit; ) {
      const slice = await this.#behind(operations, filter, Math.min(SLICE, limit + 1 - operations.length))
      operations.push(...slice)
      more = slice.length > 0
    }
    const isCut = operations.length > limit
    if (isCut) operations.length = limit
    return { operations, next: isCut ? operations.at(-1)!.id : null, ...(await this.summary()) }
  }

  /** The next of a page. The last one seen may be gone meanwhile: then the one before it says where to go on. */
  async #behind(
    seen: readonly ShownOperation[],
    filter: OperationFilter,
    limit: number
  ): Promise<ShownOperation[]> {
    const { outbox } = this.#parts
    for (const { id } of seen.toReversed()) {
      try {
        return (await outbox.list({ ...filter, after: id, limit })).map(shownOf)
      } catch (error) {
        if (!isNatterError(error, 'NOT_FOUND')) throw error
      }
    }
    return (await outbox.list({ ...filter, limit })).map(shownOf)
  }

  async summary(): Promise<DeliverySummary> {
    const { outbox, senders, clock } = this.#parts
    return {
      counts: outbox.counts(),
      oldestMs: await outbox.oldestAgeMs(clock.now()),
      deliverTo: senders?.urls ?? [],
      offline: (senders?.offline() ?? []).map(({ server, sinceMs }) => ({ server, sinceAt: isoOf(sinceMs) }))
    }
  }

  /** Rejects with `NOT_FOUND`. */
  async show(id: string): Promise<WholeOperation> {
    const { outbox, clock, senders } = this.#parts
    const nowMs = clock.now()
    const op = await this.#require(id)
    const found = await outbox.explain(id, nowMs)
    const why = whyNotSent(op, found, { nowMs, sender: senders?.senderOf(op.target) })
    return { ...shownOf(op), ...payloadOf(op), why }
  }

  /** Rejects with `NOT_FOUND`, `OPERATION_IN_FLIGHT`, `OPERATION_DONE`. */
  async retry(id: string): Promise<ShownOperation> {
    await this.#parts.outbox.retry(id, this.#parts.clock.now())
    return shownOf(await this.#require(id))
  }

  /** Rejects with `NOT_FOUND`, `OPERATION_IN_FLIGHT`. */
  drop(id: string): Promise<void> {
    return this.#parts.outbox.drop(id, this.#parts.clock.now())
  }

  async #require(id: string): Promise<Operation> {
    const op = await this.#parts.outbox.get(id)
    if (op !== undefined) return op
    throw new NatterError('NOT_FOUND', `no operation ${id} is in the delivery outbox`, {
      remedy: 'List what is there with: natter delivery ls   (what is done is kept for a day)'
    })
  }
}

function shownOf(op: Operation): ShownOperation {
  return {
    id: op.id,
    kind: op.kind,
    target: op.target,
    status: op.status,
    attempt: op.attempt,
    createdAt: isoOf(op.createdAtMs),
    updatedAt: isoOf(op.updatedAtMs),
    nextRetryAt: op.nextRetryAtMs === null ? null : isoOf(op.nextRetryAtMs),
    lastError: op.lastError,
    owner: op.owner,
    idempotencyKey: op.idempotencyKey,
    ordered: op.ordered,
    payloadBytes: bytesOf(op.payload)
  }
}

function payloadOf({ payload }: Operation): Pick<WholeOperation, 'payload' | 'payload_base64'> {
  if (payload === undefined) return {}
  if (!(payload instanceof Uint8Array)) return { payload }
  return { payload: null, payload_base64: Buffer.from(payload).toString('base64') }
}

function bytesOf(payload: unknown): number {
  if (payload === undefined) return 0
  if (payload instanceof Uint8Array) return payload.length
  return Buffer.byteLength(typeof payload === 'string' ? payload : JSON.stringify(payload))
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}

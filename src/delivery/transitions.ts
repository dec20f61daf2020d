/**
 * What each call does to the outbox: from one consistent state to the next, within a draft.
 *
 * Keeps: the order of states that `index.ts` gives; a record of the log for every change of state; per target first in,
 * first out, with one in flight at a time. Every function reads first and changes afterwards without an await, so a
 * refusal (a thrown `NatterError`) changes nothing. Leaves to `ledger.ts`: making it durable, and telling.
 */
import { DELIVERY, equalBytes, fromUtf8, messageOf, NatterError, utf8 } from '../base/index.js'
import type { CheckedOperation } from './check.js'
import type { Draft } from './draft.js'
import type { DeliveryEvents, DeliveryRecordType, RetryPolicy } from './index.js'
import { askedMs, backOffMs, longestWaitMs } from './policy.js'
import { Queue } from './queue.js'
import type { ContentRecord, LogRecord, StateRecord } from './records.js'

/** What transitions go by, beside the draft. */
export interface Rules {
  readonly policy: RetryPolicy
  readonly fraction: () => number
  /** The content of an operation that is on disk. */
  readonly content: (seq: number) => Promise<ContentRecord>
}

type TellingOf<K extends keyof DeliveryEvents> = { [N in K]: readonly [N, DeliveryEvents[N]] }[K]
/** What listeners are told once the commit is on disk. */
export type Telling = TellingOf<keyof DeliveryEvents>
/** How an attempt ended. */
export type EndTelling = TellingOf<'sent' | 'failed' | 'gave-up'>

export interface Outcome<T> {
  readonly value: T
  readonly telling?: Telling | undefined
}

/** An end of an attempt by somebody who says that it was theirs. */
export interface AttemptEnd {
  readonly id: string
  readonly owner: string
  readonly attempt: number | undefined
  readonly nowMs: number
}

export interface Failure {
  readonly error: string
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  /** The sender gave up before there was an answer: due again at once, and never the last. */
  readonly givenBack: boolean
}

export async function put(
  draft: Draft,
  rules: Rules,
  op: CheckedOperation,
  ordered: boolean,
  nowMs: number
): Promise<Outcome<string>> {
  const known = op.isFresh ? undefined : await draft.seqOf(op.id)
  if (known !== undefined) {
    const state = await draft.state(known)
    const content = draft.contentHere(known) ?? (await rules.content(known))
    if (state !== undefined && isSame(op, ordered, state, content)) return { value: op.id }
    throw new NatterError('ID_REUSED', `the id ${op.id} was used for another operation`)
  }
  const queue = ordered ? await Queue.of(draft, op.target) : undefined
  const { kind, idempotencyKey, payload } = op
  const seq = draft.add(op.id, nowMs, { kind, idempotencyKey, payload })
  draft.setState(seq, {
    id: op.id,
    target: op.target,
    ordered,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    status: 'pending',
    place: queue === undefined ? seq : 0,
    attempt: 0,
    forgiven: 0,
    nextRetryAtMs: 0,
    owner: null,
    lastError: null
  })
  queue?.append(seq)
  return { value: op.id, telling: ['enqueued', { id: op.id, kind, target: op.target }] }
}

/** Answers the new state of the operation, or undefined when it cannot be claimed now. */
export async function claim(
  draft: Draft,
  rules: Rules,
  seq: number | undefined,
  owner: string,
  nowMs: number
): Promise<Outcome<StateRecord | undefined>> {
  const state = seq === undefined ? undefined : await draft.state(seq)
  if (seq === undefined || state === undefined || !isDue(state, nowMs, rules.policy))
    return { value: undefined }
  const queue = state.ordered ? await Queue.of(draft, state.target) : undefined
  draft.log(transition('claim', state.id, nowMs))
  const claimed: StateRecord = {
    ...state,
    status: 'inflight',
    place: 0,
    attempt: state.attempt + 1,
    nextRetryAtMs: 0,
    owner,
    updatedAtMs: nowMs
  }
  draft.setState(seq, claimed)
  queue?.occupy(seq)
  return { value: claimed }
}

export async function complete(draft: Draft, end: AttemptEnd): Promise<Outcome<EndTelling>> {
  const { seq, state } = await held(draft, end)
  const queue = state.ordered ? await Queue.of(draft, state.target, seq) : undefined
  const { id, nowMs } = end
  const position = draft.log(transition('done', id, nowMs))
  draft.setState(seq, { ...state, status: 'done', owner: null, updatedAtMs: nowMs, lastError: null })
  queue?.finish(seq, position)
  return told(['sent', { id, attempt: state.attempt }])
}

export async function fail(
  draft: Draft,
  rules: Rules,
  end: AttemptEnd,
  failure: Failure
): Promise<Outcome<EndTelling>> {
  const { seq, state } = await held(draft, end)
  return settleFailure(draft, rules, seq, state, end.nowMs, failure)
}

/** The owner is gone, or the engine gave the attempt up: it failed, and may be claimed again at once. */
export async function takeOver(
  draft: Draft,
  rules: Rules,
  seq: number,
  nowMs: number,
  isLeft: (state: StateRecord) => boolean
): Promise<Outcome<boolean>> {
  const state = await draft.state(seq)
  if (state === undefined || state.status !== 'inflight' || !isLeft(state)) return { value: false }
  const error = `${state.owner} did not say how attempt ${state.attempt} ended`
  const failure: Failure = { error, retryable: true, retryAfterMs: undefined, givenBack: true }
  const { telling } = await settleFailure(draft, rules, seq, state, nowMs, failure)
  return { value: true, telling }
}

async function settleFailure(
  draft: Draft,
  rules: Rules,
  seq: number,
  state: StateRecord,
  nowMs: number,
  { error, retryable, retryAfterMs, givenBack }: Failure
): Promise<Outcome<EndTelling>> {
  const { id, attempt, ordered, target } = state
  const queue = ordered ? await Queue.of(draft, target, seq) : undefined
  const counted = attempt - state.forgiven
  const isLast = !retryable || (counted >= rules.policy.maxAttempts && !givenBack)
  const base = { ...state, owner: null, updatedAtMs: nowMs, lastError: error }
  if (isLast) {
    const position = draft.log(transition('permanent-failed', id, nowMs, error))
    draft.setState(seq, { ...base, status: 'permanent-failed' })
    queue?.finish(seq, position)
    return told(['gave-up', { id, attempt, error }])
  }
  const waitMs = givenBack
    ? 0
    : retryAfterMs !== undefined && retryAfterMs > 0
      ? askedMs(retryAfterMs)
      : backOffMs(rules.policy, counted, rules.fraction())
  const nextRetryAtMs = nowMs + waitMs
  const position = draft.log(transition('failed', id, nowMs, error, nextRetryAtMs))
  draft.setState(seq, { ...base, status: 'failed', nextRetryAtMs, place: queue === undefined ? 1 : 0 })
  queue?.release(position)
  return told(['failed', { id, attempt, error, nextRetryAtMs }])
}

export async function retry(draft: Draft, id: string, nowMs: number): Promise<Outcome<void>> {
  const { seq, state } = await existing(draft, id)
  if (state.status === 'pending') return { value: undefined }
  if (state.status === 'inflight') throw inFlight(state)
  if (state.status === 'done') throw new NatterError('OPERATION_DONE', `the operation ${id} is done`)
  const queue = state.ordered ? await Queue.of(draft, state.target, seq) : undefined
  const wasFinal = state.status === 'permanent-failed'
  const position = draft.log(transition('retry', id, nowMs))
  draft.setState(seq, {
    ...state,
    status: 'pending',
    // One that already stands among those that may be claimed stands there still; one that comes back asks its queue.
    place: queue === undefined || state.place > 0 ? position : 0,
    forgiven: state.attempt,
    nextRetryAtMs: 0,
    updatedAtMs: nowMs
  })
  if (wasFinal) queue?.comeBack(seq, position)
  return { value: undefined }
}

export async function drop(draft: Draft, id: string, nowMs: number): Promise<Outcome<void>> {
  const { seq, state } = await existing(draft, id)
  if (state.status === 'inflight') throw inFlight(state)
  const isQueued = state.ordered && (state.status === 'pending' || state.status === 'failed')
  const queue = isQueued ? await Queue.of(draft, state.target, seq) : undefined
  const position = draft.log(transition('drop', id, nowMs))
  draft.remove(seq)
  queue?.leave(seq, position)
  return { value: undefined }
}

/** Forgets an operation that was done at `doneAtMs`, unless it is no longer that. */
export async function forget(draft: Draft, seq: number, doneAtMs: number): Promise<boolean> {
  const state = await draft.state(seq)
  if (state?.status !== 'done' || state.updatedAtMs !== doneAtMs) return false
  draft.remove(seq)
  return true
}

/** Whether the operation may be claimed now. */
export function isDue(state: StateRecord, nowMs: number, policy: RetryPolicy): boolean {
  if (state.place === 0) return false
  if (state.status === 'pending') return true
  // A retry further ahead than any wait was set by a clock that stood ahead of this one.
  const { nextRetryAtMs } = state
  return (
    state.status === 'failed' && (nextRetryAtMs <= nowMs || nextRetryAtMs > nowMs + longestWaitMs(policy))
  )
}

function told(telling: EndTelling): Outcome<EndTelling> {
  return { value: telling, telling }
}

function transition(
  type: DeliveryRecordType,
  id: string,
  tsMs: number,
  error: string | null = null,
  nextRetryAtMs = 0
): LogRecord {
  return { type, tsMs, id, error, nextRetryAtMs, content: null }
}

async function existing(draft: Draft, id: string): Promise<{ seq: number; state: StateRecord }> {
  const seq = await draft.seqOf(id)
  const state = seq === undefined ? undefined : await draft.state(seq)
  if (seq === undefined || state === undefined)
    throw new NatterError('NOT_FOUND', `there is no operation ${id}`)
  return { seq, state }
}

async function held(draft: Draft, end: AttemptEnd): Promise<{ seq: number; state: StateRecord }> {
  const { seq, state } = await existing(draft, end.id)
  const { status, owner, attempt } = state
  if (status !== 'inflight') {
    throw new NatterError('OPERATION_NOT_HELD', `the operation ${end.id} is ${status}, not in flight`, {
      details: { status, attempt }
    })
  }
  if (owner !== end.owner || (end.attempt !== undefined && end.attempt !== attempt)) {
    const words = `attempt ${attempt} of the operation ${end.id} is held by ${owner}`
    throw new NatterError('OPERATION_NOT_HELD', words, { details: { status, attempt, owner } })
  }
  return { seq, state }
}

function inFlight({ id, owner, attempt }: StateRecord): NatterError {
  const words = `${owner} is sending the operation ${id}`
  return new NatterError('OPERATION_IN_FLIGHT', words, { details: { owner, attempt } })
}

function isSame(op: CheckedOperation, ordered: boolean, state: StateRecord, content: ContentRecord): boolean {
  return (
    op.kind === content.kind &&
    op.target === state.target &&
    ordered === state.ordered &&
    op.idempotencyKey === content.idempotencyKey &&
    op.payload.kind === content.payload.kind &&
    equalBytes(op.payload.bytes, content.payload.bytes)
  )
}

/** What is kept of an error: the beginning of its text, cut between characters. */
export function errorText(error: unknown): string {
  const bytes = utf8(messageOf(error).toWellFormed())
  let end = Math.min(bytes.length, DELIVERY.errorBytes)
  while (end < bytes.length && end > 0 && (bytes[end]! & 0xc0) === 0x80) end--
  return fromUtf8(bytes.subarray(0, end))
}

/** What callers hand in, looked at before anything is touched. */
import { DELIVERY, NatterError, utf8 } from '../base/index.js'
import type { NewOperation, RetryPolicy } from './index.js'
import { LAST_NUMBER } from './keys.js'
import type { EncodedPayload } from './payload.js'
import { encodePayload } from './payload.js'

/** An operation as it will stand on disk. */
export interface CheckedOperation {
  readonly id: string
  /** It was made for this operation: nobody has it yet. */
  readonly isFresh: boolean
  readonly kind: string
  readonly target: string
  /** Null: the id is the key. */
  readonly idempotencyKey: string | null
  readonly payload: EncodedPayload
}

const FIELDS = ['kind', 'target', 'payload', 'id', 'idempotencyKey']

/** Throws `INVALID_ARGUMENT` or `PAYLOAD_TOO_LARGE`; `freshId` names one that has no id. */
export function checkOperation(op: NewOperation, freshId: () => string): CheckedOperation {
  if (typeof op !== 'object' || op === null)
    throw new NatterError('INVALID_ARGUMENT', 'an operation is an object with kind and target')
  const stray = Object.keys(op).find(name => !FIELDS.includes(name))
  if (stray !== undefined) throw new NatterError('INVALID_ARGUMENT', `an operation has no field ${stray}`)
  const kind = checkText('kind', op.kind, DELIVERY.nameBytes)
  const target = checkText('target', op.target, DELIVERY.targetBytes)
  const id = op.id === undefined ? freshId() : checkText('id', op.id, DELIVERY.nameBytes)
  const given =
    op.idempotencyKey === undefined ? id : checkText('idempotencyKey', op.idempotencyKey, DELIVERY.nameBytes)
  const idempotencyKey = given === id ? null : given
  return {
    id,
    isFresh: op.id === undefined,
    kind,
    target,
    idempotencyKey,
    payload: encodePayload(op.payload)
  }
}

function checkText(name: string, value: unknown, maxBytes: number): string {
  if (typeof value !== 'string' || value.length === 0)
    throw new NatterError('INVALID_ARGUMENT', `an operation needs a text as its ${name}`)
  if (!value.isWellFormed())
    throw new NatterError('INVALID_ARGUMENT', `the ${name} is not well-formed Unicode`)
  const bytes = utf8(value).length
  if (bytes > maxBytes)
    throw new NatterError('INVALID_ARGUMENT', `the ${name} has ${bytes} bytes, at most ${maxBytes} are taken`)
  return value
}

/** A time as milliseconds since the Unix epoch; `TypeError` for anything else. */
export function checkTime(nowMs: unknown): number {
  if (typeof nowMs !== 'number' || !(nowMs >= 0 && nowMs <= LAST_NUMBER))
    throw new TypeError('nowMs must be milliseconds since the Unix epoch')
  return Math.trunc(nowMs)
}

/** `TypeError` unless `value` is a whole number of at least `least`. */
export function checkCount(name: string, value: unknown, least = 0): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least)
    throw new TypeError(`${name} must be a whole number of at least ${least}`)
  return value
}

/** `TypeError` for an option that is not known: a mistyped one must not pass. */
export function checkNames(options: object, known: readonly string[]): void {
  for (const name of Object.keys(options))
    if (!known.includes(name)) throw new TypeError(`unknown option: ${name}`)
}

export const DEFAULT_RETRY: Readonly<RetryPolicy> = {
  maxAttempts: 8,
  baseDelayMs: 500,
  maxDelayMs: 30_000,
  factor: 2,
  jitterRatio: 0.2
}

/** The defaults with `given` laid over them; `TypeError` for an unknown name or a number out of its range. */
export function checkRetry(given: Partial<RetryPolicy> = {}): RetryPolicy {
  checkNames(given, Object.keys(DEFAULT_RETRY))
  const chosen = Object.entries(given).filter(([, value]) => value !== undefined)
  const policy: RetryPolicy = { ...DEFAULT_RETRY, ...Object.fromEntries(chosen) }
  checkCount('retry.maxAttempts', policy.maxAttempts, 1)
  checkCount('retry.baseDelayMs', policy.baseDelayMs)
  checkCount('retry.maxDelayMs', policy.maxDelayMs)
  if (!(policy.factor >= 1)) throw new TypeError('retry.factor must be at least 1')
  if (!(policy.jitterRatio >= 0 && policy.jitterRatio <= 1))
    throw new TypeError('retry.jitterRatio must be between 0 and 1')
  return policy
}

/**
 * What all writing routes share: the key, the value, conditions and ids from headers, and waiting for acknowledgements.
 *
 * The write itself is never given up half-way: it is made durable first, and only the wait for other nodes ends when
 * the client leaves or the server closes.
 */
import type { AckTarget, Receipt, ReceiptState, WriteOp, WriteOptions } from '../base/index.js'
import { FORMAT, isNatterError, NatterError, utf8 } from '../base/index.js'
import { requireOpId } from '../log/index.js'
import type { Fields } from './body.js'
import { ackParam, waitParam } from './parameters.js'
import type { Call, JsonAnswer } from './route.js'

export const spreadQuery = { ack: ackParam, wait: waitParam }

export const conditionHeaders = {
  'If-Match': 'Write only if the key is at this op id here, with or without quotes.',
  'If-None-Match': '* : write only if the key is absent here.'
}
export const idHeader = {
  'Idempotency-Key':
    "The writer's own id for the write, 1 to 256 bytes: given again, it takes effect once, on whichever node it arrives."
}

/** `INVALID_KEY` or `KEY_TOO_LARGE`. */
export function requireKey(key: unknown): string {
  if (typeof key !== 'string') throw new NatterError('INVALID_KEY', 'the key must be a text')
  if (key === '') throw new NatterError('INVALID_KEY', 'the key is empty')
  if (!key.isWellFormed()) throw new NatterError('INVALID_KEY', 'the key holds half a surrogate pair')
  const bytes = utf8(key).length
  if (bytes > FORMAT.keyBytes) {
    throw new NatterError(
      'KEY_TOO_LARGE',
      `the key takes ${bytes} bytes, at most ${FORMAT.keyBytes} are allowed`
    )
  }
  return key
}

/** The field `value`; `INVALID_VALUE` when it is missing or null. */
export function requireValue(fields: Fields): unknown {
  const value = fields.get('value')
  if (value !== undefined && value !== null) return value
  throw new NatterError(
    'INVALID_VALUE',
    fields.has('value') ? 'null is not a value' : 'the body has no field value',
    { remedy: 'Send {"value": …} with any JSON value but null; DELETE removes a key.' }
  )
}

/** What `If-Match` and `If-None-Match` ask of `key`. */
export function conditionOf(call: Pick<Call, 'header'>, key: string): Pick<WriteOptions, 'if'> {
  const match = call.header('if-match')
  const noneMatch = call.header('if-none-match')
  if (match !== undefined && noneMatch !== undefined) {
    throw new NatterError('INVALID_ARGUMENT', 'If-Match and If-None-Match exclude each other')
  }
  if (match !== undefined) {
    const opId = match.trim().replace(/^"(.*)"$/, '$1')
    requireOpId(opId)
    return { if: conditions(key, opId) }
  }
  if (noneMatch === undefined) return {}
  if (noneMatch.trim() !== '*') {
    throw new NatterError('INVALID_ARGUMENT', 'If-None-Match takes only * on a write')
  }
  return { if: conditions(key, null) }
}

/** A record with that one entry as an own property, whatever its name is. */
function conditions(key: string, at: string | null): Record<string, string | null> {
  return Object.fromEntries([[key, at]])
}

/** The client id in `Idempotency-Key`. Header bytes reach Node as Latin-1; ids are UTF-8 on all faces. */
export function idOf(call: Pick<Call, 'header'>): Pick<WriteOptions, 'id'> {
  const header = call.header('idempotency-key')
  if (header === undefined) return {}
  const bytes = Buffer.from(header, 'latin1')
  const id = bytes.toString('utf8')
  if (bytes.length === 0 || bytes.length > FORMAT.clientIdBytes || !Buffer.from(id, 'utf8').equals(bytes)) {
    throw new NatterError(
      'INVALID_ARGUMENT',
      `Idempotency-Key must be 1 to ${FORMAT.clientIdBytes} bytes of UTF-8`
    )
  }
  return { id }
}

export interface Spread {
  readonly ack: AckTarget
  readonly wait: number | undefined
}

export type Outcome = Pick<ReceiptState, 'opIds' | 'cursor' | 'acks' | 'reached'>

/** Runs `write`, which resolves when it is durable here, then waits as `spread` asks. */
export async function spreading(
  call: Pick<Call, 'signal'>,
  spread: Spread,
  write: () => Promise<Receipt>
): Promise<Outcome> {
  const receipt = await write()
  if (spread.ack === 'local' || spread.ack === 0) return receipt
  try {
    return await receipt.wait(spread.ack, {
      signal: call.signal,
      ...(spread.wait === undefined ? {} : { timeout: spread.wait })
    })
  } catch (error) {
    // Nobody waits any longer, but the write stands: say how far it got.
    if (isNatterError(error, 'ABORTED') || isNatterError(error, 'TIMEOUT')) {
      return { opIds: receipt.opIds, cursor: receipt.cursor, acks: receipt.acks, reached: false }
    }
    throw error
  }
}

export function write(
  call: Pick<Call, 'node' | 'signal'>,
  ops: readonly WriteOp[],
  spread: Spread,
  options: WriteOptions
): Promise<Outcome> {
  return spreading(call, spread, () => call.node.write(ops, { ...options, ack: 'local' }))
}

/** 200, or 202 when the ack target was missed. */
export function writeAnswer(receipt: Outcome, own: Readonly<Record<string, unknown>>): JsonAnswer {
  return {
    status: receipt.reached ? 200 : 202,
    body: { ...own, cursor: receipt.cursor, acks: receipt.acks, reached: receipt.reached }
  }
}

/**
 * Programs that are no peers: they hand ops in over HTTP, each with an id of its own, and say which ops they have.
 * Every op is stored durably and takes effect once per id, on whichever node it arrives.
 */

import type { Limits, ProgramResult, WriteOp } from '../base/index.js'
import { isNatterError, messageOf, NatterError } from '../base/index.js'
import type { OpName } from '../log/index.js'
import { authorOfPeerId, checkClientId, parseOpId } from '../log/index.js'
import type { LocalOp, Store } from '../store/index.js'
import { toLocalOp } from './values.js'

type Rejection = ProgramResult['rejected'][number]

export function checkProgramName(from: unknown): asserts from is string {
  checkClientId(from, 'from')
  if (authorOfPeerId(from) !== undefined) {
    throw new NatterError('FROM_IS_A_PEER', "from is a libp2p peer's id, and peers speak for themselves")
  }
}

export async function acceptProgramOps(
  store: Store,
  limits: Limits,
  from: string,
  ops: readonly unknown[]
): Promise<ProgramResult> {
  checkProgramName(from)
  if (!Array.isArray(ops)) throw new NatterError('INVALID_ARGUMENT', 'ops must be a list')
  // All at once, so that they share a commit; the store keeps their order.
  const outcomes = await Promise.all(ops.map(op => accept(store, limits, op)))
  const result: ProgramResult = { ackedIds: [], rejected: [] }
  for (const outcome of outcomes) {
    if ('ackedId' in outcome) result.ackedIds.push(outcome.ackedId)
    else result.rejected.push(rejectionOf(outcome))
  }
  // A store that takes nothing is no matter of single ops: the whole request is answered so, and can be repeated.
  const down = outcomes.find(
    outcome => 'error' in outcome && isNatterError(outcome.error) && outcome.error.row.retryable
  )
  if (result.ackedIds.length === 0 && down !== undefined && 'error' in down) throw down.error
  return result
}

type Outcome = { readonly ackedId: string } | { readonly id: string | null; readonly error: unknown }

function rejectionOf({ id, error }: { readonly id: string | null; readonly error: unknown }): Rejection {
  if (!isNatterError(error)) return { id, code: 'INTERNAL', error: messageOf(error), retryable: false }
  return { id, code: error.code, error: error.message, retryable: error.row.retryable }
}

async function accept(store: Store, limits: Limits, op: unknown): Promise<Outcome> {
  const fields: Record<string, unknown> = typeof op === 'object' && op !== null ? { ...op } : {}
  const id = typeof fields['id'] === 'string' ? fields['id'] : null
  try {
    checkClientId(id)
    await store.write({ ops: [programOp(fields, limits)], id })
    return { ackedId: id }
  } catch (error) {
    return { id, error }
  }
}

function programOp(fields: Record<string, unknown>, limits: Limits): LocalOp {
  const time = fields['ts_ms']
  if (
    time !== undefined &&
    !(typeof time === 'number' && Number.isInteger(time) && time >= 0 && time < 2 ** 48)
  ) {
    throw new NatterError('INVALID_ARGUMENT', 'ts_ms must be a whole number of milliseconds since 1970')
  }
  if (fields['kind'] !== 'put' && fields['kind'] !== 'del') {
    throw new NatterError('INVALID_ARGUMENT', 'kind must be put or del')
  }
  const op = { type: fields['kind'], key: fields['key'], value: fields['value'] } as WriteOp
  if (op.key instanceof Uint8Array) throw new NatterError('INVALID_KEY', 'a key must be a text')
  return toLocalOp(op, limits, time as number | undefined)
}

/** Marks ops as delivered to a program; ids that are not known here are ignored. */
export async function ackFromProgram(store: Store, from: string, ids: readonly string[]): Promise<void> {
  checkProgramName(from)
  if (!Array.isArray(ids) || ids.some(id => typeof id !== 'string')) {
    throw new NatterError('INVALID_ARGUMENT', 'acked_ids must be a list of ids')
  }
  const names: OpName[] = []
  for (const id of ids) names.push(...(await namesOf(store, id)))
  await store.ackFromProgram(from, names)
}

async function namesOf(store: Store, id: string): Promise<OpName[]> {
  const name = parseOpId(id)
  if (name !== undefined) {
    const op = await store.findOp(name)
    return op === undefined ? [] : [op.name]
  }
  return ((await store.findClientId(id)) ?? []).map(op => op.name)
}

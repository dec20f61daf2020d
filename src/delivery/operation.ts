/** An operation as applications see it, out of its two records on disk. */
import { damaged } from '../base/sealed-record.js'
import type { Operation } from './index.js'
import { decodePayload } from './payload.js'
import type { ContentRecord, StateRecord } from './records.js'

/** Throws `STORE_DAMAGED` for a payload that is none, naming the operation: whoever is told can drop it. */
export function operationOf(state: StateRecord, content: ContentRecord): Operation {
  const { id, target, ordered, createdAtMs, updatedAtMs, attempt, status, lastError, owner } = state
  return {
    id,
    kind: content.kind,
    target,
    payload: payloadOf(id, content),
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

function payloadOf(id: string, { payload }: ContentRecord): unknown {
  try {
    return decodePayload(payload)
  } catch (error) {
    throw damaged(`the payload of the operation ${id}`, error)
  }
}

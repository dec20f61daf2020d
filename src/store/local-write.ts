/**
 * A local write before it has a place in the log: checked by itself, with everything that follows from it alone.
 * What is over the limits of the format is refused here, before anything is queued.
 */
import type { Crypto } from '../base/index.js'
import { ByteWriter, FORMAT, NatterError } from '../base/index.js'
import type { ClientIdHash, Extension, Identity, Op, OverRef } from '../log/index.js'
import {
  checkClientId,
  clientIdExtension,
  clientIdHash,
  identityOf,
  MAX_TIME_MS,
  OP_EXTENSION,
  OP_FLAG,
  OP_KIND,
  opSizeBound
} from '../log/index.js'
import type { LocalOp, LocalWrite } from './index.js'
import { textOf } from './keys.js'

/** A queued write with what follows from it alone. */
export interface PreparedWrite {
  readonly write: LocalWrite
  /** The keys as texts, one per op. */
  readonly texts: readonly string[]
  readonly idHash: ClientIdHash | undefined
  /** The ops without `over`. */
  readonly ops: readonly Op[]
  /** One per op where the write has an id. */
  readonly identities: readonly Identity[]
  /** Bytes that the ops take at most, without what they overwrite. */
  readonly size: number
}

/** Checks a write by itself: `BATCH_TOO_LARGE` and `KEY_TOO_LARGE` before anything is queued. */
export function prepareWrite(write: LocalWrite, crypto: Crypto): PreparedWrite {
  const { id } = write
  if (id !== undefined) checkClientId(id)
  if (write.ops.length === 0) throw new NatterError('INVALID_ARGUMENT', 'a write without ops')
  if (write.ops.length > FORMAT.batchOps) throw tooLarge(`${write.ops.length} ops`)
  const ops: Op[] = []
  let size = 8
  for (let number = 0; number < write.ops.length; number++) {
    const op = localOp(write.ops[number]!, id, number, crypto)
    size += opSizeBound(op)
    ops.push(op)
  }
  if (size > FORMAT.bodyBytes) throw tooLarge(`up to ${size} bytes`)
  const texts = ops.map(op => textOf(op.key))
  if (id === undefined) return { write, texts, idHash: undefined, ops, identities: [], size }
  const idHash = clientIdHash(id, crypto)
  const identities = ops.map((op, number) => identityOf(op, { idHash, number }, crypto))
  return { write, texts, idHash, ops, identities, size }
}

export function tooLarge(what: string): NatterError {
  return new NatterError('BATCH_TOO_LARGE', `the batch has ${what}: over the limits of the format`)
}

const NO_EXTENSIONS: readonly Extension[] = []

function localOp(op: LocalOp, id: string | undefined, number: number, crypto: Crypto): Op {
  const { kind, key, value, writerTimeMs } = op
  if (key.length > FORMAT.keyBytes) throw new NatterError('KEY_TOO_LARGE', `a key of ${key.length} bytes`)
  if ((kind === OP_KIND.put) !== (value !== undefined))
    throw new TypeError('a put has a value, a del has none')
  if (writerTimeMs !== undefined && !isTime(writerTimeMs)) {
    throw new NatterError('INVALID_ARGUMENT', `the writer's time is not one: ${writerTimeMs}`)
  }
  let extensions = NO_EXTENSIONS
  if (id !== undefined || writerTimeMs !== undefined) {
    const list: Extension[] = []
    if (id !== undefined) list.push(clientIdExtension(id, number, crypto))
    if (writerTimeMs !== undefined) {
      list.push({ type: OP_EXTENSION.writerTime, value: new ByteWriter(8).u48(writerTimeMs).finish() })
    }
    extensions = list
  }
  const over: readonly OverRef[] = []
  if (value === undefined) return { kind, flags: OP_FLAG.head, key, over, extensions }
  return { kind, flags: OP_FLAG.head | OP_FLAG.value, key, value, over, extensions }
}

function isTime(ms: number): boolean {
  return Number.isSafeInteger(ms) && ms >= 0 && ms <= MAX_TIME_MS
}

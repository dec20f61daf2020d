/**
 * Every key space of the outbox: `O`, one letter, then fields of fixed width, so that byte order is the order of walks.
 * protocols/delivery.md lists them with their values; records.ts reads and writes those. `O` is no letter of the store,
 * so both may stand in one database.
 *
 * Integers are big-endian. `position` counts the records of the log; `seq`, the number of an operation, is the position
 * of its `put`.
 */
import { ByteReader, ByteWriter, utf8 } from '../base/index.js'
import type { OperationStatus } from './index.js'

/** The first byte of every key of an outbox. */
export const OUTBOX_SPACE = 0x4f

export const SPACE = {
  /** `O D ‖ due u48 ‖ seq u48` → nothing: it failed, is first of its target, and may be claimed from then on. */
  due: 0x44,
  /** `O F ‖ done u48 ‖ seq u48` → nothing: it is done since then. */
  finished: 0x46,
  /** `O H ‖ claimed u48 ‖ seq u48` → nothing: it is in flight since then. */
  held: 0x48,
  /** `O I ‖ id` → its seq. */
  id: 0x49,
  /** `O L ‖ position u48` → a transition; that of a `put` holds what the operation is, while there is the operation. */
  log: 0x4c,
  /** `O M` → counts and the next numbers. */
  totals: 0x4d,
  /** `O N ‖ rank u48 ‖ seq u48` → nothing: it is pending, first of its target, and may be claimed. */
  next: 0x4e,
  /** `O Q ‖ target length u16 ‖ target ‖ seq u48` → nothing: an ordered operation that is not final. */
  queue: 0x51,
  /** `O R ‖ seq u48` → in which state the operation is. */
  state: 0x52,
  /** `O S ‖ status u8 ‖ seq u48` → nothing: it is in that state. */
  status: 0x53,
  /** `O T ‖ target` → first of the queue and which one is in flight; absent while the queue is empty. */
  target: 0x54
} as const

/** How a status stands on disk. */
export const STATUS_CODE: Readonly<Record<OperationStatus, number>> = {
  pending: 1,
  inflight: 2,
  failed: 3,
  done: 4,
  'permanent-failed': 5
}

/** In the order in which counts stand on disk. */
export const OPERATION_STATUSES: readonly OperationStatus[] = [
  'pending',
  'inflight',
  'done',
  'failed',
  'permanent-failed'
]

export const LAST_NUMBER = 2 ** 48 - 1
const NUMBER_BYTES = 6

function begin(space: number, bytes: number): ByteWriter {
  return new ByteWriter(2 + bytes).u8(OUTBOX_SPACE).u8(space)
}

export const TOTALS_KEY = begin(SPACE.totals, 0).finish()

function numbered(space: number, number: number): Uint8Array {
  return begin(space, NUMBER_BYTES).u48(number).finish()
}

export const stateKey = (seq: number): Uint8Array => numbered(SPACE.state, seq)
export const logKey = (position: number): Uint8Array => numbered(SPACE.log, position)

/** `next`, `due`, `held` and `finished`: by a time or rank, then by seq. */
export function orderedKey(
  space: typeof SPACE.next | typeof SPACE.due | typeof SPACE.held | typeof SPACE.finished,
  by: number,
  seq: number
): Uint8Array {
  return begin(space, 2 * NUMBER_BYTES)
    .u48(by)
    .u48(seq)
    .finish()
}

export function statusKey(status: OperationStatus, seq: number): Uint8Array {
  return begin(SPACE.status, 1 + NUMBER_BYTES)
    .u8(STATUS_CODE[status])
    .u48(seq)
    .finish()
}

function named(space: number, name: Uint8Array): Uint8Array {
  return begin(space, name.length).bytes(name).finish()
}

let encoded = { text: '', bytes: utf8('') }

/** The bytes of a target: several keys of it are made in a row, and encoding a text costs more than making a key. */
function targetBytes(text: string): Uint8Array {
  if (encoded.text !== text) encoded = { text, bytes: utf8(text) }
  return encoded.bytes
}

export const idKey = (id: string): Uint8Array => named(SPACE.id, utf8(id))
export const targetKey = (target: string): Uint8Array => named(SPACE.target, targetBytes(target))

export function queueKey(target: string, seq: number): Uint8Array {
  const name = targetBytes(target)
  return begin(SPACE.queue, 2 + name.length + NUMBER_BYTES)
    .u16(name.length)
    .bytes(name)
    .u48(seq)
    .finish()
}

/** The last field of a key that ends with a seq or a position. */
export function lastNumber(key: Uint8Array): number {
  return new ByteReader(key.subarray(key.length - NUMBER_BYTES)).u48()
}

/** The time or rank of an `orderedKey`. */
export function orderOf(key: Uint8Array): number {
  return new ByteReader(key.subarray(2)).u48()
}

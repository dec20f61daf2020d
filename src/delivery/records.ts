/**
 * The records of the outbox as bytes, each sealed by its version and checksum (`base/sealed-record.ts`).
 * protocols/delivery.md gives the layouts; test/delivery/vectors.test.ts holds the two together.
 */
import type { ByteReader, ByteWriter, Hashes } from '../base/index.js'
import { DELIVERY, fromUtf8, utf8 } from '../base/index.js'
import { readRecord, writeRecord } from '../base/sealed-record.js'
import type { DeliveryRecordType, OperationStatus } from './index.js'
import { OPERATION_STATUSES, STATUS_CODE } from './keys.js'
import type { EncodedPayload } from './payload.js'
import { PAYLOAD_KINDS } from './payload.js'

export type Checksum = Pick<Hashes, 'crc32'>

/** What an operation is; written once, with the record of its `put`. */
export interface ContentRecord {
  readonly kind: string
  /** Null: the id is the key. */
  readonly idempotencyKey: string | null
  readonly payload: EncodedPayload
}

/** In which state an operation is, and what every transition needs to know of it. */
export interface StateRecord {
  readonly id: string
  readonly target: string
  readonly ordered: boolean
  readonly createdAtMs: number
  readonly updatedAtMs: number
  readonly status: OperationStatus
  /**
   * Where it stands among those that may be claimed: its rank in `next` while it is pending, 1 in `due` while it is
   * failed, 0 while it is in neither, because others of its target come first.
   */
  readonly place: number
  readonly attempt: number
  /** Attempts before the newest retry by hand: they do not count towards the limit. */
  readonly forgiven: number
  /** 0 unless it is failed. */
  readonly nextRetryAtMs: number
  readonly owner: string | null
  readonly lastError: string | null
}

/** The queue of a target while anything stands in it. */
export interface TargetRecord {
  /** Seq of the first. */
  readonly head: number
  /** Seq of the one in flight, or 0. */
  readonly busy: number
  /** No seq of the queue is above this one. */
  readonly tail: number
}

export interface LogRecord {
  readonly type: DeliveryRecordType
  readonly tsMs: number
  readonly id: string
  readonly error: string | null
  /** 0 unless a retry is due. */
  readonly nextRetryAtMs: number
  /** What the operation is, with its `put` while there is the operation. */
  readonly content: ContentRecord | null
}

export interface Totals {
  readonly nextPosition: number
  /** The oldest record of the log that is kept, or `nextPosition`. */
  readonly firstPosition: number
  readonly counts: Readonly<Record<OperationStatus, number>>
}

const STATUS_BY_CODE = new Map(OPERATION_STATUSES.map(status => [STATUS_CODE[status], status]))
const LOG_TYPES: readonly DeliveryRecordType[] = [
  'put',
  'claim',
  'done',
  'failed',
  'permanent-failed',
  'retry',
  'drop'
]
const FLAG = { ordered: 1, owner: 2, error: 4, content: 8, key: 16 } as const
const STATE_FLAGS = FLAG.ordered | FLAG.owner | FLAG.error
const LOG_FLAGS = FLAG.error | FLAG.content | FLAG.key

const text = (writer: ByteWriter, value: string): ByteWriter => writer.block(utf8(value))
const textOf = (reader: ByteReader, max: number): string => fromUtf8(reader.block(max))

function flagsOf(reader: ByteReader, known: number): number {
  const flags = reader.u8()
  if ((flags & ~known) !== 0) throw new RangeError(`unknown flags ${flags}`)
  return flags
}

function choice<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new RangeError(`an unknown ${what}`)
  return value
}

export function encodeSeq(key: Uint8Array, seq: number, hashes: Checksum): Uint8Array {
  return writeRecord(key, hashes, writer => writer.u48(seq), 12)
}

export function decodeSeq(key: Uint8Array, value: Uint8Array, hashes: Checksum): number {
  return readRecord(key, value, hashes, 'the id of an operation', reader => reader.u48())
}

function writeContent(writer: ByteWriter, { kind, idempotencyKey, payload }: ContentRecord): void {
  text(writer, kind)
  if (idempotencyKey !== null) text(writer, idempotencyKey)
  writer.u8(PAYLOAD_KINDS.indexOf(payload.kind)).block(payload.bytes)
}

function readContent(reader: ByteReader, hasKey: boolean): ContentRecord {
  return {
    kind: textOf(reader, DELIVERY.nameBytes),
    idempotencyKey: hasKey ? textOf(reader, DELIVERY.nameBytes) : null,
    payload: {
      kind: choice(PAYLOAD_KINDS[reader.u8()], 'kind of payload'),
      bytes: reader.block(DELIVERY.payloadBytes)
    }
  }
}

export function encodeState(key: Uint8Array, record: StateRecord, hashes: Checksum): Uint8Array {
  return writeRecord(
    key,
    hashes,
    writer => {
      const { owner, lastError } = record
      writer
        .u8(
          (record.ordered ? FLAG.ordered : 0) |
            (owner === null ? 0 : FLAG.owner) |
            (lastError === null ? 0 : FLAG.error)
        )
        .u8(STATUS_CODE[record.status])
        .u48(record.createdAtMs)
        .u48(record.updatedAtMs)
        .u48(record.nextRetryAtMs)
        .varint(record.place)
        .varint(record.attempt)
        .varint(record.forgiven)
      text(writer, record.id)
      text(writer, record.target)
      if (owner !== null) text(writer, owner)
      if (lastError !== null) text(writer, lastError)
    },
    160
  )
}

export function decodeState(key: Uint8Array, value: Uint8Array, hashes: Checksum): StateRecord {
  return readRecord(key, value, hashes, 'the state of an operation', reader => {
    const flags = flagsOf(reader, STATE_FLAGS)
    const status = choice(STATUS_BY_CODE.get(reader.u8()), 'status')
    return {
      ordered: (flags & FLAG.ordered) !== 0,
      status,
      createdAtMs: reader.u48(),
      updatedAtMs: reader.u48(),
      nextRetryAtMs: reader.u48(),
      place: reader.varint(),
      attempt: reader.varint(),
      forgiven: reader.varint(),
      id: textOf(reader, DELIVERY.nameBytes),
      target: textOf(reader, DELIVERY.targetBytes),
      owner: (flags & FLAG.owner) === 0 ? null : textOf(reader, DELIVERY.nameBytes),
      lastError: (flags & FLAG.error) === 0 ? null : textOf(reader, DELIVERY.errorBytes)
    }
  })
}

export function encodeTarget(key: Uint8Array, record: TargetRecord, hashes: Checksum): Uint8Array {
  return writeRecord(key, hashes, writer => writer.u48(record.head).u48(record.busy).u48(record.tail), 24)
}

export function decodeTarget(key: Uint8Array, value: Uint8Array, hashes: Checksum): TargetRecord {
  return readRecord(key, value, hashes, 'the queue of a target', reader => ({
    head: reader.u48(),
    busy: reader.u48(),
    tail: reader.u48()
  }))
}

export function encodeLog(key: Uint8Array, record: LogRecord, hashes: Checksum): Uint8Array {
  const { type, tsMs, nextRetryAtMs, id, error, content } = record
  const fill = (writer: ByteWriter): void => {
    writer
      .u8(LOG_TYPES.indexOf(type) + 1)
      .u8(
        (error === null ? 0 : FLAG.error) |
          (content === null ? 0 : FLAG.content) |
          (content === null || content.idempotencyKey === null ? 0 : FLAG.key)
      )
      .u48(tsMs)
      .u48(nextRetryAtMs)
    text(writer, id)
    if (error !== null) text(writer, error)
    if (content !== null) writeContent(writer, content)
  }
  return writeRecord(key, hashes, fill, 96 + (content?.payload.bytes.length ?? 0))
}

export function decodeLog(key: Uint8Array, value: Uint8Array, hashes: Checksum): LogRecord {
  return readRecord(key, value, hashes, 'a record of the log', reader => {
    const type = choice(LOG_TYPES[reader.u8() - 1], 'type of record')
    const flags = flagsOf(reader, LOG_FLAGS)
    if ((flags & FLAG.key) !== 0 && (flags & FLAG.content) === 0) throw new RangeError('a key of nothing')
    return {
      type,
      tsMs: reader.u48(),
      nextRetryAtMs: reader.u48(),
      id: textOf(reader, DELIVERY.nameBytes),
      error: (flags & FLAG.error) === 0 ? null : textOf(reader, DELIVERY.errorBytes),
      content: (flags & FLAG.content) === 0 ? null : readContent(reader, (flags & FLAG.key) !== 0)
    }
  })
}

export function encodeTotals(key: Uint8Array, totals: Totals, hashes: Checksum): Uint8Array {
  return writeRecord(
    key,
    hashes,
    writer => {
      writer.u48(totals.nextPosition).u48(totals.firstPosition)
      for (const status of OPERATION_STATUSES) writer.u48(totals.counts[status])
    },
    64
  )
}

export function decodeTotals(key: Uint8Array, value: Uint8Array, hashes: Checksum): Totals {
  return readRecord(key, value, hashes, 'the totals of the outbox', reader => {
    const [nextPosition, firstPosition] = [reader.u48(), reader.u48()]
    const counts = Object.fromEntries(OPERATION_STATUSES.map(status => [status, reader.u48()]))
    return { nextPosition, firstPosition, counts: counts as Totals['counts'] }
  })
}

/** The record of a batch in the log, and the running check over all of them. Layout: protocols/storage.md. */
import type { Hashes } from '../base/index.js'
import { toHex } from '../base/index.js'
import type { Batch, BatchId } from '../log/index.js'
import { batchIdOfHeader, decodeHeader, SIGNATURE_BYTES } from '../log/index.js'
import { putHex } from './keys.js'
import { readRecord, writeRecord } from './records.js'

const LOG_LOCAL = 1
const LOG_SIGNED = 2

/** A batch with what this store knows of its arrival. */
export interface LogRecord {
  readonly batch: Batch
  readonly branch: number
  /** Running check up to and with this position, 16 hex digits. */
  readonly check: string
  /** Ops and body bytes of all positions before this one. */
  readonly opsBefore: number
  readonly bytesBefore: number
  /** By the wall clock of this node, in milliseconds since the Unix epoch. */
  readonly arrivedMs: number
  readonly local: boolean
}

export function encodeLog(key: Uint8Array, record: LogRecord, hashes: Hashes): Uint8Array {
  const { headerBytes, body, signature } = record.batch
  const check = new Uint8Array(8)
  putHex(check, 0, record.check)
  return writeRecord(
    key,
    hashes,
    writer => {
      writer.u8((record.local ? LOG_LOCAL : 0) | (signature === undefined ? 0 : LOG_SIGNED)).bytes(check)
      writer.u48(record.opsBefore).u48(record.bytesBefore).u48(record.arrivedMs).u32(record.branch)
      writer.u32(headerBytes.length).bytes(headerBytes)
      if (signature !== undefined) writer.bytes(signature)
      writer.bytes(body)
    },
    headerBytes.length + body.length + 128
  )
}

export function decodeLog(key: Uint8Array, value: Uint8Array, position: number, hashes: Hashes): LogRecord {
  return readRecord(key, value, hashes, `position ${position} of the log`, reader => {
    const flags = reader.u8()
    const check = toHex(reader.bytes(8))
    const opsBefore = reader.u48()
    const bytesBefore = reader.u48()
    const arrivedMs = reader.u48()
    const branch = reader.u32()
    const headerBytes = reader.bytes(reader.u32())
    const header = decodeHeader(headerBytes)
    const id = batchIdOfHeader(headerBytes, hashes)
    const signature = (flags & LOG_SIGNED) === 0 ? undefined : reader.bytes(SIGNATURE_BYTES)
    const body = reader.bytes(reader.remaining)
    if (body.length !== header.bodyLength)
      throw new RangeError('the body has another length than its header says')
    const batch: Batch = { header, headerBytes, id, body, ...(signature !== undefined && { signature }) }
    const local = (flags & LOG_LOCAL) !== 0
    return { batch, branch, check, opsBefore, bytesBefore, arrivedMs, local }
  })
}

/** The running check at a position, from the one before and the id of the batch there. */
export function nextCheck(check: string, id: BatchId, hashes: Hashes): string {
  const bytes = new Uint8Array(40)
  putHex(bytes, 0, check)
  putHex(bytes, 8, id)
  return toHex(hashes.sha256(bytes).subarray(0, 8))
}

export const NO_CHECK = '0'.repeat(16)

/**
 * The records of the store as bytes. Each begins with a version and ends with a checksum over it and its key, so a
 * flipped bit, a torn record and one that stands under a wrong key are found when it is read, never served.
 * protocols/storage.md gives the layouts.
 */
import type { Hashes } from '../base/index.js'
import { ByteReader, ByteWriter, messageOf, NatterError, toHex } from '../base/index.js'
import type { BareHeader, Batch, BatchId, Epoch, Identity, ShortId } from '../log/index.js'
import { batchIdOf, batchIdOfHeader, decodeHeader, epochOf, SIGNATURE_BYTES } from '../log/index.js'
import type { Arena } from './arena.js'
import type { AuthorNames } from './authors.js'
import type { CellRecord, Head } from './heads.js'
import { Origin } from './heads.js'
import type { Chain } from './keys.js'
import { putHex } from './keys.js'

export const RECORD_VERSION = 1
const CRC_BYTES = 4

export function damaged(where: string, cause?: unknown): NatterError {
  const what = cause === undefined ? 'its checksum does not fit' : messageOf(cause)
  return new NatterError('STORE_DAMAGED', `${where} is damaged: ${what}`, { cause, details: { where } })
}

/** FNV-1a, 32 bits: for a few bytes cheaper than to call a CRC, and enough to tell a record under a wrong key. */
function keySum(key: Uint8Array): number {
  let sum = 0x811c9dc5
  for (let i = 0; i < key.length; i++) sum = Math.imul(sum ^ key[i]!, 0x01000193)
  return sum
}

/** Puts the checksum into the last four bytes of `value`. */
function seal(key: Uint8Array, value: Uint8Array, hashes: Hashes): Uint8Array {
  const end = value.length - CRC_BYTES
  const crc = hashes.crc32(value.subarray(0, end)) ^ keySum(key)
  value[end] = crc >>> 24
  value[end + 1] = crc >>> 16
  value[end + 2] = crc >>> 8
  value[end + 3] = crc
  return value
}

/** Whether the record carries its checksum and a version that is known. */
export function isIntact(key: Uint8Array, value: Uint8Array, hashes: Hashes): boolean {
  const end = value.length - CRC_BYTES
  if (end < 1 || value[0] !== RECORD_VERSION) return false
  const stored = (value[end]! << 24) | (value[end + 1]! << 16) | (value[end + 2]! << 8) | value[end + 3]!
  return (hashes.crc32(value.subarray(0, end)) ^ keySum(key)) === stored
}

export function writeRecord(
  key: Uint8Array,
  hashes: Hashes,
  fill: (writer: ByteWriter) => void,
  capacity = 64
): Uint8Array {
  const writer = new ByteWriter(capacity).u8(RECORD_VERSION)
  fill(writer)
  return seal(key, writer.u32(0).finish(), hashes)
}

/** Reads a record; `STORE_DAMAGED` with the name `where` when it does not carry its checksum or its grammar. */
export function readRecord<T>(
  key: Uint8Array,
  value: Uint8Array,
  hashes: Hashes,
  where: string | (() => string),
  read: (reader: ByteReader) => T
): T {
  const name = (): string => (typeof where === 'string' ? where : where())
  if (!isIntact(key, value, hashes)) throw damaged(name())
  try {
    const reader = new ByteReader(value.subarray(1, value.length - CRC_BYTES))
    const record = read(reader)
    reader.end()
    return record
  } catch (error) {
    throw error instanceof NatterError ? error : damaged(name(), error)
  }
}

// Cells

const CELL_PRESENT = 1
const HEAD_DEMOTED = 1
const HEAD_IDENTITY = 2
const HEAD_VALUE = 4

function headSize(head: Head): number {
  const value = head.value === undefined ? 0 : varintSize(head.value.length) + head.value.length
  return (
    2 + varintSize(head.index) + head.origin.bytes.length + (head.identity === undefined ? 0 : 16) + value
  )
}

function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4
}

function putVarint(bytes: Uint8Array, at: number, value: number): number {
  while (value >= 0x80) {
    bytes[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  bytes[at++] = value
  return at
}

/** Written by hand and in one allocation, since this is done for every op. */
export function encodeCell(key: Uint8Array, cell: CellRecord, hashes: Hashes, arena: Arena): Uint8Array {
  const { heads, changedAt, present } = cell
  let size = 8 + varintSize(heads.length) + CRC_BYTES
  for (const head of heads) size += headSize(head)
  const bytes = arena.take(size)
  bytes[0] = RECORD_VERSION
  bytes[1] = present ? CELL_PRESENT : 0
  let position = changedAt
  for (let i = 7; i > 1; i--) {
    bytes[i] = position % 256
    position = Math.floor(position / 256)
  }
  let at = putVarint(bytes, 8, heads.length)
  for (const { origin, index, kind, demoted, identity, value } of heads) {
    bytes[at++] =
      (demoted ? HEAD_DEMOTED : 0) |
      (identity === undefined ? 0 : HEAD_IDENTITY) |
      (value === undefined ? 0 : HEAD_VALUE)
    bytes[at++] = kind
    at = putVarint(bytes, at, index)
    bytes.set(origin.bytes, at)
    at += origin.bytes.length
    if (identity !== undefined) {
      putHex(bytes, at, identity)
      at += 16
    }
    if (value !== undefined) {
      at = putVarint(bytes, at, value.length)
      bytes.set(value, at)
      at += value.length
    }
  }
  return seal(key, bytes, hashes)
}

export function decodeCell(
  key: Uint8Array,
  value: Uint8Array,
  hashes: Hashes,
  names: AuthorNames
): CellRecord {
  const where = (): string => `the cell of key ${toHex(key.subarray(1))}`
  return readRecord(key, value, hashes, where, reader => {
    const present = (reader.u8() & CELL_PRESENT) !== 0
    const changedAt = reader.u48()
    const count = reader.varint()
    const heads: Head[] = []
    for (let i = 0; i < count; i++) heads.push(decodeHead(reader, names))
    return { heads, changedAt, present }
  })
}

function decodeHead(reader: ByteReader, names: AuthorNames): Head {
  const flags = reader.u8()
  const kind = reader.u8()
  const index = reader.varint()
  const author = reader.varint()
  const epoch = epochOf(reader.bytes(8))
  const branch = reader.varint()
  const seq = reader.varint()
  const id = toHex(reader.bytes(16)) as ShortId
  const time = { ms: reader.u48(), counter: reader.u16() }
  const identity = (flags & HEAD_IDENTITY) === 0 ? undefined : (toHex(reader.bytes(16)) as Identity)
  const value = (flags & HEAD_VALUE) === 0 ? undefined : reader.block(reader.remaining)
  const origin = new Origin({ author, epoch, branch }, names.nameOf(author), { seq, id, time })
  return { origin, index, kind, value, identity, demoted: (flags & HEAD_DEMOTED) !== 0 }
}

// The log

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
      writer.u48(record.opsBefore).u48(record.bytesBefore).u48(record.arrivedMs).u16(record.branch)
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
    const branch = reader.u16()
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

// The index and the branches

const INDEX_SIGNED = 1

export interface IndexRecord {
  readonly position: number
  readonly id: BatchId
  readonly signed: boolean
}

export function encodeIndex(key: Uint8Array, record: IndexRecord, hashes: Hashes): Uint8Array {
  const id = new Uint8Array(32)
  putHex(id, 0, record.id)
  return writeRecord(key, hashes, writer => {
    writer
      .u8(record.signed ? INDEX_SIGNED : 0)
      .u48(record.position)
      .bytes(id)
  })
}

export function decodeIndex(key: Uint8Array, value: Uint8Array, hashes: Hashes): IndexRecord {
  return readRecord(key, value, hashes, 'an index entry', reader => {
    const signed = (reader.u8() & INDEX_SIGNED) !== 0
    return { position: reader.u48(), id: batchIdOf(reader.bytes(32)), signed }
  })
}

/** A batch of the same author that a batch of the branch names in its deps. */
export interface OwnDep {
  /** Seq of the batch that names it. */
  readonly atSeq: number
  readonly epoch: Epoch
  readonly branch: number
  readonly seq: number
}

export interface BranchRecord {
  /** The branch it leaves, and the last seq that both share; absent for the first branch of an epoch. */
  readonly parent?: { readonly branch: number; readonly seq: number }
  /** In order of `atSeq`. */
  readonly deps: readonly OwnDep[]
}

export function encodeBranch(key: Uint8Array, record: BranchRecord, hashes: Hashes): Uint8Array {
  return writeRecord(key, hashes, writer => {
    const { parent, deps } = record
    if (parent === undefined) writer.varint(0)
    else writer.varint(parent.branch + 1).varint(parent.seq)
    writer.varint(deps.length)
    for (const dep of deps) {
      const epoch = new Uint8Array(8)
      putHex(epoch, 0, dep.epoch)
      writer.varint(dep.atSeq).bytes(epoch).varint(dep.branch).varint(dep.seq)
    }
  })
}

export function decodeBranch(key: Uint8Array, value: Uint8Array, hashes: Hashes): BranchRecord {
  return readRecord(key, value, hashes, 'the record of a branch', reader => {
    const parentBranch = reader.varint()
    const parent = parentBranch === 0 ? undefined : { branch: parentBranch - 1, seq: reader.varint() }
    const deps: OwnDep[] = []
    for (let left = reader.varint(); left > 0; left--) {
      const atSeq = reader.varint()
      const epoch = epochOf(reader.bytes(8))
      deps.push({ atSeq, epoch, branch: reader.varint(), seq: reader.varint() })
    }
    return parent === undefined ? { deps } : { parent, deps }
  })
}

// Tips and covers

export interface TipRecord extends Chain {
  readonly seq: number
  readonly id: BatchId
  readonly position: number
  /** Whether it carries a signature of its own; otherwise a cover is kept. */
  readonly signed: boolean
}

export function encodeTip(key: Uint8Array, tip: TipRecord, hashes: Hashes): Uint8Array {
  const bytes = new Uint8Array(40)
  putHex(bytes, 0, tip.epoch)
  putHex(bytes, 8, tip.id)
  return writeRecord(key, hashes, writer => {
    writer
      .bytes(bytes)
      .varint(tip.branch)
      .u48(tip.seq)
      .u48(tip.position)
      .u8(tip.signed ? 1 : 0)
  })
}

export function decodeTip(key: Uint8Array, value: Uint8Array, author: number, hashes: Hashes): TipRecord {
  return readRecord(key, value, hashes, 'a tip', reader => {
    const epoch = epochOf(reader.bytes(8))
    const id = batchIdOf(reader.bytes(32))
    const branch = reader.varint()
    const seq = reader.u48()
    return { author, epoch, id, branch, seq, position: reader.u48(), signed: reader.u8() === 1 }
  })
}

export function encodeCover(key: Uint8Array, headers: readonly BareHeader[], hashes: Hashes): Uint8Array {
  return writeRecord(key, hashes, writer => {
    writer.varint(headers.length)
    for (const { headerBytes, signature } of headers) {
      writer.block(headerBytes).u8(signature === undefined ? 0 : 1)
      if (signature !== undefined) writer.bytes(signature)
    }
  })
}

export function decodeCover(key: Uint8Array, value: Uint8Array, hashes: Hashes): BareHeader[] {
  return readRecord(key, value, hashes, 'the headers that cover a branch', reader => {
    const headers: BareHeader[] = []
    for (let left = reader.varint(); left > 0; left--) {
      const headerBytes = reader.block(reader.remaining)
      const signature = reader.u8() === 0 ? undefined : reader.bytes(SIGNATURE_BYTES)
      const id = batchIdOfHeader(headerBytes, hashes)
      const header = decodeHeader(headerBytes)
      headers.push({ header, headerBytes, id, ...(signature !== undefined && { signature }) })
    }
    return headers
  })
}

/**
 * The records of the store as bytes, each sealed by its version and checksum (`base/sealed-record.ts`).
 * protocols/storage.md gives the layouts.
 */
import type { Hashes } from '../base/index.js'
import { readRecord, writeRecord } from '../base/sealed-record.js'
import type { BareHeader, BatchId, Epoch } from '../log/index.js'
import { batchIdOf, batchIdOfHeader, decodeHeader, epochOf, SIGNATURE_BYTES } from '../log/index.js'
import type { Chain } from './keys.js'
import { putHex } from './keys.js'

export {
  CRC_BYTES,
  carriesChecksum,
  damaged,
  isIntact,
  keySum,
  RECORD_VERSION,
  readRecord,
  seal,
  writeRecord
} from '../base/sealed-record.js'

// The index and the branches

const INDEX_SIGNED = 1

export interface IndexRecord {
  readonly position: number
  readonly id: BatchId
  readonly signed: boolean
  /** Bytes of its record in the log: what a read of it will take. */
  readonly bytes: number
}

export function encodeIndex(key: Uint8Array, record: IndexRecord, hashes: Hashes): Uint8Array {
  const id = new Uint8Array(32)
  putHex(id, 0, record.id)
  return writeRecord(key, hashes, writer => {
    writer
      .u8(record.signed ? INDEX_SIGNED : 0)
      .u48(record.position)
      .bytes(id)
      .varint(record.bytes)
  })
}

export function decodeIndex(key: Uint8Array, value: Uint8Array, hashes: Hashes): IndexRecord {
  return readRecord(key, value, hashes, 'an index entry', reader => {
    const signed = (reader.u8() & INDEX_SIGNED) !== 0
    return { position: reader.u48(), id: batchIdOf(reader.bytes(32)), signed, bytes: reader.varint() }
  })
}

export function encodeBranchName(key: Uint8Array, branch: number, hashes: Hashes): Uint8Array {
  return writeRecord(key, hashes, writer => {
    writer.varint(branch)
  })
}

export function decodeBranchName(key: Uint8Array, value: Uint8Array, hashes: Hashes): number {
  return readRecord(key, value, hashes, 'the name of a batch of a fork', reader => reader.varint())
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

/**
 * Client ids: which ops a client's write became here, and which identities were overwritten somewhere.
 *
 * Keeps: the ops of the first copy known here stand under the id for as long as the log; a write is the same write when
 * its ops have the same identities. That one id takes effect once is kept by the heads: see cells.ts.
 */
import type { Hashes } from '../base/index.js'
import { toHex } from '../base/index.js'
import type { Identity } from '../log/index.js'
import { putHex } from './keys.js'
import { readRecord, writeRecord } from './records.js'

export interface ClientOp {
  /** Number of the op within the client's write. */
  readonly number: number
  readonly position: number
  readonly index: number
  readonly identity: Identity
}

export function encodeClientOps(key: Uint8Array, ops: readonly ClientOp[], hashes: Hashes): Uint8Array {
  return writeRecord(key, hashes, writer => {
    writer.varint(ops.length)
    for (const op of ops) {
      const identity = new Uint8Array(16)
      putHex(identity, 0, op.identity)
      writer.varint(op.number).u48(op.position).u16(op.index).bytes(identity)
    }
  })
}

export function decodeClientOps(key: Uint8Array, value: Uint8Array, hashes: Hashes): ClientOp[] {
  return readRecord(key, value, hashes, 'the record of a client id', reader => {
    const ops: ClientOp[] = []
    for (let left = reader.varint(); left > 0; left--) {
      const number = reader.varint()
      const position = reader.u48()
      const index = reader.u16()
      ops.push({ number, position, index, identity: toHex(reader.bytes(16)) as Identity })
    }
    return ops
  })
}

/** Whether a write with these identities, in the order of its ops, is the one that is known. */
export function isSameWrite(known: readonly ClientOp[], identities: readonly Identity[]): boolean {
  if (known.length !== identities.length) return false
  return known.every(op => identities[op.number] === op.identity)
}

/** What a remote op under a known id means: part of the known copy, another copy of it, or another content. */
export function meet(known: readonly ClientOp[], op: ClientOp): 'first' | 'copy' | 'reused' {
  const same = known.find(other => other.number === op.number)
  if (same !== undefined) return same.identity === op.identity ? 'copy' : 'reused'
  return known.every(other => other.position === op.position) ? 'first' : 'reused'
}

/**
 * Client ids: which ops a client's write became here, and which identities were overwritten somewhere.
 *
 * Keeps: the ops of the first copy known here stand under the id for as long as the log; a write is the same write when
 * its ops have the same identities. That one id takes effect once is kept by the heads: see cells.ts.
 */
import type { Hashes } from '../base/index.js'
import { toHex } from '../base/index.js'
import type { ClientIdHash, Identity } from '../log/index.js'
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
export type Meeting = 'first' | 'copy' | 'reused'

/**
 * The ops that stand under client ids; undefined for an id that is not known. One write may have 65,536 ops under one
 * id, so an op is not compared with all the others.
 */
export class ClientIds extends Map<ClientIdHash, ClientOp[] | undefined> {
  readonly #numbers = new Map<ClientIdHash, Map<number, ClientOp>>()

  meet(id: ClientIdHash, op: ClientOp): Meeting {
    const known = this.get(id)
    if (known === undefined || known.length === 0) return 'first'
    const same =
      known[op.number]?.number === op.number ? known[op.number] : this.#numbered(id, known).get(op.number)
    if (same !== undefined) return same.identity === op.identity ? 'copy' : 'reused'
    // All that stand under an id came with one batch.
    return known[0]?.position === op.position ? 'first' : 'reused'
  }

  /** Takes an op of the first copy in. */
  add(id: ClientIdHash, op: ClientOp): void {
    const known = this.get(id)
    if (known === undefined) super.set(id, [op])
    else known.push(op)
    this.#numbers.get(id)?.set(op.number, op)
  }

  override set(id: ClientIdHash, ops: ClientOp[] | undefined): this {
    this.#numbers.delete(id)
    return super.set(id, ops)
  }

  #numbered(id: ClientIdHash, ops: readonly ClientOp[]): ReadonlyMap<number, ClientOp> {
    let numbers = this.#numbers.get(id)
    if (numbers === undefined) {
      numbers = new Map(ops.map(op => [op.number, op]))
      this.#numbers.set(id, numbers)
    }
    return numbers
  }
}

/**
 * Client ids: a writer's own name for a write, so that giving it again, here or at a parted node, takes effect once.
 * The identity of an op is a hash over the id, the op's number within that write, and its content. See protocols/batch.md.
 */

import type { Hashes } from '../base/index.js'
import { ByteReader, ByteWriter, FORMAT, fromHex, fromUtf8, NatterError, toHex, utf8 } from '../base/index.js'
import type { Extension } from './extensions.js'
import { findExtension, OP_EXTENSION } from './extensions.js'
import type { Op } from './op.js'

/** First 16 bytes of the identity hash, 32 hex digits. */
export type Identity = string & { readonly __identity: true }
/** SHA-256 of a client id, 64 hex digits: the key under which a write is found by its id. */
export type ClientIdHash = string & { readonly __clientId: true }

/** What an op says of the client's id. `id` is absent where the op carries only the hash of a long one. */
export interface ClientMark {
  readonly idHash: ClientIdHash
  readonly id?: string
  /** Number of the op within the client's write, from 0. */
  readonly number: number
}

// Longer ids do not fit beside other extensions in the 256 bytes of an op's block, so their hash stands there.
const INLINE_ID_BYTES = 200
const IDENTITY_DOMAIN = utf8('natter/identity/1\0')

export function clientIdHash(id: string, hashes: Hashes): ClientIdHash {
  return toHex(hashes.sha256(utf8(id))) as ClientIdHash
}

/** Throws `INVALID_ARGUMENT` unless the id has 1 to 256 bytes. */
export function checkClientId(id: unknown, what = 'id'): asserts id is string {
  if (typeof id !== 'string' || id.length === 0 || utf8(id).length > FORMAT.clientIdBytes) {
    throw new NatterError('INVALID_ARGUMENT', `${what} must be a text of 1 to ${FORMAT.clientIdBytes} bytes`)
  }
}

export function clientIdExtension(id: string, number: number, hashes: Hashes): Extension {
  const bytes = utf8(id)
  const writer = new ByteWriter(bytes.length + 8).varint(number)
  if (bytes.length <= INLINE_ID_BYTES) {
    return { type: OP_EXTENSION.clientId, value: writer.bytes(bytes).finish() }
  }
  return { type: OP_EXTENSION.clientIdHash, value: writer.bytes(hashes.sha256(bytes)).finish() }
}

/** `undefined` for an op without a client id, and for one whose extension has not the form of one. */
export function clientMarkOf(op: Op, hashes: Hashes): ClientMark | undefined {
  if (op.extensions.length === 0) return undefined
  const inline = findExtension(op.extensions, OP_EXTENSION.clientId)
  const hashed = findExtension(op.extensions, OP_EXTENSION.clientIdHash)
  const block = inline ?? hashed
  if (block === undefined) return undefined
  try {
    const reader = new ByteReader(block)
    const number = reader.varint()
    const rest = reader.bytes(reader.remaining)
    if (inline === undefined) {
      return rest.length === 32 ? { idHash: toHex(rest) as ClientIdHash, number } : undefined
    }
    if (rest.length === 0) return undefined
    const id = fromUtf8(rest)
    return { idHash: toHex(hashes.sha256(rest)) as ClientIdHash, id, number }
  } catch {
    return undefined
  }
}

/** The identity of an op that carries `mark`: the same for every copy of it, whoever's log it stands in. */
export function identityOf(op: Op, mark: ClientMark, hashes: Hashes): Identity {
  const value = op.value ?? new Uint8Array(0)
  const writer = new ByteWriter(96 + op.key.length + value.length)
  writer.bytes(IDENTITY_DOMAIN).bytes(fromHex(mark.idHash))
  writer.varint(mark.number).u8(op.kind).block(op.key).block(value)
  return toHex(hashes.sha256(writer.finish()).subarray(0, 16)) as Identity
}

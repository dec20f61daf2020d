/**
 * What all frames between nodes have in common: one protobuf field each, whose number is the type of the frame.
 * An even type that is not known is skipped, an odd one is an error, so that later versions can add either.
 */
import { ByteReader, NatterError, toHex } from '../base/index.js'
import type { Author, BatchId, DatabaseId, Epoch, ShortId } from '../log/index.js'
import {
  AUTHOR_BYTES,
  authorOf,
  BATCH_ID_BYTES,
  batchIdOf,
  EPOCH_BYTES,
  SHORT_ID_BYTES
} from '../log/index.js'

const LENGTH_DELIMITED = 2
const WIRE_TYPE_BITS = 8

/**
 * The type of a frame, or `undefined` for one to skip. Throws unless the frame is exactly one length-delimited field
 * of a type that is known or may be skipped.
 */
export function frameType(frame: Uint8Array, known: ReadonlySet<number>): number | undefined {
  const reader = new ByteReader(frame)
  const tag = reader.varint()
  if (tag % WIRE_TYPE_BITS !== LENGTH_DELIMITED) throw malformed('a frame is one message')
  const type = Math.floor(tag / WIRE_TYPE_BITS)
  if (reader.varint() !== reader.remaining) throw malformed('a frame is one message')
  if (known.has(type)) return type
  if (type % 2 === 1) throw malformed(`a frame of the unknown type ${type}`)
  return undefined
}

export function malformed(what: string, cause?: unknown): NatterError {
  return new NatterError('PROTOCOL_ERROR', what, { cause })
}

/** Runs a decoder; whatever it throws becomes `PROTOCOL_ERROR`. */
export function decoding<T>(what: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof NatterError && error.code === 'PROTOCOL_ERROR') throw error
    throw malformed(`${what}: ${error instanceof Error ? error.message : String(error)}`, error)
  }
}

/** Hexadecimal text of a field that must have `length` bytes. */
export function hexField(bytes: Uint8Array, length: number, what: string): string {
  if (bytes.length !== length) throw malformed(`${what} of ${bytes.length} bytes`)
  return toHex(bytes)
}

export const databaseField = (bytes: Uint8Array): DatabaseId =>
  hexField(bytes, 32, 'a database id') as DatabaseId
export const epochField = (bytes: Uint8Array): Epoch => hexField(bytes, EPOCH_BYTES, 'an epoch') as Epoch
export const shortIdField = (bytes: Uint8Array): ShortId =>
  hexField(bytes, SHORT_ID_BYTES, 'an id') as ShortId

export function authorField(bytes: Uint8Array): Author {
  if (bytes.length !== AUTHOR_BYTES) throw malformed(`an author of ${bytes.length} bytes`)
  return authorOf(bytes)
}

export function batchIdField(bytes: Uint8Array): BatchId {
  if (bytes.length !== BATCH_ID_BYTES) throw malformed(`a batch id of ${bytes.length} bytes`)
  return batchIdOf(bytes)
}

/** A number that protobuf may have read beyond what a double holds exactly. */
export function integerField(value: number, max: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0 || value > max) throw malformed(`${what} is out of range`)
  return value
}

export function listField<T>(list: readonly T[], max: number, what: string): readonly T[] {
  if (list.length > max) throw malformed(`${list.length} ${what}, at most ${max} allowed`)
  return list
}

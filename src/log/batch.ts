/**
 * The batch: consecutive ops of one author, signed once. Header in a fixed binary layout, canonical by construction.
 * Keeps: what `decodeHeader` accepts, `encodeHeader` gives back byte for byte. Implements protocols/batch.md.
 */

import type { Hashes } from '../base/index.js'
import {
  ByteReader,
  ByteWriter,
  compareBytes,
  concatBytes,
  copyBytes,
  equalBytes,
  FORMAT,
  fromHex,
  toHex,
  utf8
} from '../base/index.js'
import type { Extension } from './extensions.js'
import { decodeExtensions, encodeExtensions } from './extensions.js'
import type { HybridTime } from './hybrid-clock.js'
import { MAX_COUNTER, MAX_TIME_MS } from './hybrid-clock.js'
import type { Author, BatchId, BatchName, DatabaseId, Epoch, Tip } from './ids.js'
import { AUTHOR_BYTES, authorOf, BATCH_ID_BYTES, batchIdOf, EPOCH_BYTES, epochOf, shortId } from './ids.js'
import { merkleRoot } from './merkle.js'

export const FORMAT_VERSION = 1
export const SIGNATURE_BYTES = 64
/** What a signature is over: this domain string, then the header. */
const SIGNATURE_DOMAIN = utf8('natter/batch/1\0')
/** `previous` of the first batch of an epoch. */
export const NO_BATCH = '0'.repeat(2 * BATCH_ID_BYTES) as BatchId
const FIXED_HEADER_BYTES = 164
const DEP_BYTES = AUTHOR_BYTES + EPOCH_BYTES + 8 + BATCH_ID_BYTES

/** A batch that must be applied before the one that names it. */
export interface Dep extends BatchName {
  readonly id: BatchId
}

export interface BatchHeader extends BatchName {
  readonly database: DatabaseId
  /** Id of the batch with `seq − 1` on this branch; `NO_BATCH` for the first. */
  readonly previous: BatchId
  /** Merkle root over the body, 32 bytes. */
  readonly root: Uint8Array
  readonly opCount: number
  readonly bodyLength: number
  readonly time: HybridTime
  /** Sorted by author, epoch, seq, id; each once. */
  readonly deps: readonly Dep[]
  readonly extensions: readonly Extension[]
}

/** A batch as it is kept and passed on. */
export interface Batch {
  readonly header: BatchHeader
  /** Exactly the bytes that `id` hashes and a signature covers. */
  readonly headerBytes: Uint8Array
  readonly id: BatchId
  readonly body: Uint8Array
  /** Absent where a later batch of the chain carries the signature that covers this one. */
  readonly signature?: Uint8Array
}

/** A header without its body, kept as proof up to the signature that covers an unsigned batch. */
export interface BareHeader {
  readonly header: BatchHeader
  readonly headerBytes: Uint8Array
  readonly id: BatchId
  readonly signature?: Uint8Array
}

export function compareNames(a: BatchName, b: BatchName): number {
  if (a.author !== b.author) return a.author < b.author ? -1 : 1
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1
  return a.seq - b.seq
}

export function compareDeps(a: Dep, b: Dep): number {
  return compareNames(a, b) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

/** Throws `RangeError` for a header whose lists are over their bounds; the rest is for `checkHeader`. */
export function encodeHeader(header: BatchHeader): Uint8Array {
  const extensions = encodeExtensions(header.extensions)
  if (header.deps.length > FORMAT.deps) throw new RangeError('too many deps')
  if (extensions.length > FORMAT.headerExtensionBytes) throw new RangeError('extension block too long')
  if (header.root.length !== BATCH_ID_BYTES) throw new RangeError('a root has 32 bytes')
  const size = FIXED_HEADER_BYTES + header.deps.length * DEP_BYTES + 2 + extensions.length
  const writer = new ByteWriter(size)
  writer.u8(FORMAT_VERSION).u8(0).bytes(fromHex(header.database)).bytes(fromHex(header.author))
  writer.bytes(fromHex(header.epoch)).u64(header.seq).bytes(fromHex(header.previous)).bytes(header.root)
  writer.u32(header.opCount).u32(header.bodyLength).u48(header.time.ms).u16(header.time.counter)
  writer.u16(header.deps.length)
  for (const dep of header.deps) {
    writer.bytes(fromHex(dep.author)).bytes(fromHex(dep.epoch)).u64(dep.seq).bytes(fromHex(dep.id))
  }
  return writer.u16(extensions.length).bytes(extensions).finish()
}

/** The version byte of a header, so that one of an unknown version can be told from a broken one. */
export function headerVersion(bytes: Uint8Array): number | undefined {
  return bytes[0]
}

/** Throws `RangeError` for bytes that are no header of format version 1. */
export function decodeHeader(bytes: Uint8Array): BatchHeader {
  const reader = new ByteReader(bytes)
  if (reader.u8() !== FORMAT_VERSION) throw new RangeError('unknown format version')
  if (reader.u8() !== 0) throw new RangeError('reserved flags are set')
  const database = toHex(reader.bytes(32)) as DatabaseId
  const author = authorOf(reader.bytes(AUTHOR_BYTES))
  const epoch = epochOf(reader.bytes(EPOCH_BYTES))
  const seq = reader.u64()
  const previous = batchIdOf(reader.bytes(BATCH_ID_BYTES))
  const root = copyBytes(reader.bytes(BATCH_ID_BYTES))
  const opCount = reader.u32()
  const bodyLength = reader.u32()
  const time = { ms: reader.u48(), counter: reader.u16() }
  const depCount = reader.u16()
  if (depCount > FORMAT.deps) throw new RangeError(`${depCount} deps`)
  const deps: Dep[] = []
  for (let i = 0; i < depCount; i++) deps.push(decodeDep(reader))
  const extensions = decodeExtensions(reader.bytes(checkedExtensionLength(reader.u16())))
  reader.end()
  const header = { database, author, epoch, seq, previous, root, opCount, bodyLength, time, deps, extensions }
  checkHeader(header)
  return header
}

function checkedExtensionLength(length: number): number {
  if (length > FORMAT.headerExtensionBytes) throw new RangeError(`an extension block of ${length} bytes`)
  return length
}

function decodeDep(reader: ByteReader): Dep {
  const author = authorOf(reader.bytes(AUTHOR_BYTES))
  const epoch = epochOf(reader.bytes(EPOCH_BYTES))
  const seq = reader.u64()
  return { author, epoch, seq, id: batchIdOf(reader.bytes(BATCH_ID_BYTES)) }
}

/** What holds for every header of format version 1, whether it was read from bytes or put together from a frame. */
export function checkHeader(header: BatchHeader): void {
  if (!Number.isSafeInteger(header.seq) || header.seq < 1) throw new RangeError(`seq ${header.seq}`)
  if ((header.seq === 1) !== (header.previous === NO_BATCH)) throw new RangeError('previous does not fit seq')
  if (header.opCount > FORMAT.batchOps) throw new RangeError(`${header.opCount} ops`)
  if (header.bodyLength > FORMAT.bodyBytes) throw new RangeError(`a body of ${header.bodyLength} bytes`)
  if (header.time.ms > MAX_TIME_MS) throw new RangeError('time above 48 bits')
  if (header.time.counter > MAX_COUNTER) throw new RangeError('a counter above 16 bits')
  if (header.deps.length > FORMAT.deps) throw new RangeError(`${header.deps.length} deps`)
  let before: Dep | undefined
  for (const dep of header.deps) {
    if (before !== undefined && compareDeps(before, dep) >= 0) throw new RangeError('deps are not sorted')
    before = dep
    if (dep.seq < 1) throw new RangeError('a dep with seq 0')
    if (dep.author === header.author && dep.epoch === header.epoch && dep.seq >= header.seq) {
      throw new RangeError('a dep on the batch itself or a later one')
    }
  }
}

export function batchIdOfHeader(headerBytes: Uint8Array, hashes: Hashes): BatchId {
  return batchIdOf(hashes.sha256(headerBytes))
}

/** The message that the author signs. */
export function signedMessage(headerBytes: Uint8Array): Uint8Array {
  return concatBytes(SIGNATURE_DOMAIN, headerBytes)
}

/** An unsigned batch over `body`; `fields` are those of the header that the body does not give. */
export function makeBatch(
  fields: Omit<BatchHeader, 'root' | 'bodyLength'>,
  body: Uint8Array,
  hashes: Hashes
): Batch {
  const header = { ...fields, root: merkleRoot(body, hashes), bodyLength: body.length }
  checkHeader(header)
  const headerBytes = encodeHeader(header)
  return { header, headerBytes, id: batchIdOfHeader(headerBytes, hashes), body }
}

/** Whether `body` is the body that the header speaks of. */
export function bodyFits(header: BatchHeader, body: Uint8Array, hashes: Hashes): boolean {
  return body.length === header.bodyLength && equalBytes(merkleRoot(body, hashes), header.root)
}

export function tipOf(batch: { readonly header: BatchHeader; readonly id: BatchId }): Tip {
  const { author, epoch, seq } = batch.header
  return { author, epoch, seq, id: shortId(batch.id) }
}

/** Order of raw names as the format sorts them; hexadecimal text sorts the same. */
export function compareAuthors(a: Author, b: Author): number {
  return compareBytes(fromHex(a), fromHex(b))
}

/** The seconds of the wall clock at which an epoch was minted, in milliseconds. */
export function epochStartMs(epoch: Epoch): number {
  return Number.parseInt(epoch.slice(0, 8), 16) * 1000
}

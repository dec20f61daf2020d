/**
 * The names of things in the log: authors, epochs, batches, ops, and the database they belong to.
 *
 * Names are lower-case hexadecimal text in memory, so that they compare, hash and print as they are; on disk and
 * on the wire they are the bytes. See protocols/batch.md.
 */
import { base58btc } from 'multiformats/bases/base58'
import type { Hashes } from '../base/index.js'
import { concatBytes, FORMAT, fromHex, NatterError, toHex, utf8 } from '../base/index.js'

/** An author's Ed25519 public key, 64 hex digits. It is the key of the author's libp2p peer id too. */
export type Author = string & { readonly __author: true }
/** One process life of an author that writes: 32-bit seconds and 32 random bits, 16 hex digits. */
export type Epoch = string & { readonly __epoch: true }
/** SHA-256 of a batch header, 64 hex digits. */
export type BatchId = string & { readonly __batch: true }
/** The first 16 bytes of a batch id, 32 hex digits: what tips, versions and frames carry. */
export type ShortId = string & { readonly __short: true }
/** SHA-256 over the descriptor of a database, 64 hex digits. */
export type DatabaseId = string & { readonly __database: true }

export const AUTHOR_BYTES = 32
export const EPOCH_BYTES = 8
export const BATCH_ID_BYTES = 32
export const SHORT_ID_BYTES = 16

/** Where a batch stands in its author's log. `seq` counts the batches of the epoch from 1. */
export interface BatchName {
  readonly author: Author
  readonly epoch: Epoch
  readonly seq: number
}

/** A batch by name and content: two batches of one name have different ids (a fork). */
export interface Tip extends BatchName {
  readonly id: ShortId
}

/** An op by its place. `branch` is given where the place alone is ambiguous: the first 8 hex digits of the batch id. */
export interface OpName extends BatchName {
  readonly index: number
  readonly branch?: string
}

export function authorOf(publicKey: Uint8Array): Author {
  if (publicKey.length !== AUTHOR_BYTES) throw new TypeError('an Ed25519 public key has 32 bytes')
  return toHex(publicKey) as Author
}

/** The text form of 8 bytes. */
export function epochOf(bytes: Uint8Array): Epoch {
  if (bytes.length !== EPOCH_BYTES) throw new TypeError('an epoch has 8 bytes')
  return toHex(bytes) as Epoch
}

/** A new epoch: seconds of the wall clock in front, so that epochs sort by age; random bits behind. */
export function mintEpoch(nowMs: number, random: Uint8Array): Epoch {
  const seconds = Math.floor(nowMs / 1000) % 2 ** 32
  return (seconds.toString(16).padStart(8, '0') + toHex(random.subarray(0, 4))) as Epoch
}

export function batchIdOf(bytes: Uint8Array): BatchId {
  return toHex(bytes) as BatchId
}

export function shortId(id: BatchId): ShortId {
  return id.slice(0, 2 * SHORT_ID_BYTES) as ShortId
}

/** The bytes of any of the hexadecimal names. */
export function nameBytes(name: Author | Epoch | BatchId | ShortId | DatabaseId): Uint8Array {
  return fromHex(name)
}

/** The database of a network name: SHA-256 over its descriptor. It never changes. */
export function databaseIdOf(network: string, hashes: Hashes): DatabaseId {
  const name = utf8(network)
  if (name.length > 0xffff) throw new RangeError('a network name of more than 65,535 bytes')
  const length = new Uint8Array([name.length >> 8, name.length & 0xff])
  return toHex(hashes.sha256(concatBytes(utf8('natter/database/1\0'), length, name))) as DatabaseId
}

// A libp2p peer id of an Ed25519 key is the identity multihash of its protobuf: these 6 bytes and the key.
const PEER_ID_PREFIX = new Uint8Array([0x00, 0x24, 0x08, 0x01, 0x12, 0x20])
const peerIds = new Map<Author, string>()
const authors = new Map<string, Author>()
const CACHED_IDS = 4096
const BASE58 = /^[1-9A-HJ-NP-Za-km-z]{48,56}$/

/** The libp2p peer id (`12D3Koo…`) of an author. */
export function peerIdOf(author: Author): string {
  let text = peerIds.get(author)
  if (text === undefined) {
    text = base58btc.baseEncode(concatBytes(PEER_ID_PREFIX, fromHex(author)))
    if (peerIds.size >= CACHED_IDS) peerIds.clear()
    peerIds.set(author, text)
  }
  return text
}

/** The author behind a libp2p peer id, or `undefined` when the text is not the id of an Ed25519 key. */
export function authorOfPeerId(text: string): Author | undefined {
  const known = authors.get(text)
  if (known !== undefined) return known
  const author = decodePeerId(text)
  if (author === undefined) return undefined
  if (authors.size >= CACHED_IDS) authors.clear()
  authors.set(text, author)
  return author
}

function decodePeerId(text: string): Author | undefined {
  // The decoder takes characters that are none of its alphabet for zeros.
  if (!BASE58.test(text)) return undefined
  let bytes: Uint8Array
  try {
    bytes = base58btc.baseDecode(text)
  } catch {
    return undefined
  }
  if (bytes.length !== PEER_ID_PREFIX.length + AUTHOR_BYTES) return undefined
  if (PEER_ID_PREFIX.some((byte, i) => bytes[i] !== byte)) return undefined
  return authorOf(bytes.subarray(PEER_ID_PREFIX.length))
}

/** `<peer id>.<epoch>.<seq>.<index>`, and `~` with 8 digits of the batch id where `branch` is given. */
export function formatOpId(name: OpName): string {
  const short = `${peerIdOf(name.author)}.${name.epoch}.${name.seq}.${name.index}`
  return name.branch === undefined ? short : `${short}~${name.branch}`
}

const OP_ID =
  /^([1-9A-HJ-NP-Za-km-z]{48,56})\.([0-9a-f]{16})\.([1-9][0-9]{0,15})\.(0|[1-9][0-9]{0,4})(?:~([0-9a-f]{8}))?$/

/** `undefined` when the text has not the form of an op id. */
export function parseOpId(text: string): OpName | undefined {
  const match = OP_ID.exec(text)
  if (match === null) return undefined
  const author = authorOfPeerId(match[1]!)
  if (author === undefined) return undefined
  const name = { author, epoch: match[2] as Epoch, seq: Number(match[3]), index: Number(match[4]) }
  if (!Number.isSafeInteger(name.seq) || name.index >= FORMAT.batchOps) return undefined
  return match[5] === undefined ? name : { ...name, branch: match[5] }
}

/** Like `parseOpId`; throws `INVALID_OP_ID`. */
export function requireOpId(text: string): OpName {
  const name = parseOpId(text)
  if (name === undefined) throw new NatterError('INVALID_OP_ID', `not an op id: ${text.slice(0, 80)}`)
  return name
}

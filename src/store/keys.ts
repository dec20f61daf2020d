/**
 * Every key space of the store: one letter, then fields of fixed width, so that byte order is the order of walks.
 * protocols/storage.md lists them with their values; records.ts reads and writes those.
 *
 * Integers are big-endian. An author stands as the number that this store gave it, an epoch as its 8 bytes; a branch is
 * the number this store gave to a line of a forked epoch, 0 for the first. Neither number ever leaves the store.
 */
import type { ByteRange } from '../disk/index.js'
import type { ClientIdHash, Epoch, Identity, ShortId } from '../log/index.js'
import { epochOf } from '../log/index.js'
import type { Arena } from './arena.js'

export const SPACE = {
  /** `A ‖ author u32` → the public key. */
  author: 0x41,
  /** `B ‖ author u32 ‖ epoch 8 ‖ branch u32` → where the branch begins and what of its own author it names. */
  branch: 0x42,
  /** `C ‖ SHA-256 of the client id` → the ops of the first copy known here. */
  clientId: 0x43,
  /** `D ‖ position u48` → the batch that stood there and is to be fetched again. */
  hole: 0x44,
  /** `F ‖ author u32 ‖ epoch 8` → from which seq on the epoch is forked. */
  fork: 0x46,
  /** `G ‖ number u32` → hashes of keys that have a cell. */
  keyList: 0x47,
  /** `H ‖ key length u16 ‖ key ‖ position u48 ‖ index u16` → nothing: the op is in the log. */
  history: 0x48,
  /** `I ‖ author u32 ‖ epoch 8 ‖ branch u32 ‖ seq u48` → position and batch id. */
  index: 0x49,
  /** `K ‖ key` → the heads of the key. */
  cell: 0x4b,
  /** `L ‖ position u48` → the batch. */
  log: 0x4c,
  /** `M` → format, identity, totals, digest, mark, time. */
  meta: 0x4d,
  /** `N ‖ author u32 ‖ epoch 8 ‖ seq u48 ‖ batch id 16` → the branch of a batch that is not on the first. */
  branchName: 0x4e,
  /** `P ‖ peer` → the peer's account. */
  peer: 0x50,
  /** `Q ‖ key` → nothing: the key has more than one version. */
  conflict: 0x51,
  /** `R` → nothing, or the stage of laying out the log: a repair has begun and not come to its end. */
  repair: 0x52,
  /** `S ‖ name length u16 ‖ name ‖ position u48 ‖ index u16` → nothing: an op that a program acknowledged out of order. */
  programAck: 0x53,
  /** `T ‖ author u32 ‖ batch id 16` → where the tip stands. */
  tip: 0x54,
  /** `V ‖ identity 16` → nothing: some copy of this op was overwritten. */
  overwritten: 0x56,
  /** `W` → from which position on the running checks are to be made anew, or that they were. */
  renewal: 0x57,
  /** `X ‖ author u32 ‖ epoch 8 ‖ branch u32` → headers up to the signature that covers the end of the branch. */
  cover: 0x58
} as const

/** The branch of an author's epoch. */
export interface Chain {
  /** The number of the author in this store. */
  readonly author: number
  readonly epoch: Epoch
  readonly branch: number
}

export const META_KEY = new Uint8Array([SPACE.meta])
export const REPAIR_KEY = new Uint8Array([SPACE.repair])
export const RENEWAL_KEY = new Uint8Array([SPACE.renewal])
const CHAIN_BYTES = 1 + 4 + 8 + 4
export const INDEX_KEY_BYTES = CHAIN_BYTES + 6

function putUint(bytes: Uint8Array, at: number, width: number, value: number): void {
  for (let i = at + width - 1; i >= at; i--) {
    bytes[i] = value % 256
    value = Math.floor(value / 256)
  }
}

export function readUint(bytes: Uint8Array, at: number, width: number): number {
  let value = 0
  for (let i = at; i < at + width; i++) value = value * 256 + bytes[i]!
  return value
}

function hexDigit(code: number): number {
  return code < 0x3a ? code - 0x30 : code - 0x57
}

/** Writes lower-case hexadecimal text as bytes: names come from the log, so their form is known to be right. */
export function putHex(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i += 2) {
    bytes[at++] = (hexDigit(text.charCodeAt(i)) << 4) | hexDigit(text.charCodeAt(i + 1))
  }
}

function chainBytes(space: number, chain: Chain, extra: number): Uint8Array {
  const key = new Uint8Array(CHAIN_BYTES + extra)
  key[0] = space
  putUint(key, 1, 4, chain.author)
  putHex(key, 5, chain.epoch)
  putUint(key, 13, 4, chain.branch)
  return key
}

export function branchKey(chain: Chain): Uint8Array {
  return chainBytes(SPACE.branch, chain, 0)
}

export function forkKey({ author, epoch }: Pick<Chain, 'author' | 'epoch'>): Uint8Array {
  const key = new Uint8Array(13)
  key[0] = SPACE.fork
  putUint(key, 1, 4, author)
  putHex(key, 5, epoch)
  return key
}

/** The branch that a key of `branch`, `cover` or `index` speaks of. */
export function chainOfKey(key: Uint8Array): Chain {
  return { author: readUint(key, 1, 4), epoch: epochOf(key.subarray(5, 13)), branch: readUint(key, 13, 4) }
}

export function coverKey(chain: Chain): Uint8Array {
  return chainBytes(SPACE.cover, chain, 0)
}

export function indexKey(chain: Chain, seq: number): Uint8Array {
  const key = chainBytes(SPACE.index, chain, 6)
  putUint(key, CHAIN_BYTES, 6, seq)
  return key
}

/** The batches of this author, epoch and seq that are not on the first branch; of all of them the one with this id. */
export function branchNameKey(
  { author, epoch }: Pick<Chain, 'author' | 'epoch'>,
  seq: number,
  id: ShortId
): Uint8Array {
  const key = new Uint8Array(35)
  key[0] = SPACE.branchName
  putUint(key, 1, 4, author)
  putHex(key, 5, epoch)
  putUint(key, 13, 6, seq)
  putHex(key, 19, id)
  return key
}

export function branchNameRange(epoch: Pick<Chain, 'author' | 'epoch'>, seq: number): ByteRange {
  const gte = branchNameKey(epoch, seq, '0'.repeat(32) as ShortId)
  return { gte, lte: branchNameKey(epoch, seq, 'f'.repeat(32) as ShortId) }
}

export function authorKey(author: number): Uint8Array {
  const key = new Uint8Array(5)
  key[0] = SPACE.author
  putUint(key, 1, 4, author)
  return key
}

export function keyListKey(number: number): Uint8Array {
  const key = authorKey(number)
  key[0] = SPACE.keyList
  return key
}

export function logKey(position: number): Uint8Array {
  const key = new Uint8Array(7)
  key[0] = SPACE.log
  putUint(key, 1, 6, position)
  return key
}

export function holeKey(position: number): Uint8Array {
  const key = logKey(position)
  key[0] = SPACE.hole
  return key
}

export function positionOfKey(key: Uint8Array): number {
  return readUint(key, 1, 6)
}

function prefixed(space: number, rest: Uint8Array, arena?: Arena): Uint8Array {
  const key = arena?.take(1 + rest.length) ?? new Uint8Array(1 + rest.length)
  key[0] = space
  key.set(rest, 1)
  return key
}

export function cellKey(key: Uint8Array, arena?: Arena): Uint8Array {
  return prefixed(SPACE.cell, key, arena)
}

export function conflictKey(key: Uint8Array): Uint8Array {
  return prefixed(SPACE.conflict, key)
}

export function peerKey(peer: Uint8Array): Uint8Array {
  return prefixed(SPACE.peer, peer)
}

export function clientIdKey(hash: ClientIdHash): Uint8Array {
  const key = new Uint8Array(33)
  key[0] = SPACE.clientId
  putHex(key, 1, hash)
  return key
}

export function overwrittenKey(identity: Identity): Uint8Array {
  const key = new Uint8Array(17)
  key[0] = SPACE.overwritten
  putHex(key, 1, identity)
  return key
}

export function tipKey(author: number, id: ShortId): Uint8Array {
  const key = new Uint8Array(21)
  key[0] = SPACE.tip
  putUint(key, 1, 4, author)
  putHex(key, 5, id)
  return key
}

/** `space ‖ length u16 ‖ name ‖ position u48 ‖ index u16` */
function placedKey(
  space: number,
  name: Uint8Array,
  position: number,
  index: number,
  arena?: Arena
): Uint8Array {
  const key = arena?.take(11 + name.length) ?? new Uint8Array(11 + name.length)
  key[0] = space
  putUint(key, 1, 2, name.length)
  key.set(name, 3)
  putUint(key, 3 + name.length, 6, position)
  putUint(key, 9 + name.length, 2, index)
  return key
}

const LAST_POSITION = 2 ** 48 - 1

export function historyKey(key: Uint8Array, position: number, index: number, arena?: Arena): Uint8Array {
  return placedKey(SPACE.history, key, position, index, arena)
}

/** The history of one key. */
export function historyRange(key: Uint8Array): ByteRange {
  return { gte: historyKey(key, 0, 0), lte: historyKey(key, LAST_POSITION, 0xffff) }
}

export function programAckKey(name: Uint8Array, position: number, index: number): Uint8Array {
  return placedKey(SPACE.programAck, name, position, index)
}

export function programAckRange(name: Uint8Array): ByteRange {
  return { gte: programAckKey(name, 0, 0), lte: programAckKey(name, LAST_POSITION, 0xffff) }
}

/** Position and index at the end of a history or program-ack key. */
export function placeOfKey(key: Uint8Array): { position: number; index: number } {
  return { position: readUint(key, key.length - 8, 6), index: readUint(key, key.length - 2, 2) }
}

/** A whole space. */
export function spaceRange(space: number): { gte: Uint8Array; lt: Uint8Array } {
  return { gte: new Uint8Array([space]), lt: new Uint8Array([space + 1]) }
}

/** Bytes as a text that serves as a key of a Map: one code unit a byte. */
export function textOf(bytes: Uint8Array): string {
  if (bytes.length <= 1024) return String.fromCharCode.apply(null, bytes as unknown as number[])
  let text = ''
  for (let i = 0; i < bytes.length; i += 1024) text += textOf(bytes.subarray(i, i + 1024))
  return text
}

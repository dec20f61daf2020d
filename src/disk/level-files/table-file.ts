/**
 * LevelDB's tables: blocks of sorted entries, an index of them, a footer. Every block carries a CRC, which LevelDB itself
 * does not look at when it reads; here none is used that does not verify.
 */
import { Cursor, FileDamage, uint32 } from './bytes.js'
import { maskedCrc32c } from './crc32c.js'
import { unsnappy } from './snappy.js'

const footerBytes = 48
const trailerBytes = 5
const MAGIC_LOW = 0x8b80fb57
const MAGIC_HIGH = 0xdb477524
const PLAIN = 0
const SNAPPY = 1

export interface BlockHandle {
  readonly offset: number
  readonly size: number
}

/** An entry of a table: the key as the user wrote it, its sequence number, and the value, absent for a deletion. */
export interface TableEntry {
  readonly key: Uint8Array
  readonly sequence: number
  readonly value: Uint8Array | undefined
}

/** Reads a stretch of the file. */
export type ReadAt = (offset: number, length: number) => Promise<Uint8Array>

/** Handles of the data blocks, in order, of a table whose index is checked on the way. Throws `FileDamage`. */
export async function readIndex(read: ReadAt, size: number): Promise<BlockHandle[]> {
  const index = await checkIndex(read, size)
  return handlesIn(await readBlock(read, index), size)
}

/**
 * Looks at all that says which keys are there, footer, index and filter, for a flipped bit of it hides keys; answers where
 * the index is. It is not unpacked: an index is as long as its table, and what verifies is what LevelDB wrote.
 * Throws `FileDamage`.
 */
export async function checkIndex(read: ReadAt, size: number): Promise<BlockHandle> {
  if (size < footerBytes) throw new FileDamage('it is cut short')
  const footer = await read(size - footerBytes, footerBytes)
  if (uint32(footer, 40) !== MAGIC_LOW || uint32(footer, 44) !== MAGIC_HIGH)
    throw new FileDamage('it does not end as a table does')
  const cursor = new Cursor(footer, 0, 40)
  const meta = handleOf(cursor, size)
  const index = handleOf(cursor, size)
  for (const handle of handlesIn(await readBlock(read, meta), size)) await checkBlock(read, handle)
  await checkBlock(read, index)
  return index
}

/** What the entries of a block stand for, where these are other blocks: their keys are passed over. */
function handlesIn(block: Uint8Array, size: number): BlockHandle[] {
  const handles: BlockHandle[] = []
  const cursor = entriesIn(block)
  while (cursor.left > 0) {
    cursor.varint()
    const rest = cursor.varint()
    const length = cursor.varint()
    cursor.skip(rest)
    const end = cursor.at + length
    handles.push(handleOf(cursor, size))
    if (cursor.at > end) throw new FileDamage('a handle is longer than its entry')
    cursor.at = end
  }
  return handles
}

function handleOf(cursor: Cursor, size: number): BlockHandle {
  const handle = { offset: cursor.varint(), size: cursor.varint() }
  if (handle.offset + handle.size + trailerBytes > size) throw new FileDamage('a block lies outside of it')
  return handle
}

/** A block that verifies, unpacked. Throws `FileDamage`. */
export async function readBlock(read: ReadAt, { offset, size }: BlockHandle): Promise<Uint8Array> {
  return unpack(await read(offset, size + trailerBytes), offset)
}

/** Looks at the checksum of a block without unpacking it. Throws `FileDamage`. */
export async function checkBlock(read: ReadAt, { offset, size }: BlockHandle): Promise<void> {
  verified(await read(offset, size + trailerBytes), offset)
}

/** The length of what the checksum speaks for, without the trailer. */
function verified(bytes: Uint8Array, offset: number): number {
  const size = bytes.length - trailerBytes
  if (size < 0 || uint32(bytes, size + 1) !== maskedCrc32c(bytes, 0, size + 1))
    throw new FileDamage(`the checksum of the block at ${offset} does not fit`)
  return size
}

function unpack(bytes: Uint8Array, offset: number): Uint8Array {
  const size = verified(bytes, offset)
  const kind = bytes[size]!
  if (kind === PLAIN) return bytes.subarray(0, size)
  if (kind === SNAPPY) return unsnappy(bytes.subarray(0, size))
  throw new FileDamage(`the block at ${offset} is packed in an unknown way`)
}

/** Entries of an unpacked block: a key shares its beginning with the one before. Throws `FileDamage`. */
export function* entriesOf(block: Uint8Array): Generator<{ key: Uint8Array; value: Uint8Array }> {
  const cursor = entriesIn(block)
  let key = new Uint8Array(0)
  while (cursor.left > 0) {
    const shared = cursor.varint()
    const rest = cursor.varint()
    const length = cursor.varint()
    if (shared > key.length) throw new FileDamage('a key shares more than there is')
    const next = new Uint8Array(shared + rest)
    next.set(key.subarray(0, shared))
    next.set(cursor.take(rest), shared)
    key = next
    yield { key, value: cursor.take(length) }
  }
}

/** At the first entry of an unpacked block, and ends before its restarts. */
function entriesIn(block: Uint8Array): Cursor {
  const restarts = uint32(block, block.length - 4)
  const end = block.length - 4 - restarts * 4
  if (end < 0) throw new FileDamage('a block has no room for its restarts')
  return new Cursor(block, 0, end)
}

/** The entries of a data block, newest version of a key first. */
export function* tableEntriesOf(block: Uint8Array): Generator<TableEntry> {
  for (const { key: internal, value } of entriesOf(block)) {
    const end = internal.length - 8
    if (end < 0) throw new FileDamage('a key is too short')
    const kind = internal[end]!
    if (kind > 1) throw new FileDamage('an entry is of an unknown kind')
    const sequence = numberAt(internal, end + 1)
    yield { key: internal.subarray(0, end), sequence, value: kind === 0 ? undefined : value }
  }
}

/** 56 bits, little-endian: more than 2^53 writes are in no database. */
function numberAt(bytes: Uint8Array, at: number): number {
  let value = 0
  for (let i = 6; i >= 0; i--) value = value * 256 + bytes[at + i]!
  return value
}

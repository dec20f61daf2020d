/** The record of a cell: the heads of a key with their values. Layout: protocols/storage.md. */
import type { ByteReader, Hashes } from '../base/index.js'
import { FORMAT, toHex } from '../base/index.js'
import type { Identity, ShortId } from '../log/index.js'
import { epochOf } from '../log/index.js'
import type { Arena } from './arena.js'
import type { AuthorNames } from './authors.js'
import type { CellRecord, Head } from './heads.js'
import { Origin } from './heads.js'
import { putHex } from './keys.js'
import { CRC_BYTES, RECORD_VERSION, readRecord, seal } from './records.js'

const CELL_PRESENT = 1
const CELL_LOST = 2
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
  const { heads, changedAt, present, lostAfter } = cell
  let size = 8 + varintSize(heads.length) + CRC_BYTES
  for (const head of heads) size += headSize(head)
  const bytes = arena.take(size)
  bytes[0] = RECORD_VERSION
  bytes[1] = (present ? CELL_PRESENT : 0) | (lostAfter === undefined ? 0 : CELL_LOST)
  let position = lostAfter ?? changedAt
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
    const flags = reader.u8()
    const present = (flags & CELL_PRESENT) !== 0
    const changedAt = reader.u48()
    const count = reader.varint()
    const heads: Head[] = []
    for (let i = 0; i < count; i++) heads.push(decodeHead(reader, names))
    if ((flags & CELL_LOST) !== 0) return { heads, changedAt, present, lostAfter: changedAt }
    return { heads, changedAt, present }
  })
}

function decodeHead(reader: ByteReader, names: AuthorNames): Head {
  const flags = reader.u8()
  const kind = reader.u8()
  const index = reader.varint()
  if (index >= FORMAT.batchOps) throw new RangeError(`op index ${index}`)
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

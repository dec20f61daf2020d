/** Fields that several frames of `/sync/ops/1.0.0` share: marks, cursors, tips, digests and error codes. */
import { EMPTY_BYTES, fromHex } from '../base/index.js'
import type { Cursor, Mark, StoreId, SyncErrorCode, Tip } from '../log/index.js'
import type { AuthorNames, AuthorNumbers } from './dictionary.js'
import type { FieldReader, FieldWriter } from './fields.js'
import { blockSize, bytesTag, numberSize, numberTag } from './fields.js'
import { epochField, hexField, integerField, malformed, shortIdField } from './frame.js'
import type { Cursor as CursorField, Mark as MarkField, TipRef } from './generated/sync-ops.js'

const STORE_BYTES = 8
const CHECK_BYTES = 8
const DIGEST_BYTES = 16
const MAX = Number.MAX_SAFE_INTEGER

/** Types of frames: the numbers of the fields of `SyncFrame`. */
export const SYNC_FRAME = {
  hello: 1,
  heads: 3,
  want: 5,
  run: 7,
  body: 9,
  ack: 11,
  credit: 13,
  ping: 15,
  err: 17
}

/** Codes of ERR frames, by their numbers from 1 on. */
export const SYNC_ERRORS: readonly SyncErrorCode[] = [
  'NO_COMMON',
  'BUSY',
  'OTHER_DATABASE',
  'OTHER_PROTOCOL',
  'PAUSED',
  'INVALID',
  'UNAVAILABLE'
]

export function markFieldOf(mark: Mark): MarkField {
  return { position: mark.position, check: fromHex(mark.check) }
}

export function markOf(field: MarkField | undefined): Mark {
  if (field === undefined) throw malformed('a mark is missing')
  const position = integerField(field.position, MAX, 'a position')
  return { position, check: hexField(field.check, CHECK_BYTES, 'a check') }
}

export function markSize(mark: MarkField): number {
  return numberSize(mark.position) + (mark.check.length > 0 ? blockSize(mark.check.length) : 0)
}

export function writeMark(writer: FieldWriter, field: number, mark: MarkField): void {
  writer.open(field, markSize(mark))
  writer.number(1, mark.position)
  if (mark.check.length > 0) writer.block(2, mark.check)
}

export function readMark(reader: FieldReader): MarkField {
  const mark: MarkField = { position: 0, check: EMPTY_BYTES }
  while (reader.more) {
    const tag = reader.varint()
    if (tag === numberTag(1)) mark.position = reader.varint()
    else if (tag === bytesTag(2)) mark.check = reader.block()
    else reader.skip(tag)
  }
  return mark
}

export function cursorFieldOf(cursor: Cursor): CursorField {
  return { store: fromHex(cursor.store), ...markFieldOf(cursor) }
}

export function cursorOf(field: CursorField): Cursor {
  return { store: storeOf(field.store), ...markOf(field) }
}

export function storeOf(bytes: Uint8Array): StoreId {
  return hexField(bytes, STORE_BYTES, 'a store id') as StoreId
}

export function digestOf(bytes: Uint8Array): string {
  return hexField(bytes, DIGEST_BYTES, 'a digest')
}

export function tipFieldOf(tip: Tip, authors: AuthorNumbers): TipRef {
  return { author: authors.of(tip.author), epoch: fromHex(tip.epoch), seq: tip.seq, id: fromHex(tip.id) }
}

export function tipOfField(field: TipRef | undefined, authors: AuthorNames): Tip {
  if (field === undefined) throw malformed('a tip is missing')
  const seq = integerField(field.seq, MAX, 'a seq')
  if (seq === 0) throw malformed('a tip with seq 0')
  return { author: authors.at(field.author), epoch: epochField(field.epoch), seq, id: shortIdField(field.id) }
}

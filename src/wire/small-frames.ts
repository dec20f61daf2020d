/** ACK, CREDIT and HEADS frames, and pieces of bodies, as bytes: what goes beside every RUN. */
import { EMPTY_BYTES, PROTOCOL } from '../base/index.js'
import { blockSize, bytesTag, FieldReader, FieldWriter, numberSize, numberTag } from './fields.js'
import { listField } from './frame.js'
import type { Heads, TipRef } from './generated/sync-ops.js'
import { markSize, readMark, SYNC_FRAME, writeMark } from './sync-fields.js'

/** A frame with one number: ACK or CREDIT. */
export function encodeNumber(type: number, value: number): Uint8Array {
  const size = numberSize(value)
  const writer = new FieldWriter(blockSize(size))
  writer.open(type, size)
  writer.number(1, value)
  return writer.bytes
}

export function decodeNumber(frame: Uint8Array): number {
  const reader = fieldsOf(frame)
  let value = 0
  while (reader.more) {
    const tag = reader.varint()
    if (tag === numberTag(1)) value = reader.varint()
    else reader.skip(tag)
  }
  return value
}

export function encodeBody(data: Uint8Array): Uint8Array {
  const size = data.length === 0 ? 0 : blockSize(data.length)
  const writer = new FieldWriter(blockSize(size))
  writer.open(SYNC_FRAME.body, size)
  if (size > 0) writer.block(1, data)
  return writer.bytes
}

/** A view on the data of a BODY frame. */
export function decodeBody(frame: Uint8Array): Uint8Array {
  const reader = fieldsOf(frame)
  let data: Uint8Array = EMPTY_BYTES
  while (reader.more) {
    const tag = reader.varint()
    if (tag === bytesTag(1)) data = reader.block()
    else reader.skip(tag)
  }
  return data
}

export function encodeHeads(heads: Heads): Uint8Array {
  let size = numberSize(Number(heads.fresh))
  for (const tip of heads.tips) size += blockSize(tipSize(tip))
  if (heads.position !== undefined) size += blockSize(markSize(heads.position))
  for (const author of heads.authors) size += blockSize(author.length)
  const writer = new FieldWriter(blockSize(size))
  writer.open(SYNC_FRAME.heads, size)
  for (const tip of heads.tips) writeTip(writer, tip)
  if (heads.position !== undefined) writeMark(writer, 2, heads.position)
  writer.number(14, Number(heads.fresh))
  for (const author of heads.authors) writer.block(15, author)
  return writer.bytes
}

export function decodeHeads(frame: Uint8Array): Heads {
  const reader = fieldsOf(frame)
  const heads: Heads = { tips: [], fresh: false, authors: [] }
  while (reader.more) {
    const tag = reader.varint()
    if (tag === bytesTag(1)) heads.tips.push(readTip(reader.message()))
    else if (tag === bytesTag(2)) heads.position = readMark(reader.message())
    else if (tag === numberTag(14)) heads.fresh = reader.varint() !== 0
    else if (tag === bytesTag(15)) heads.authors.push(reader.block())
    else reader.skip(tag)
    listField(heads.tips, PROTOCOL.headsTips, 'tips in a frame')
    listField(heads.authors, PROTOCOL.headsTips, 'authors in a frame')
  }
  return heads
}

/** The fields inside a frame, behind its tag and length. */
function fieldsOf(frame: Uint8Array): FieldReader {
  const reader = new FieldReader(frame)
  reader.varint()
  return reader.message()
}

function tipSize(tip: TipRef): number {
  let size = numberSize(tip.author) + numberSize(tip.seq)
  if (tip.epoch.length > 0) size += blockSize(tip.epoch.length)
  if (tip.id.length > 0) size += blockSize(tip.id.length)
  return size
}

function writeTip(writer: FieldWriter, tip: TipRef): void {
  writer.open(1, tipSize(tip))
  writer.number(1, tip.author)
  if (tip.epoch.length > 0) writer.block(2, tip.epoch)
  writer.number(3, tip.seq)
  if (tip.id.length > 0) writer.block(4, tip.id)
}

function readTip(reader: FieldReader): TipRef {
  const tip: TipRef = { author: 0, epoch: EMPTY_BYTES, seq: 0, id: EMPTY_BYTES }
  while (reader.more) {
    const tag = reader.varint()
    if (tag === numberTag(1)) tip.author = reader.varint()
    else if (tag === bytesTag(2)) tip.epoch = reader.block()
    else if (tag === numberTag(3)) tip.seq = reader.varint()
    else if (tag === bytesTag(4)) tip.id = reader.block()
    else reader.skip(tag)
  }
  return tip
}

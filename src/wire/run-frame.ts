/** RUN frames as bytes. What their fields mean: entry.ts. */
import { EMPTY_BYTES, FORMAT, PROTOCOL } from '../base/index.js'
import { blockSize, bytesTag, FieldReader, FieldWriter, numberSize, numberTag } from './fields.js'
import { listField } from './frame.js'
import type { DepRef, Entry, Run } from './generated/sync-ops.js'
import { markSize, readMark, SYNC_FRAME, writeMark } from './sync-fields.js'

export function encodeRun(run: Run): Uint8Array {
  const batches = run.batches.map(entrySize)
  const proof = run.proof.map(entrySize)
  let size = numberSize(Number(run.more)) + numberSize(Number(run.large)) + numberSize(run.offset)
  size += numberSize(Number(run.fresh))
  for (const length of batches) size += blockSize(length)
  for (const length of proof) size += blockSize(length)
  if (run.position !== undefined) size += blockSize(markSize(run.position))
  for (const author of run.authors) size += blockSize(author.length)

  const writer = new FieldWriter(blockSize(size))
  writer.open(SYNC_FRAME.run, size)
  for (const [i, entry] of run.batches.entries()) writeEntry(writer, 1, batches[i]!, entry)
  for (const [i, entry] of run.proof.entries()) writeEntry(writer, 2, proof[i]!, entry)
  if (run.position !== undefined) writeMark(writer, 3, run.position)
  writer.number(4, Number(run.more))
  writer.number(5, Number(run.large))
  writer.number(6, run.offset)
  writer.number(14, Number(run.fresh))
  for (const author of run.authors) writer.block(15, author)
  return writer.bytes
}

function entrySize(entry: Entry): number {
  let size = numberSize(entry.seq) + numberSize(entry.ms) + numberSize(entry.counter)
  size += numberSize(entry.ops) + numberSize(entry.length) + numberSize(entry.format)
  // Of an optional field zero is a value.
  if (entry.author !== undefined) size += Math.max(2, numberSize(entry.author))
  if (entry.epoch !== undefined) size += blockSize(entry.epoch.length)
  if (entry.previous.length > 0) size += blockSize(entry.previous.length)
  for (const dep of entry.deps) size += blockSize(depSize(dep))
  if (entry.extensions.length > 0) size += blockSize(entry.extensions.length)
  if (entry.body !== undefined) size += blockSize(entry.body.length)
  if (entry.root.length > 0) size += blockSize(entry.root.length)
  if (entry.signature !== undefined) size += blockSize(entry.signature.length)
  return size
}

function writeEntry(writer: FieldWriter, field: number, size: number, entry: Entry): void {
  writer.open(field, size)
  if (entry.author !== undefined) {
    writer.varint(numberTag(1))
    writer.varint(entry.author)
  }
  if (entry.epoch !== undefined) writer.block(2, entry.epoch)
  writer.number(3, entry.seq)
  if (entry.previous.length > 0) writer.block(4, entry.previous)
  writer.number(5, entry.ms)
  writer.number(6, entry.counter)
  writer.number(7, entry.ops)
  for (const dep of entry.deps) writeDep(writer, dep)
  if (entry.extensions.length > 0) writer.block(9, entry.extensions)
  if (entry.body !== undefined) writer.block(10, entry.body)
  if (entry.root.length > 0) writer.block(11, entry.root)
  writer.number(12, entry.length)
  if (entry.signature !== undefined) writer.block(13, entry.signature)
  writer.number(14, entry.format)
}

function depSize(dep: DepRef): number {
  let size = numberSize(dep.author) + numberSize(dep.seq)
  if (dep.epoch !== undefined) size += blockSize(dep.epoch.length)
  if (dep.id.length > 0) size += blockSize(dep.id.length)
  return size
}

function writeDep(writer: FieldWriter, dep: DepRef): void {
  writer.open(8, depSize(dep))
  writer.number(1, dep.author)
  if (dep.epoch !== undefined) writer.block(2, dep.epoch)
  writer.number(3, dep.seq)
  if (dep.id.length > 0) writer.block(4, dep.id)
}

/** The fields of a frame whose type is known to be RUN. Throws `PROTOCOL_ERROR` over a bound, `RangeError` when cut off. */
export function decodeRun(frame: Uint8Array): Run {
  const outer = new FieldReader(frame)
  outer.varint()
  const reader = outer.message()
  const run: Run = { batches: [], proof: [], more: false, large: false, offset: 0, fresh: false, authors: [] }
  while (reader.more) {
    const tag = reader.varint()
    switch (tag) {
      case bytesTag(1):
        run.batches.push(readEntry(reader.message()))
        break
      case bytesTag(2):
        run.proof.push(readEntry(reader.message()))
        break
      case bytesTag(3):
        run.position = readMark(reader.message())
        break
      case numberTag(4):
        run.more = reader.varint() !== 0
        break
      case numberTag(5):
        run.large = reader.varint() !== 0
        break
      case numberTag(6):
        run.offset = reader.varint()
        break
      case numberTag(14):
        run.fresh = reader.varint() !== 0
        break
      case bytesTag(15):
        run.authors.push(reader.block())
        break
      default:
        reader.skip(tag)
    }
    listField(run.batches, PROTOCOL.runBatches, 'batches in a frame')
    listField(run.proof, PROTOCOL.runBatches, 'bare headers in a frame')
    listField(run.authors, PROTOCOL.frameAuthors, 'authors in a frame')
  }
  return run
}

function readEntry(reader: FieldReader): Entry {
  const entry: Entry = {
    author: undefined,
    epoch: undefined,
    seq: 0,
    previous: EMPTY_BYTES,
    ms: 0,
    counter: 0,
    ops: 0,
    deps: [],
    extensions: EMPTY_BYTES,
    body: undefined,
    root: EMPTY_BYTES,
    length: 0,
    signature: undefined,
    format: 0
  }
  while (reader.more) readEntryField(reader, entry, reader.varint())
  return entry
}

function readEntryField(reader: FieldReader, entry: Entry, tag: number): void {
  switch (tag) {
    case numberTag(1):
      entry.author = reader.varint()
      return
    case bytesTag(2):
      entry.epoch = reader.block()
      return
    case numberTag(3):
      entry.seq = reader.varint()
      return
    case bytesTag(4):
      entry.previous = reader.block()
      return
    case numberTag(5):
      entry.ms = reader.varint()
      return
    case numberTag(6):
      entry.counter = reader.varint()
      return
    case numberTag(7):
      entry.ops = reader.varint()
      return
    case bytesTag(8):
      entry.deps.push(readDep(reader.message()))
      listField(entry.deps, FORMAT.deps, 'deps of a header')
      return
    case bytesTag(9):
      entry.extensions = reader.block()
      return
    case bytesTag(10):
      entry.body = reader.block()
      return
    case bytesTag(11):
      entry.root = reader.block()
      return
    case numberTag(12):
      entry.length = reader.varint()
      return
    case bytesTag(13):
      entry.signature = reader.block()
      return
    case numberTag(14):
      entry.format = reader.varint()
      return
    default:
      reader.skip(tag)
  }
}

function readDep(reader: FieldReader): DepRef {
  const dep: DepRef = { author: 0, epoch: undefined, seq: 0, id: EMPTY_BYTES }
  while (reader.more) {
    const tag = reader.varint()
    if (tag === numberTag(1)) dep.author = reader.varint()
    else if (tag === bytesTag(2)) dep.epoch = reader.block()
    else if (tag === numberTag(3)) dep.seq = reader.varint()
    else if (tag === bytesTag(4)) dep.id = reader.block()
    else reader.skip(tag)
  }
  return dep
}

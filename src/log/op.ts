/**
 * The op and the body of a batch: a table of the batches that are overwritten, then the ops. See protocols/batch.md.
 *
 * What an op does to the heads of its key is said by `over` and the bit `head` alone, for every kind, known here or
 * not; so two nodes of different versions never disagree about heads.
 */
import { ByteReader, ByteWriter, equalBytes, FORMAT, fromHex, toHex } from '../base/index.js'
import type { Extension } from './extensions.js'
import { decodeExtensions, encodeExtensions } from './extensions.js'
import type { ShortId } from './ids.js'
import { SHORT_ID_BYTES } from './ids.js'

export const OP_KIND = { put: 1, del: 2 } as const

/** The name of a kind for people, `kind-<n>` where this version does not know it. */
export function kindName(kind: number): string {
  return kind === OP_KIND.put ? 'put' : kind === OP_KIND.del ? 'del' : `kind-${kind}`
}

export const OP_FLAG = {
  /** The op's own version becomes a head of its key. */
  head: 1,
  /** A value follows the key. */
  value: 2
} as const
const KNOWN_FLAGS = OP_FLAG.head | OP_FLAG.value

/** A version that the writer saw and overwrites: of another epoch by batch id, of its own epoch by seq. */
export type OverRef =
  | { readonly batch: ShortId; readonly index: number }
  | { readonly seq: number; readonly index: number }

export interface Op {
  /** 1 to 255; see `OP_KIND`. */
  readonly kind: number
  /** Bits of `OP_FLAG`; the others are zero. */
  readonly flags: number
  readonly key: Uint8Array
  /** Present if and only if bit `value` is set. */
  readonly value?: Uint8Array
  readonly over: readonly OverRef[]
  readonly extensions: readonly Extension[]
}

/** Bytes of the ops' part of a body that `op` takes at most: what a batch is filled by. */
export function opSizeBound(op: Op): number {
  let size = 16 + op.key.length + (op.value?.length ?? 0) + op.over.length * (8 + 5 + SHORT_ID_BYTES)
  for (const extension of op.extensions) size += 16 + extension.value.length
  return size
}

export function encodeBody(ops: readonly Op[]): Uint8Array {
  const table = new Map<ShortId, number>()
  for (const op of ops) {
    for (const ref of op.over) if ('batch' in ref && !table.has(ref.batch)) table.set(ref.batch, table.size)
  }
  const writer = new ByteWriter(Math.min(ops.length * 128 + 64, FORMAT.bodyBytes))
  writer.varint(table.size)
  for (const batch of table.keys()) writer.bytes(fromHex(batch))
  for (const op of ops) encodeOp(writer, op, table)
  return writer.finish()
}

function encodeOp(writer: ByteWriter, op: Op, table: ReadonlyMap<ShortId, number>): void {
  writer.u8(op.kind).u8(op.flags).block(op.key)
  if (op.value !== undefined) writer.block(op.value)
  writer.varint(op.over.length)
  for (const ref of op.over) {
    if ('batch' in ref) writer.varint(table.get(ref.batch)! + 1).varint(ref.index)
    else writer.varint(0).varint(ref.seq).varint(ref.index)
  }
  writer.block(encodeExtensions(op.extensions))
}

/**
 * The ops of a body; keys and values are views on it. Throws `RangeError` when the body breaks the grammar or has not
 * `count` ops: such a batch is applied as one without ops, everywhere.
 */
export function decodeBody(body: Uint8Array, count: number): Op[] {
  const reader = new ByteReader(body)
  const tableSize = reader.varint()
  if (tableSize > FORMAT.batchOps) throw new RangeError(`a table of ${tableSize} batches`)
  const table: ShortId[] = []
  let previous: Uint8Array | undefined
  for (let i = 0; i < tableSize; i++) {
    const id = reader.bytes(SHORT_ID_BYTES)
    if (previous !== undefined && equalBytes(previous, id))
      throw new RangeError('a batch stands twice in the table')
    previous = id
    table.push(toHex(id) as ShortId)
  }
  const ops: Op[] = []
  for (let i = 0; i < count; i++) ops.push(decodeOp(reader, table))
  reader.end()
  return ops
}

function decodeOp(reader: ByteReader, table: readonly ShortId[]): Op {
  const kind = reader.u8()
  const flags = reader.u8()
  if (kind === 0) throw new RangeError('kind 0')
  if ((flags & ~KNOWN_FLAGS) !== 0) throw new RangeError(`reserved flags are set: ${flags}`)
  const hasValue = (flags & OP_FLAG.value) !== 0
  if (kind === OP_KIND.put && !hasValue) throw new RangeError('a put without a value')
  if (kind === OP_KIND.del && hasValue) throw new RangeError('a del with a value')
  const key = reader.block(FORMAT.keyBytes)
  const value = hasValue ? reader.block(FORMAT.bodyBytes) : undefined
  const over = decodeOver(reader, table)
  const block = reader.block(FORMAT.opExtensionBytes)
  const extensions = block.length === 0 ? [] : decodeExtensions(block)
  return value === undefined
    ? { kind, flags, key, over, extensions }
    : { kind, flags, key, value, over, extensions }
}

const NO_OVER: readonly OverRef[] = []

function decodeOver(reader: ByteReader, table: readonly ShortId[]): readonly OverRef[] {
  const count = reader.varint()
  if (count === 0) return NO_OVER
  if (count > FORMAT.over) throw new RangeError(`an op over ${count} versions`)
  const over: OverRef[] = []
  for (let i = 0; i < count; i++) {
    const entry = reader.varint()
    if (entry === 0) {
      const seq = reader.varint()
      over.push({ seq, index: reader.varint() })
    } else {
      const batch = table[entry - 1]
      if (batch === undefined) throw new RangeError(`entry ${entry} of a table of ${table.length}`)
      over.push({ batch, index: reader.varint() })
    }
  }
  return over
}

/**
 * The op and the body of a batch: a table of the batches that are overwritten, then the ops. See protocols/batch.md.
 *
 * What an op does to the heads of its key is said by `over` and the bit `head` alone, for every kind, known here or
 * not; so two nodes of different versions never disagree about heads.
 */
import { ByteReader, ByteWriter, FORMAT, fromHex, toHex } from '../base/index.js'
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

/**
 * The body of a batch. Throws `RangeError` for ops outside the format: every node would apply such a body as empty, so
 * it must never be signed.
 */
export function encodeBody(ops: readonly Op[]): Uint8Array {
  if (ops.length > FORMAT.batchOps) throw new RangeError(`${ops.length} ops in a batch`)
  const table = new Map<ShortId, number>()
  for (const op of ops) {
    for (const ref of op.over) if ('batch' in ref && !table.has(ref.batch)) table.set(ref.batch, table.size)
  }
  let most = 8 + table.size * SHORT_ID_BYTES
  for (const op of ops) most += opSizeBound(op)
  const writer = new ByteWriter(Math.min(most, FORMAT.bodyBytes))
  writer.varint(table.size)
  for (const batch of table.keys()) writer.bytes(fromHex(batch))
  for (const op of ops) encodeOp(writer, op, table)
  if (writer.length > FORMAT.bodyBytes) throw new RangeError(`a body of ${writer.length} bytes`)
  return writer.finish()
}

function encodeOp(writer: ByteWriter, op: Op, table: ReadonlyMap<ShortId, number>): void {
  checkKind(op.kind, op.flags)
  const hasValue = (op.flags & OP_FLAG.value) !== 0
  if (hasValue !== (op.value !== undefined)) throw new RangeError('the flag for a value does not fit the op')
  if (op.key.length > FORMAT.keyBytes) throw new RangeError(`a key of ${op.key.length} bytes`)
  if (op.over.length > FORMAT.over) throw new RangeError(`an op over ${op.over.length} versions`)
  const extensions = encodeExtensions(op.extensions)
  if (extensions.length > FORMAT.opExtensionBytes) throw new RangeError('extension block too long')
  writer.u8(op.kind).u8(op.flags).block(op.key)
  if (op.value !== undefined) writer.block(op.value)
  writer.varint(op.over.length)
  for (const ref of op.over) {
    if ('batch' in ref) writer.varint(table.get(ref.batch)! + 1).varint(ref.index)
    else writer.varint(0).varint(ref.seq).varint(ref.index)
  }
  writer.block(extensions)
}

/** What holds for kind and flags of every op, in bytes and out of them. */
function checkKind(kind: number, flags: number): void {
  if (kind < 1 || kind > 255) throw new RangeError(`kind ${kind}`)
  if ((flags & ~KNOWN_FLAGS) !== 0) throw new RangeError(`reserved flags are set: ${flags}`)
  const hasValue = (flags & OP_FLAG.value) !== 0
  if (kind === OP_KIND.put && !hasValue) throw new RangeError('a put without a value')
  if (kind === OP_KIND.del && hasValue) throw new RangeError('a del with a value')
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
  for (let i = 0; i < tableSize; i++) table.push(toHex(reader.bytes(SHORT_ID_BYTES)) as ShortId)
  if (new Set(table).size !== tableSize) throw new RangeError('a batch stands twice in the table')
  const ops: Op[] = []
  for (let i = 0; i < count; i++) ops.push(decodeOp(reader, table))
  reader.end()
  return ops
}

function decodeOp(reader: ByteReader, table: readonly ShortId[]): Op {
  const kind = reader.u8()
  const flags = reader.u8()
  checkKind(kind, flags)
  const hasValue = (flags & OP_FLAG.value) !== 0
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
      if (seq === 0) throw new RangeError('an op over a version of seq 0')
      over.push({ seq, index: readIndex(reader) })
    } else {
      const batch = table[entry - 1]
      if (batch === undefined) throw new RangeError(`entry ${entry} of a table of ${table.length}`)
      over.push({ batch, index: readIndex(reader) })
    }
  }
  return over
}

function readIndex(reader: ByteReader): number {
  const index = reader.varint()
  if (index >= FORMAT.batchOps) throw new RangeError(`op index ${index}`)
  return index
}

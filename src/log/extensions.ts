/**
 * Extension blocks: (type, length, value) entries behind a header or an op, sorted by type, signed with the rest.
 * A type that is not known is kept and ignored. See protocols/batch.md.
 */
import { ByteReader, ByteWriter, EMPTY_BYTES } from '../base/index.js'

export interface Extension {
  /** 1 to 2^53 − 1, each at most once in a block. */
  readonly type: number
  readonly value: Uint8Array
}

/** Types of op extensions. */
export const OP_EXTENSION = {
  /** The writer's own id for the write: number of the op within it (varint), then the id's UTF-8 bytes. */
  clientId: 1,
  /** As `clientId`, for ids too long for the block: the number, then SHA-256 of the id's bytes. */
  clientIdHash: 2,
  /** The writer's own time in milliseconds (48 bits): kept and shown, never used for order. */
  writerTime: 3
} as const

/** Throws `RangeError` for a type that is repeated or not positive. */
export function encodeExtensions(extensions: readonly Extension[]): Uint8Array {
  if (extensions.length === 0) return EMPTY_BYTES
  const writer = new ByteWriter(64)
  let last = 0
  for (const { type, value } of [...extensions].sort((a, b) => a.type - b.type)) {
    if (type <= last) throw new RangeError(`extension type ${type} stands twice, or is not positive`)
    last = type
    writer.varint(type).block(value)
  }
  return writer.finish()
}

/** Throws `RangeError` for a block that is cut off, unsorted, or repeats a type. */
export function decodeExtensions(block: Uint8Array): Extension[] {
  const extensions: Extension[] = []
  const reader = new ByteReader(block)
  let last = 0
  while (reader.remaining > 0) {
    const type = reader.varint()
    if (type <= last) throw new RangeError('extensions are not sorted by type')
    last = type
    extensions.push({ type, value: reader.block(block.length) })
  }
  return extensions
}

export function findExtension(extensions: readonly Extension[], type: number): Uint8Array | undefined {
  return extensions.find(extension => extension.type === type)?.value
}

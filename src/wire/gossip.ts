/**
 * Gossip messages: a fresh batch, whole, with its author's signature. Implements the gossip part of
 * protocols/sync-ops.md. A hint only: what is too large or unsigned travels by stream.
 */
import type { Hashes } from '../base/index.js'
import { ByteReader, ByteWriter, copyBytes, PROTOCOL } from '../base/index.js'
import type { Batch } from '../log/index.js'
import {
  batchIdOfHeader,
  bodyFits,
  decodeHeader,
  FORMAT_VERSION,
  headerVersion,
  SIGNATURE_BYTES
} from '../log/index.js'
import { decoding, malformed } from './frame.js'

const WHOLE_BATCH = 1
/** A message's own bytes beside header, signature and body: its type and the header's length. */
const MESSAGE_FIELDS_BYTES = 5

/** `undefined` for a batch that is not for gossip: unsigned, or over `PROTOCOL.gossipBatchBytes`. */
export function encodeGossip(batch: Batch): Uint8Array | undefined {
  const { headerBytes, body, signature } = batch
  if (signature === undefined || body.length > PROTOCOL.gossipBatchBytes) return undefined
  const size = MESSAGE_FIELDS_BYTES + headerBytes.length + SIGNATURE_BYTES + body.length
  if (size > PROTOCOL.gossipBytes) return undefined
  return new ByteWriter(size).u8(WHOLE_BATCH).block(headerBytes).bytes(signature).bytes(body).finish()
}

/**
 * The batch of a message, with a body that fits its header; its signature is not checked. `undefined` for a type of
 * message or a format of batch that is not known here. Throws `PROTOCOL_ERROR` for a malformed one.
 */
export function decodeGossip(bytes: Uint8Array, hashes: Hashes): Batch | undefined {
  return decoding('a gossip message', () => {
    if (bytes.length > PROTOCOL.gossipBytes) throw malformed(`a gossip message of ${bytes.length} bytes`)
    const reader = new ByteReader(bytes)
    if (reader.u8() !== WHOLE_BATCH) return undefined
    const headerBytes = copyBytes(reader.block(PROTOCOL.gossipBytes))
    if (headerVersion(headerBytes) !== FORMAT_VERSION) return undefined
    const header = decodeHeader(headerBytes)
    const signature = copyBytes(reader.bytes(SIGNATURE_BYTES))
    const body = copyBytes(reader.bytes(reader.remaining))
    if (body.length > PROTOCOL.gossipBatchBytes) throw malformed(`a body of ${body.length} bytes in gossip`)
    if (!bodyFits(header, body, hashes)) throw malformed('a body that does not fit its header')
    return { header, headerBytes, id: batchIdOfHeader(headerBytes, hashes), body, signature }
  })
}

/** Payloads as bytes: a text, bytes and a JSON value are kept apart, so that each comes back as what it was. */
import { copyBytes, DELIVERY, EMPTY_BYTES, fromUtf8, NatterError, utf8 } from '../base/index.js'

/** The index is how it stands on disk. */
export const PAYLOAD_KINDS = ['none', 'text', 'bytes', 'json'] as const

export interface EncodedPayload {
  readonly kind: (typeof PAYLOAD_KINDS)[number]
  readonly bytes: Uint8Array
}

/** Throws `INVALID_ARGUMENT` or `PAYLOAD_TOO_LARGE`. */
export function encodePayload(payload: unknown): EncodedPayload {
  const encoded = encode(payload)
  if (encoded.bytes.length <= DELIVERY.payloadBytes) return encoded
  throw new NatterError(
    'PAYLOAD_TOO_LARGE',
    `the payload has ${encoded.bytes.length} bytes, at most ${DELIVERY.payloadBytes} are taken`
  )
}

function encode(payload: unknown): EncodedPayload {
  if (payload === undefined) return { kind: 'none', bytes: EMPTY_BYTES }
  // A copy: the caller may change its bytes before they are on disk.
  if (payload instanceof Uint8Array) return { kind: 'bytes', bytes: copyBytes(payload) }
  if (typeof payload === 'string') {
    if (!payload.isWellFormed())
      throw new NatterError('INVALID_ARGUMENT', 'the payload is not well-formed Unicode')
    return { kind: 'text', bytes: utf8(payload) }
  }
  let json: string | undefined
  try {
    json = JSON.stringify(payload)
  } catch (cause) {
    throw new NatterError('INVALID_ARGUMENT', 'the payload is not JSON', { cause })
  }
  if (json === undefined) throw new NatterError('INVALID_ARGUMENT', 'the payload is not JSON')
  return { kind: 'json', bytes: utf8(json) }
}

export function decodePayload({ kind, bytes }: EncodedPayload): unknown {
  switch (kind) {
    case 'none':
      return undefined
    case 'bytes':
      return copyBytes(bytes)
    case 'text':
      return fromUtf8(bytes)
    case 'json':
      return JSON.parse(fromUtf8(bytes))
  }
}

/**
 * An invite: one line that lets a node join. `natter1:` and, in base64url, the network's name, its pre-shared key, some
 * addresses, and a CRC-32 over all of it, so that a mistyped or cut line is told from a wrong key.
 *
 * The line is a secret. The digit in the prefix is the version of the form: another one is no invite of this natter.
 */

import { base64url } from 'multiformats/bases/base64'
import { crc32 } from '../base/crc32.js'
import type { Hashes } from '../base/index.js'
import { ByteReader, ByteWriter, fromUtf8, NatterError, PROTOCOL, utf8 } from '../base/index.js'
import { PSK_BYTES } from './psk.js'

type Checksum = Pick<Hashes, 'crc32'>

export interface InviteContent {
  /** Name of the network, 1 to 128 bytes. */
  readonly network: string
  /** 32 bytes. */
  readonly psk: Uint8Array
  /** Multiaddrs as text, at most 16. */
  readonly addrs: readonly string[]
}

const PREFIX = 'natter1:'
const CRC_BYTES = 4
/** No invite is longer: 16 addresses of 256 bytes, a name and a key. */
const MAX_LINE_LENGTH = 8 * 1024

/** Throws `RangeError` when a part is over its bound. */
export function formatInvite(content: InviteContent, hashes: Checksum = { crc32 }): string {
  const network = utf8(content.network)
  if (network.length === 0 || network.length > PROTOCOL.presenceTextBytes)
    throw new RangeError('network name')
  if (content.psk.length !== PSK_BYTES) throw new RangeError('a pre-shared key has 32 bytes')
  if (content.addrs.length > PROTOCOL.presenceAddrs) throw new RangeError('too many addresses')
  const writer = new ByteWriter().block(network).bytes(content.psk).varint(content.addrs.length)
  for (const addr of content.addrs) {
    const bytes = utf8(addr)
    if (bytes.length > PROTOCOL.presenceAddrBytes) throw new RangeError('an address is too long')
    writer.block(bytes)
  }
  const body = writer.finish().slice()
  const line = new ByteWriter(body.length + CRC_BYTES).bytes(body).u32(hashes.crc32(body))
  return PREFIX + base64url.baseEncode(line.finish())
}

/** Throws `INVALID_INVITE` for anything that `formatInvite` did not make. */
export function parseInvite(line: string, hashes: Checksum = { crc32 }): InviteContent {
  const text = line.trim()
  if (!text.startsWith(PREFIX)) throw invalid(`it does not begin with ${PREFIX}`)
  if (text.length > MAX_LINE_LENGTH) throw invalid('it is too long')
  try {
    const bytes = base64url.baseDecode(text.slice(PREFIX.length))
    const body = bytes.subarray(0, Math.max(0, bytes.length - CRC_BYTES))
    const crc = new ByteReader(bytes.subarray(body.length)).u32()
    if (crc !== hashes.crc32(body)) throw invalid('a part is missing or mistyped')
    return readBody(body)
  } catch (error) {
    if (error instanceof NatterError) throw error
    throw invalid('a part is missing or mistyped', error)
  }
}

function readBody(body: Uint8Array): InviteContent {
  const reader = new ByteReader(body)
  const network = fromUtf8(reader.block(PROTOCOL.presenceTextBytes))
  const psk = reader.bytes(PSK_BYTES).slice()
  const count = reader.varint()
  if (count > PROTOCOL.presenceAddrs) throw invalid('it has too many addresses')
  const addrs: string[] = []
  for (let i = 0; i < count; i++) addrs.push(fromUtf8(reader.block(PROTOCOL.presenceAddrBytes)))
  reader.end()
  if (network.length === 0) throw invalid('it names no network')
  return { network, psk, addrs }
}

function invalid(why: string, cause?: unknown): NatterError {
  return new NatterError('INVALID_INVITE', `not an invite: ${why}`, { cause })
}

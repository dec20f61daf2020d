/**
 * The pre-shared key of a private network: 32 bytes, kept and handed over as the swarm key text of libp2p.
 * A node without it learns that somebody listens, and nothing else (key-watch.ts).
 */
import { fromHex, fromUtf8, NatterError, toHex, utf8 } from '../base/index.js'

export const PSK_BYTES = 32
const HEADER = '/key/swarm/psk/1.0.0/'
const CODEC = '/base16/'

/** The three lines of a `swarm.key` file. */
export function swarmKeyText(psk: Uint8Array): string {
  if (psk.length !== PSK_BYTES) throw new TypeError('a pre-shared key has 32 bytes')
  return `${HEADER}\n${CODEC}\n${toHex(psk)}\n`
}

/** Like `swarmKeyText`, as the bytes that libp2p reads. */
export function swarmKeyBytes(psk: Uint8Array): Uint8Array {
  return utf8(swarmKeyText(psk))
}

/** A key out of a `swarm.key` text, 64 hexadecimal digits, or 32 raw bytes; throws `INVALID_ARGUMENT`. */
export function parsePsk(given: string | Uint8Array): Uint8Array {
  if (typeof given !== 'string') {
    if (given.length === PSK_BYTES) return given
    return parsePsk(textOf(given))
  }
  const lines = given.trim().split(/\s*\r?\n\s*/)
  const digits = lines.length === 1 ? lines[0]! : lines.length === 3 ? lines[2]! : ''
  const headed = lines.length === 1 || (lines[0] === HEADER && lines[1] === CODEC)
  if (!headed || !/^[0-9a-fA-F]{64}$/.test(digits)) throw invalid()
  return fromHex(digits)
}

function textOf(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes)
  } catch {
    throw invalid()
  }
}

function invalid(): NatterError {
  return new NatterError(
    'INVALID_ARGUMENT',
    'not a pre-shared key: a swarm.key text, or 64 hexadecimal digits, is expected'
  )
}

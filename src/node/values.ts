/**
 * Keys and values between the faces and the store: texts are UTF-8, values are JSON, bytes stay as they are.
 * Refuses at the door what the format or this node's limits do not take; replicated ops are never refused here.
 */

import type { CellInfo, Limits, VersionInfo, WriteOp } from '../base/index.js'
import { FORMAT, fromUtf8, NatterError, utf8 } from '../base/index.js'
import type { HybridTime, OpName } from '../log/index.js'
import { formatOpId, formatTime, kindName, OP_KIND, peerIdOf, shortId } from '../log/index.js'
import type { Version } from '../merge/index.js'
import { distinct } from '../merge/index.js'
import type { Cell, LocalOp, LoggedOp } from '../store/index.js'

/** Throws `INVALID_KEY` or `KEY_TOO_LARGE`. */
export function encodeKey(key: unknown): Uint8Array {
  if (key instanceof Uint8Array) return checkKeySize(key)
  if (typeof key !== 'string') throw new NatterError('INVALID_KEY', 'a key must be a text')
  if (key.length === 0) throw new NatterError('INVALID_KEY', 'the key is empty')
  if (!key.isWellFormed()) throw new NatterError('INVALID_KEY', 'the key is not well-formed Unicode')
  return checkKeySize(utf8(key))
}

function checkKeySize(key: Uint8Array): Uint8Array {
  if (key.length <= FORMAT.keyBytes) return key
  throw new NatterError(
    'KEY_TOO_LARGE',
    `the key has ${key.length} bytes, at most ${FORMAT.keyBytes} are taken`
  )
}

const lossyDecoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** A key as text; bytes that are not UTF-8 show as U+FFFD. */
export function keyText(key: Uint8Array): string {
  return lossyDecoder.decode(key)
}

/** JSON of any value but null and undefined, or the bytes themselves. Throws `INVALID_VALUE` or `VALUE_TOO_LARGE`. */
export function encodeValue(value: unknown, limits: Limits): Uint8Array {
  const bytes = value instanceof Uint8Array ? value : utf8(toJson(value))
  if (bytes.length <= limits.valueBytes) return bytes
  throw new NatterError(
    'VALUE_TOO_LARGE',
    `the value has ${bytes.length} bytes, at most ${limits.valueBytes} are taken`
  )
}

function toJson(value: unknown): string {
  if (value === null || value === undefined) {
    throw new NatterError('INVALID_VALUE', value === null ? 'null is not a value' : 'the value is missing')
  }
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw new NatterError('INVALID_VALUE', 'the value is not JSON', { cause })
  }
  if (text === undefined || text === 'null') throw new NatterError('INVALID_VALUE', 'the value is not JSON')
  return text
}

/** The value that bytes stand for; where they are not JSON, null and their base64. */
export function decodeValue(bytes: Uint8Array): { value: unknown; valueBase64?: string } {
  try {
    return { value: JSON.parse(fromUtf8(bytes)) }
  } catch {
    return { value: null, valueBase64: toBase64(bytes) }
  }
}

/** Characters handed to one call of `String.fromCharCode`: engines bound the number of arguments. */
const BASE64_PIECE = 8192

function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let i = 0; i < bytes.length; i += BASE64_PIECE) {
    binary += String.fromCharCode(...bytes.subarray(i, i + BASE64_PIECE))
  }
  return btoa(binary)
}

/** Throws for what cannot be written; nothing is written then. */
export function toLocalOp(op: WriteOp, limits: Limits, writerTimeMs?: number): LocalOp {
  if (typeof op !== 'object' || op === null)
    throw new NatterError('INVALID_ARGUMENT', 'an op must be an object')
  const key = encodeKey(op.key)
  const time = writerTimeMs === undefined ? {} : { writerTimeMs }
  if (op.type === 'put') return { kind: OP_KIND.put, key, value: encodeValue(op.value, limits), ...time }
  if (op.type === 'del') return { kind: OP_KIND.del, key, ...time }
  throw new NatterError(
    'INVALID_ARGUMENT',
    `an op is of type put or del, not ${JSON.stringify(op.type) ?? 'missing'}`
  )
}

/** ISO text of a hybrid time. */
export function timeText(time: HybridTime): string {
  return new Date(Math.min(time.ms, 8.64e15)).toISOString()
}

/** A version, or an op of the history, as it is shown; `winner` is what a read of the key shows now. */
export function versionInfo(
  version: Version | LoggedOp,
  winner: Version | undefined,
  tsMs = 'name' in version ? version.writerTimeMs : undefined
): VersionInfo {
  const name: OpName = 'name' in version ? version.name : version
  const id = 'name' in version ? shortId(version.batch) : version.id
  const shown = {
    opId: formatOpId(name),
    kind: kindName(version.kind),
    at: timeText(version.time),
    hlc: formatTime(version.time),
    author: peerIdOf(name.author),
    winner: winner !== undefined && winner.id === id && winner.index === name.index,
    ...(tsMs !== undefined && { tsMs })
  }
  return version.value === undefined ? shown : { ...shown, ...decodeValue(version.value) }
}

/** What a present key is at. */
export function cellInfo(key: Uint8Array, cell: Cell & { readonly winner: Version }): CellInfo {
  return {
    key: keyText(key),
    ...decodeValue(cell.winner.value ?? NO_VALUE),
    opId: formatOpId(cell.winner),
    at: timeText(cell.winner.time),
    conflicts: distinct(cell.heads).length - 1
  }
}

const NO_VALUE = new Uint8Array(0)

/** Whether a read of the key shows a value. */
export function isPresent(cell: Cell | undefined): cell is Cell & { readonly winner: Version } {
  return cell?.winner?.value !== undefined
}

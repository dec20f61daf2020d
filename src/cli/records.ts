/**
 * Records of an import: lines of a stream, split on bytes so that a record may span reads, each checked by itself.
 * Keeps: an error names the line. Leaves to the node: whether it takes the key and the value.
 */
import { messageOf, NatterError } from '../base/index.js'

export interface ImportRecord {
  /** Counted from 1, blank lines included. */
  line: number
  key: string
  /** The op of `POST /batch`, as JSON. */
  json: string
  /** Bytes read from the stream up to the end of this line. */
  offset: number
}

/** Bytes of one line: a record over the body limit of a batch could not be sent anyway. */
const MAX_LINE_BYTES = 8 * 1024 * 1024
const NEWLINE = 0x0a

/** `keyField`: each line is a whole object, stored under what that field holds. Throws `INVALID_RECORD`. */
export async function* readRecords(
  chunks: AsyncIterable<Uint8Array>,
  keyField: string | undefined
): AsyncGenerator<ImportRecord> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let line = 0
  let offset = 0
  for await (const bytes of splitLines(chunks)) {
    line++
    offset += bytes.length + 1
    if (bytes.length > MAX_LINE_BYTES) throw bad(line, `it is longer than ${MAX_LINE_BYTES} bytes`)
    let text: string
    try {
      text = decoder.decode(bytes).trim()
    } catch {
      throw bad(line, 'it is not UTF-8')
    }
    if (text !== '') yield { line, offset, ...readRecord(text, line, keyField) }
  }
}

async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array[] = []
  let restLength = 0
  for await (const chunk of chunks) {
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      const tail = chunk.subarray(from, at)
      yield rest.length === 0 ? tail : Buffer.concat([...rest, tail])
      rest = []
      restLength = 0
      from = at + 1
    }
    rest.push(chunk.subarray(from))
    restLength += chunk.length - from
    if (restLength > MAX_LINE_BYTES) break // the caller says which line; more of it need not be read
  }
  if (restLength > 0) yield Buffer.concat(rest)
}

function readRecord(text: string, line: number, keyField: string | undefined): { key: string; json: string } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw bad(line, `it is not JSON (${messageOf(error)})`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw bad(line, 'it is no JSON object')
  if (keyField === undefined) return plainRecord(value, line)
  if (!Object.hasOwn(value, keyField)) throw bad(line, `it has no field ${keyField}`)
  const key = (value as Record<string, unknown>)[keyField]
  if (typeof key !== 'string' && typeof key !== 'number')
    throw bad(line, `its field ${keyField} is no text or number`)
  if (key === '') throw bad(line, `its field ${keyField} is empty`)
  return { key: String(key), json: `{"type":"put","key":${JSON.stringify(String(key))},"value":${text}}` }
}

function plainRecord(record: object, line: number): { key: string; json: string } {
  const { key, value, ...others } = record as Record<string, unknown>
  const unknown = Object.keys(others)[0]
  if (unknown === 'value_base64') throw bad(line, 'it is bytes, which only the library can write')
  if (typeof key !== 'string') throw bad(line, 'its key is no text')
  if (key === '') throw bad(line, 'its key is empty')
  if (unknown !== undefined)
    throw bad(line, `it has an unknown field: ${unknown}`, 'Store whole objects with --key FIELD.')
  if (value === undefined) throw bad(line, 'it has no value')
  if (value === null) throw bad(line, 'null is not a value')
  return { key, json: JSON.stringify({ type: 'put', key, value }) }
}

function bad(line: number, why: string, remedy?: string): NatterError {
  return new NatterError('INVALID_RECORD', `line ${line}: ${why}`, {
    details: { line },
    ...(remedy === undefined ? {} : { remedy })
  })
}

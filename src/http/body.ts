/**
 * Request bodies: read within the limit, parsed as JSON whatever the content type says, and taken apart by field.
 *
 * What a client sent is stored as sent: an own property named `__proto__` stays one, because bodies are only ever
 * looked at by `Object.hasOwn` and never merged into anything.
 */
import type { IncomingMessage } from 'node:http'
import { HTTP, NatterError } from '../base/index.js'

const decoder = new TextDecoder('utf-8', { fatal: true })

/** `BODY_TOO_LARGE` as soon as it is certain; the rest is then left unread. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLarge = () =>
    new NatterError('BODY_TOO_LARGE', `the body is larger than ${maxBytes} bytes, which this node takes`)
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
  const chunks: Buffer[] = []
  let length = 0
  await new Promise<void>((resolve, reject) => {
    const take = (chunk: Buffer) => {
      length += chunk.length
      if (length <= maxBytes) return chunks.push(chunk)
      request.removeListener('data', take)
      return reject(tooLarge())
    }
    request.on('data', take)
    request.once('end', resolve)
    request.once('close', () => reject(new NatterError('ABORTED', 'the client went away')))
    request.once('error', error =>
      reject(new NatterError('ABORTED', 'the client went away', { cause: error }))
    )
  })
  return Buffer.concat(chunks, length)
}

/** `INVALID_JSON` for anything that is not JSON, is nested too deep, or holds a number that is none in JavaScript. */
export function parseJson(bytes: Uint8Array): unknown {
  let value: unknown
  try {
    value = JSON.parse(decoder.decode(bytes))
  } catch (cause) {
    const reason = bytes.length === 0 ? 'it is empty' : 'it does not parse'
    throw new NatterError('INVALID_JSON', `the body is not JSON: ${reason}`, { cause })
  }
  check(value, HTTP.jsonDepth)
  return value
}

function check(value: unknown, levels: number): void {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new NatterError('INVALID_JSON', 'the body holds a number that is out of range', {
      remedy: 'Send numbers that a 64-bit float can hold, or strings.'
    })
  }
  if (typeof value !== 'object' || value === null) return
  if (levels === 0) {
    throw new NatterError('INVALID_JSON', `the body is nested deeper than ${HTTP.jsonDepth} levels`, {
      remedy: 'Send flatter values.'
    })
  }
  for (const part of Array.isArray(value) ? value : Object.values(value)) check(part, levels - 1)
}

/** The fields of a JSON object, each read once by its type. */
export class Fields {
  readonly #values: object

  constructor(values: object) {
    this.#values = values
  }

  /** `INVALID_ARGUMENT` when `body` is no object, or has fields that are not in `known`. */
  static of(body: unknown, known: readonly string[] | undefined): Fields {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw new NatterError('INVALID_ARGUMENT', 'the body must be a JSON object')
    }
    for (const name of known === undefined ? [] : Object.keys(body)) {
      if (known?.includes(name) !== true) {
        throw new NatterError('INVALID_ARGUMENT', `unknown field in the body: ${name.slice(0, 80)}`, {
          remedy: known?.length === 0 ? 'This route takes an empty object.' : `Fields: ${known?.join(', ')}.`
        })
      }
    }
    return new Fields(body)
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#values, name)
  }

  get(name: string): unknown {
    return this.has(name) ? (this.#values as Record<string, unknown>)[name] : undefined
  }

  /** A text that must be there and not be empty. */
  text(name: string): string {
    const value = this.get(name)
    if (typeof value === 'string' && value !== '' && value.isWellFormed()) return value
    throw new NatterError('INVALID_ARGUMENT', `${name} must be a text`)
  }

  list(name: string): readonly unknown[] {
    const value = this.get(name)
    if (Array.isArray(value)) return value
    throw new NatterError('INVALID_ARGUMENT', `${name} must be a list`)
  }

  optional<T>(name: string, read: (value: unknown, name: string) => T): T | undefined {
    return this.has(name) ? read(this.get(name), name) : undefined
  }
}

export function asBoolean(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value
  throw new NatterError('INVALID_ARGUMENT', `${name} must be true or false`)
}

export function asText(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw new NatterError('INVALID_ARGUMENT', `${name} must be a text`)
}

export function asCount(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 9999) return value
  throw new NatterError('INVALID_ARGUMENT', `${name} must be a whole number from 0 to 9999`)
}

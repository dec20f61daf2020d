/**
 * Query parameters: what each may be, how its text is read, and its line in `/openapi.json`.
 *
 * Every parameter stands in the table of its route. One that does not is refused, and so is one that is given twice:
 * a parameter that is silently ignored is a mistake nobody sees.
 */
import { type AckTarget, HTTP, NatterError } from '../base/index.js'
import type { Schema } from './schemas.js'

export interface Param<T> {
  readonly schema: Schema
  readonly description: string
  /** `INVALID_ARGUMENT` for a text that does not fit. */
  parse(text: string, name: string): T
  /** Where the parameter is not given. */
  readonly fallback: T
}

function invalid(name: string, expected: string): NatterError {
  return new NatterError('INVALID_ARGUMENT', `${name} must be ${expected}`)
}

export function textParam(description: string): Param<string | undefined> {
  return { schema: { type: 'string' }, description, parse: text => text, fallback: undefined }
}

/** `?reverse`, `?reverse=true`, `?reverse=1`, and their opposites. */
export function flagParam(description: string): Param<boolean> {
  return {
    schema: { type: 'boolean', default: false },
    description,
    parse(text, name) {
      if (text === '' || text === 'true' || text === '1') return true
      if (text === 'false' || text === '0') return false
      throw invalid(name, 'true or false')
    },
    fallback: false
  }
}

export function integerParam(description: string, min: number, max: number): Param<number | undefined> {
  return {
    schema: { type: 'integer', minimum: min, maximum: max },
    description,
    parse: (text, name) => parseInteger(text, name, min, max),
    fallback: undefined
  }
}

/** Items of a page. */
export function limitParam(description = 'How many items a page holds at most.'): Param<number> {
  return {
    schema: { type: 'integer', minimum: 1, maximum: HTTP.pageItemsMax, default: HTTP.pageItems },
    description,
    parse: (text, name) => parseInteger(text, name, 1, HTTP.pageItemsMax),
    fallback: HTTP.pageItems
  }
}

export const ackParam: Param<AckTarget> = {
  schema: { type: 'string', pattern: '^(local|all|[0-9]{1,4})$', default: 'local' },
  description:
    'How many other nodes must have the write on disk before the answer: local (none), a number, or all that are known.',
  parse: parseAck,
  fallback: 'local'
}

export const waitParam: Param<number | undefined> = {
  schema: { type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?(ms|s|m|h)?$', default: '30s' },
  description:
    'How long the ack target is waited for, such as 5s, 500ms or 1m; a bare number is milliseconds.',
  parse: parseDuration,
  fallback: undefined
}

function parseInteger(text: string, name: string, min: number, max: number): number {
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) throw invalid(name, `a whole number from ${min} to ${max}`)
  return value
}

export function parseAck(given: unknown, name: string): AckTarget {
  if (given === 'local' || given === 'all') return given
  const number = typeof given === 'string' && /^[0-9]{1,4}$/.test(given) ? Number(given) : given
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= 9999) return number
  throw invalid(name, 'local, all, or a number of nodes')
}

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

/** `'5s'`, `'500ms'`, `'1.5m'`, `'250'` or a number of milliseconds, up to an hour. */
export function parseDuration(given: unknown, name: string): number {
  const match = typeof given === 'string' ? /^([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h)?$/.exec(given) : null
  const ms =
    typeof given === 'number'
      ? given
      : match === null
        ? Number.NaN
        : Number(match[1]) * UNIT_MS[(match[2] ?? 'ms') as keyof typeof UNIT_MS]
  if (!(ms >= 0 && ms <= HTTP.waitMs)) throw invalid(name, 'a duration such as 5s or 500ms, up to 1h')
  return Math.round(ms)
}

/** The values of a raw query string by the parameters that a route knows. */
export function parseQuery(
  raw: string,
  params: Readonly<Record<string, Param<unknown>>>
): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [name, param] of Object.entries(params)) values[name] = param.fallback
  const seen = new Set<string>()
  for (const pair of raw.split('&')) {
    if (pair === '') continue
    const at = pair.indexOf('=')
    const name = decode(at < 0 ? pair : pair.slice(0, at))
    const param = Object.hasOwn(params, name) ? params[name] : undefined
    if (param === undefined) {
      const known = Object.keys(params)
      throw new NatterError('UNKNOWN_PARAMETER', `unknown query parameter: ${name.slice(0, 80)}`, {
        remedy: known.length === 0 ? 'This route takes none.' : `This route takes ${known.join(', ')}.`
      })
    }
    if (seen.has(name)) throw new NatterError('INVALID_ARGUMENT', `${name} is given twice`)
    seen.add(name)
    values[name] = param.parse(at < 0 ? '' : decode(pair.slice(at + 1)), name)
  }
  return values
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new NatterError('INVALID_ARGUMENT', 'the query string is not valid percent-encoded UTF-8')
  }
}

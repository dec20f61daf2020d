/**
 * Errors as answers: `{ ok: false, error, code, remedy? }` with the fields of RFC 9457 beside them.
 *
 * Status, title and remedy come from the one table in `base/errors.ts`. What was not thrown by intention is told as
 * INTERNAL without its text, which may name files; the log gets the whole.
 */
import type { ErrorCode } from '../base/index.js'
import { ERRORS, type ErrorRow, isNatterError, NatterError } from '../base/index.js'

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

export interface Problem {
  readonly ok: false
  readonly error: string
  readonly code: ErrorCode
  readonly remedy?: string
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly details?: Readonly<Record<string, unknown>>
}

/** Anything that was thrown, as an error of the table. */
export function asNatterError(thrown: unknown): NatterError {
  if (isNatterError(thrown)) return thrown
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined
  if (code === 'LEVEL_DATABASE_NOT_OPEN' || code === 'LEVEL_ITERATOR_NOT_OPEN') {
    return new NatterError('NOT_READY', 'the node is stopping', { cause: thrown })
  }
  return new NatterError('INTERNAL', 'a fault in natter; the log of the node tells more', { cause: thrown })
}

export function problemOf(error: NatterError): Problem {
  const row = error.row
  return {
    ok: false,
    error: error.message,
    code: error.code,
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
    type: `urn:natter:error:${error.code}`,
    title: row.title,
    status: row.status,
    detail: error.message,
    ...(Object.keys(error.details).length === 0 ? {} : { details: error.details })
  }
}

/** Headers that belong to a code: when to come back, and how to say who one is. */
export function problemHeaders(error: NatterError): Record<string, string> {
  const headers: Record<string, string> = {}
  const row: ErrorRow = ERRORS[error.code]
  if (row.status === 503 || row.status === 507) headers['retry-after'] = '1'
  if (error.code === 'UNAUTHORIZED') headers['www-authenticate'] = 'Bearer realm="natter"'
  const allow = error.details['allow']
  if (error.code === 'METHOD_NOT_ALLOWED' && Array.isArray(allow)) headers['allow'] = allow.join(', ')
  return headers
}

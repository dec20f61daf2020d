/** The error that carries a code of the table, and what can be said of anything that was thrown. */
import type { ErrorCode, ErrorRow } from './errors.js'
import { ERRORS } from './errors.js'

export interface NatterErrorInit {
  /** Instead of the remedy of the table. */
  remedy?: string
  cause?: unknown
  /** Machine-readable particulars, such as the line of a bad record. */
  details?: Readonly<Record<string, unknown>>
}

/** Every error that natter throws by intention. */
export class NatterError extends Error {
  override readonly name = 'NatterError'
  readonly code: ErrorCode
  readonly remedy: string | undefined
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, init: NatterErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause })
    this.code = code
    const row: ErrorRow = ERRORS[code]
    this.remedy = init.remedy ?? row.remedy
    this.details = init.details ?? {}
  }

  /** The row of the table for this error's code. */
  get row(): ErrorRow {
    return ERRORS[this.code]
  }
}

export function isNatterError(error: unknown, code?: ErrorCode): error is NatterError {
  return error instanceof NatterError && (code === undefined || error.code === code)
}

/** One sentence about anything that was thrown, including the bare events that stream libraries reject with. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message
  if (typeof thrown === 'object' && thrown !== null && 'error' in thrown) return messageOf(thrown.error)
  return thrown === undefined ? 'no reason was given' : String(thrown)
}

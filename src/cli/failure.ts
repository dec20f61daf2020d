/**
 * What a command says and answers when it fails: one sentence, what to do next, and the exit code of the error table.
 *
 * With `--json` the same as one JSON document on stderr, in the shape of an HTTP error.
 */

import type { ErrorCode, ErrorRow } from '../base/index.js'
import { ERRORS, messageOf, NatterError } from '../base/index.js'
import { RemoteError } from './client.js'
import { tooFewFiles } from './open-files.js'

export interface Failure {
  exit: number
  /** As an HTTP error body. */
  body: Readonly<Record<string, unknown>>
}

/** What a command knows better than the table: the remedy for a code, ending with the whole next command. */
export type Remedies = Partial<Record<ErrorCode, string>>

/** Exit codes for a status of a code that this version does not know: a newer node may answer here. */
function exitOfStatus(status: number): number {
  if (status === 404 || status === 410) return 4
  if (status === 412) return 6
  if (status === 401 || status === 403) return 7
  if (status === 503 || status >= 500) return 1
  return 2
}

function rowOf(code: string | undefined): ErrorRow | undefined {
  return code !== undefined && Object.hasOwn(ERRORS, code) ? ERRORS[code as ErrorCode] : undefined
}

/** `command` is the name of the command that failed, for the pointer to its help. */
export function failureOf(thrown: unknown, command: string | undefined, remedies: Remedies = {}): Failure {
  if (thrown instanceof RemoteError) {
    const row = rowOf(thrown.code)
    const exit = row?.exit ?? exitOfStatus(thrown.status)
    const remedy = remedies[thrown.code as ErrorCode] ?? thrown.body['remedy'] ?? helpFor(exit, command)
    return { exit, body: remedy === undefined ? thrown.body : { ...thrown.body, remedy } }
  }
  const error = asNatterError(thrown)
  const { status, exit, title } = error.row
  const remedy = remedies[error.code] ?? error.remedy ?? helpFor(exit, command)
  return {
    exit,
    body: {
      ok: false,
      error: error.message,
      code: error.code,
      ...(remedy === undefined ? {} : { remedy }),
      type: `urn:natter:error:${error.code}`,
      title,
      status,
      detail: error.message,
      ...(Object.keys(error.details).length === 0 ? {} : { details: error.details })
    }
  }
}

function helpFor(exit: number, command: string | undefined): string | undefined {
  return exit === 2 ? `See: natter ${command === undefined ? '' : `${command} `}--help` : undefined
}

function asNatterError(thrown: unknown): NatterError {
  if (thrown instanceof NatterError && thrown.code !== 'INTERNAL') return thrown
  const lack = tooFewFiles(thrown)
  if (lack !== undefined) return new NatterError('TOO_FEW_FILES', lack, { cause: thrown })
  if (thrown instanceof NatterError) return thrown
  // The library answers a wrong option, which here came from a flag, a variable or the config file, with a TypeError.
  if (thrown instanceof TypeError)
    return new NatterError('INVALID_ARGUMENT', thrown.message, { cause: thrown })
  return new NatterError('INTERNAL', messageOf(thrown), { cause: thrown })
}

/** The lines for people. */
export function describeFailure({ body }: Failure): string {
  const sentence = String(body['error']).trimEnd()
  const remedy = typeof body['remedy'] === 'string' ? `\n${body['remedy']}` : ''
  return `natter: ${/[.!?]$/.test(sentence) ? sentence : `${sentence}.`}${remedy}`
}

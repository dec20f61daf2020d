/**
 * What every command gets: its settings, where it writes, the client, and the signal that ends it.
 *
 * Ctrl-C and the deadline reach a command through `signal`, whose reason is the error that it then fails with. Only a
 * command that asks for the signal (or the client) is stopped so: `up` and `cluster` stop in their own order.
 */

import type { ErrorCode } from '../base/index.js'
import { NatterError } from '../base/index.js'
import { Client } from './client.js'
import { parseDuration } from './duration.js'
import type { Remedies } from './failure.js'
import type { Output } from './output.js'
import type { Settings } from './settings.js'

const DEFAULT_API = 'http://127.0.0.1:7070'
/** Milliseconds that a node gets beyond the deadline it was told, to say itself that it was missed. */
const GRACE_MS = 2_000

export class Context {
  readonly settings: Settings
  readonly out: Output
  /** Milliseconds of `--timeout`. */
  readonly timeoutMs: number | undefined
  readonly remedies: Remedies = {}
  #client: Client | undefined
  #signal: AbortSignal | undefined
  /** The exit code of a command that did its work and still has something to say, such as a missed target. */
  exit = 0

  constructor(settings: Settings, out: Output) {
    this.settings = settings
    this.out = out
    this.timeoutMs = settings.timeout === undefined ? undefined : parseDuration(settings.timeout, '--timeout')
  }

  get signal(): AbortSignal {
    this.#signal ??= this.#watchInterrupt(0)
    return this.#signal
  }

  get client(): Client {
    this.#client ??= this.#connect(this.signal)
    return this.#client
  }

  /** The client of a command that tells the node its deadline: the node answers first. */
  get patientClient(): Client {
    this.#signal ??= this.#watchInterrupt(GRACE_MS)
    return this.client
  }

  /** What to do about an error that this command may meet. */
  advise(code: ErrorCode, remedy: string): void {
    this.remedies[code] = remedy
  }

  close(): void {
    this.#client?.close()
  }

  #connect(signal: AbortSignal): Client {
    const { api = DEFAULT_API, tokenFile } = this.settings
    return new Client({ api, tokenFile, signal, trace: this.out.verbosity > 0 ? this.out.trace : undefined })
  }

  #watchInterrupt(graceMs: number): AbortSignal {
    const controller = new AbortController()
    process.once('SIGINT', () => controller.abort(new NatterError('ABORTED', 'interrupted')))
    const { timeoutMs } = this
    if (timeoutMs !== undefined) {
      const late = () =>
        controller.abort(
          new NatterError('TIMEOUT', `no answer within ${this.settings.timeout}`, {
            remedy: 'Give it longer, for example: --timeout 60s'
          })
        )
      setTimeout(late, timeoutMs + graceMs).unref()
    }
    return controller.signal
  }
}

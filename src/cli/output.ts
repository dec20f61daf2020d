/** Where a command writes: results to stdout, everything about them to stderr, colours only on a terminal that wants them. */

export interface OutputInit {
  json: boolean
  quiet: boolean
  verbosity: number
  color: boolean
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const
export type Color = keyof typeof CODES

export class Output {
  readonly json: boolean
  readonly verbosity: number
  readonly #quiet: boolean
  readonly #color: boolean

  constructor(init: OutputInit) {
    this.json = init.json
    this.verbosity = init.verbosity
    this.#quiet = init.quiet
    this.#color = init.color
  }

  /** A line of the result. Resolves when stdout takes more. */
  async line(text: string): Promise<void> {
    await this.bytes(`${text}\n`)
  }

  async bytes(data: string | Uint8Array): Promise<void> {
    if (!process.stdout.write(data)) await new Promise(resolve => process.stdout.once('drain', resolve))
  }

  /** The result: the body as one line of JSON with `--json`, otherwise what `human` makes of it. */
  async result<T>(body: T, human: (body: T) => string): Promise<void> {
    const text = this.json ? JSON.stringify(body) : human(body)
    if (text !== '') await this.line(text)
  }

  /** Something beside the result, for people: not with `-q`, and not with `--json`. */
  note(text: string): void {
    if (!this.#quiet && !this.json) process.stderr.write(`${text}\n`)
  }

  /** One line about what happens, for `-v`. */
  trace = (text: string): void => {
    if (this.verbosity > 0) process.stderr.write(`${text}\n`)
  }

  paint(color: Color, text: string): string {
    return this.#color ? `\u001b[${CODES[color]}m${text}\u001b[0m` : text
  }

  /** Whether a progress bar has a terminal to move on, and nobody asked for silence. */
  get progress(): boolean {
    return process.stderr.isTTY === true && !this.#quiet && !this.json
  }
}

/** Whether stdout takes colours: a terminal, and nobody said no (https://no-color.org). */
export function wantsColor(flag: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  return flag && process.stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
}

/** One line per thing that happened, hashed as it comes: equal hashes are equal runs. */
import { createHash } from 'node:crypto'

/** Lines that are kept for people unless all are asked for. */
const keptLines = 400

export class Trace {
  readonly #hash = createHash('sha256')
  readonly #lines: string[] = []
  readonly #all: boolean
  count = 0

  constructor(all: boolean) {
    this.#all = all
  }

  add(line: string): void {
    this.count++
    this.#hash.update(line).update('\n')
    this.#lines.push(line)
    if (!this.#all && this.#lines.length > 2 * keptLines) this.#lines.splice(0, keptLines)
  }

  /** The newest lines, or all. */
  lines(): readonly string[] {
    return this.#all ? this.#lines : this.#lines.slice(-keptLines)
  }

  /** 16 hex digits over all lines so far. */
  hash(): string {
    return this.#hash.copy().digest('hex').slice(0, 16)
  }
}

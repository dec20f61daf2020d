/** One line per thing that happened, hashed as it comes: equal hashes are equal runs. */
import { createHash } from 'node:crypto'

/** Lines that are kept for people unless all are asked for. */
const keptLines = 400
/** Characters that are hashed in one call. */
const hashedAtOnce = 8_192

export class Trace {
  readonly #hash = createHash('sha256')
  readonly #lines: string[] = []
  readonly #all: boolean
  count = 0
  #unhashed = ''

  constructor(all: boolean) {
    this.#all = all
  }

  add(line: string): void {
    this.count++
    this.#unhashed += `${line}\n`
    if (this.#unhashed.length > hashedAtOnce) this.#flush()
    this.#lines.push(line)
    if (!this.#all && this.#lines.length > 2 * keptLines) this.#lines.splice(0, keptLines)
  }

  #flush(): void {
    this.#hash.update(this.#unhashed)
    this.#unhashed = ''
  }

  /** The newest lines, or all. */
  lines(): readonly string[] {
    return this.#all ? this.#lines : this.#lines.slice(-keptLines)
  }

  /** 16 hex digits over all lines so far. */
  hash(): string {
    this.#flush()
    return this.#hash.copy().digest('hex').slice(0, 16)
  }
}

/** A rate for each of many: so many at once, and so many a second. Remembers a bounded number of names; the oldest goes. */

export interface RateInit {
  readonly perSecond: number
  readonly burst: number
  /** Names that are remembered. */
  readonly most: number
}

export class Rates<Name> {
  readonly #init: RateInit
  readonly #tokens = new Map<Name, { tokens: number; atMs: number }>()

  constructor(init: RateInit) {
    this.#init = init
  }

  /** Takes one; false when `name` has none left. */
  take(name: Name, nowMs: number): boolean {
    const { perSecond, burst, most } = this.#init
    const known = this.#tokens.get(name) ?? { tokens: burst, atMs: nowMs }
    const passedMs = Math.max(0, nowMs - known.atMs)
    const tokens = Math.min(burst, known.tokens + (passedMs * perSecond) / 1000)
    // Deleted first, so that the order of the map is the order of use.
    this.#tokens.delete(name)
    this.#tokens.set(name, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: nowMs })
    if (this.#tokens.size > most) this.#tokens.delete(this.#tokens.keys().next().value!)
    return tokens >= 1
  }
}

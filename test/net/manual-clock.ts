/** A clock that a test moves. Timers run in order of their time when `advance` passes them. */
import type { Clock, Timer } from '../../src/base/index.js'

export class ManualClock implements Clock {
  #nowMs: number
  readonly #timers = new Set<{ atMs: number; run: () => void }>()

  constructor(nowMs = 1_000_000) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs
  }

  schedule(delayMs: number, run: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, run }
    this.#timers.add(timer)
    return { cancel: () => this.#timers.delete(timer) }
  }

  /** Moves on by `ms`; what the timers started has settled when this resolves. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    for (;;) {
      const due = [...this.#timers].filter(timer => timer.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      this.#timers.delete(due)
      this.#nowMs = Math.max(this.#nowMs, due.atMs)
      due.run()
      await settled()
    }
    this.#nowMs = endMs
    await settled()
  }
}

/** After all microtasks that are under way. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** A clock that stands until the test moves it. */
import type { Clock, Timer } from '../../src/base/index.js'

export class ManualClock implements Clock {
  #nowMs = 1_700_000_000_000
  #timers: { atMs: number; run: () => void }[] = []

  now(): number {
    return this.#nowMs
  }

  /** Delays of the timers that are set, in milliseconds from now. */
  get pending(): number[] {
    return this.#timers.map(timer => timer.atMs - this.#nowMs)
  }

  schedule(delayMs: number, run: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, run }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter(other => other !== timer)
      }
    }
  }

  /** Moves the time and runs the timers that are due then. */
  advance(ms: number): void {
    this.#nowMs += ms
    const due = this.#timers.filter(timer => timer.atMs <= this.#nowMs)
    this.#timers = this.#timers.filter(timer => timer.atMs > this.#nowMs)
    for (const timer of due) timer.run()
  }
}

/** Time that never goes back, for timeouts: a wall clock that is set back would hold every timer up. */
import type { Clock } from '../base/index.js'

export class Monotonic {
  readonly #clock: Clock
  #last: number
  #ahead = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#last = clock.now()
  }

  now(): number {
    const wall = this.#clock.now()
    if (wall + this.#ahead < this.#last) this.#ahead = this.#last - wall
    this.#last = wall + this.#ahead
    return this.#last
  }

  /** The wall clock's time for one of this clock. */
  wall(atMs: number): number {
    return atMs === 0 ? 0 : atMs - this.#ahead
  }
}

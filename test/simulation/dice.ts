/** Everything that is left to chance in a run: numbers that follow from the seed, one stream of them per purpose. */
import type { Random } from '../../src/base/index.js'
import { Seeded } from '../log/fixtures.js'

export class Dice extends Seeded implements Random {
  /** A further stream, so that what one part draws does not shift what another gets. */
  split(): Dice {
    return new Dice(this.below(2 ** 32))
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  /** A number from `from` up to, not including, `to`. */
  between(from: number, to: number): number {
    return from + this.fraction() * (to - from)
  }

  /** An integer from `from` to `to`, both included. */
  whole(from: number, to: number): number {
    return from + this.below(to - from + 1)
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.below(list.length)]
    if (item === undefined) throw new TypeError('nothing to pick from')
    return item
  }

  /** A time to the next of events that come at random, once in `meanMs` on average. */
  gap(meanMs: number): number {
    return -Math.log(1 - this.fraction()) * meanMs
  }
}

/** The checkers of a run, one property each. */
import type { Checker } from '../world.js'

export function createCheckers(): Checker[] {
  return []
}

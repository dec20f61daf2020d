/**
 * How a figure grows with the ops in the database: the exponent of the power that fits the points best, and what it
 * may be. One that grows faster is a defect of the design, whatever the machine.
 */
import { formatSize } from './harness.js'
import type { Figure, Line } from './line.js'
import { tidy } from './line.js'

export interface Point {
  size: number
  value: number
}

/** Rates may fall by less than 20 % over two powers of ten. */
const RATE = { atLeast: Math.log10(0.8) / 2, says: 'a rate may fall by 20 % from 10^4 to 10^6' }
/** A tenth more for ten times the ops. */
const MEMORY = { atMost: Math.log10(1.1), says: 'it may grow by 10 % for ten times the ops' }
/** Flat, but for what a clock and a page cache do by themselves. */
const TIME = { atMost: 0.05, says: 'the time is to be the same at every size' }

const FIGURES = {
  put: { what: 'the rate of awaited puts', rule: RATE },
  live: { what: 'the rate of A→B live in batches', rule: RATE },
  'catch-up': { what: 'the rate of catching up', rule: RATE },
  open: { what: 'the time to open', rule: TIME },
  memory: { what: 'idle memory', rule: MEMORY },
  disk: { what: 'disk per op', rule: MEMORY }
} as const satisfies Record<Figure, unknown>

/** The slope of the line that fits best through the logarithms. */
export function exponentOf(points: readonly Point[]): number {
  const xs = points.map(({ size }) => Math.log(size))
  const ys = points.map(({ value }) => Math.log(value))
  const mean = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / values.length
  const [x, y] = [mean(xs), mean(ys)]
  const above = xs.reduce((sum, one, i) => sum + (one - x) * (ys[i]! - y), 0)
  const below = xs.reduce((sum, one) => sum + (one - x) ** 2, 0)
  return above / below
}

/** One line for the growth of a figure; none for a single size. */
export function growthLines(figure: Figure, points: readonly Point[], bare?: readonly Point[]): Line[] {
  if (points.length < 2) return []
  const value = exponentOf(points)
  const { what, rule } = FIGURES[figure]
  const { says, ...bound } = rule
  const ok = 'atLeast' in bound ? value >= bound.atLeast : value <= bound.atMost
  const bareNote = bare === undefined ? '' : `; bare n^${exponentOf(bare).toFixed(3)}`
  const sizes = `${formatSize(points[0]!.size)} → ${formatSize(points.at(-1)!.size)}`
  const rounded = Object.fromEntries(Object.entries(bound).map(([name, limit]) => [name, tidy(limit)]))
  return [
    {
      what: `growth of ${what}, ${sizes} ops`,
      figure,
      value,
      unit: 'exponent',
      bound: { of: 'number', ...rounded },
      ok,
      defect: !ok,
      note: `${says}${bareNote}`
    }
  ]
}

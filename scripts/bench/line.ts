/** The results: one line a figure, what it may be, and how it reads. */

export type Unit = 'ops/s' | 'ms' | 'B' | 'B/op' | 'MB' | 'RTT' | 'copies' | 'checks' | 'exponent'

/** What a figure may be: compared with the bare figure of the same run, or with a number. */
export interface Bound {
  of: 'bare' | 'number'
  atLeast?: number
  atMost?: number
}

/** Figures that are looked at as they grow. */
export type Figure = 'put' | 'live' | 'catch-up' | 'open' | 'memory' | 'disk'

export interface Line {
  what: string
  /** Of which figure this is a point, or the growth. */
  figure?: Figure
  value: number
  unit: Unit
  /** Ops in the database, where the figure is about that. */
  size?: number
  /** The same work without natter, in the same run. */
  bare?: number
  bound?: Bound
  /** Absent where nothing says what the figure may be. */
  ok?: boolean
  /** It grows faster with the ops than it may. */
  defect?: boolean
  /** The single results behind a median, in the order of their turns. */
  runs?: number[]
  bareRuns?: number[]
  /** Microseconds of all threads of this process for one unit, medians of the turns. */
  cpuUs?: number
  bareCpuUs?: number
  /** Turns that began while nobody else used the machine. */
  quiet?: string
  durability?: 'fsync' | 'memory'
  note?: string
}

/** Results of turns: ours and the bare ones. */
export interface Compared {
  ours: number[]
  bare: number[]
  quiet: string
  /** Microseconds of all threads of this process for one unit. */
  cpuUs?: number
  bareCpuUs?: number
}

type Extra = Partial<Omit<Line, 'what' | 'value' | 'unit'>>

/** A line that nothing is asked of. */
export function toldLine(what: string, value: number, unit: Unit, extra: Extra = {}): Line {
  return { what, value, unit, ...extra }
}

/** A line with a bound of its own. */
export function boundLine(
  what: string,
  value: number,
  unit: Unit,
  bound: Omit<Bound, 'of'>,
  extra: Extra = {}
): Line {
  const ok = value >= (bound.atLeast ?? Number.NEGATIVE_INFINITY) && value <= (bound.atMost ?? Infinity)
  return { what, value, unit, bound: { of: 'number', ...bound }, ok, ...extra }
}

/** A line whose bound is a share or a multiple of the bare figure; medians of the turns. */
export function bareLine(
  what: string,
  { ours, bare, quiet, cpuUs, bareCpuUs }: Compared,
  unit: Unit,
  bound: Omit<Bound, 'of'>,
  extra: Extra = {}
): Line {
  const [value, floor] = [median(ours), median(bare)]
  const ratio = value / floor
  const ok = ratio >= (bound.atLeast ?? Number.NEGATIVE_INFINITY) && ratio <= (bound.atMost ?? Infinity)
  const cpu = cpuUs === undefined ? {} : { cpuUs: tidy(cpuUs), bareCpuUs: tidy(bareCpuUs!) }
  const runs = { runs: ours.map(tidy), bareRuns: bare.map(tidy), ...cpu, quiet }
  return { what, value, unit, bare: floor, bound: { of: 'bare', ...bound }, ok, ...runs, ...extra }
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Measured to bare, or to its bound where there is no bare figure. */
export function ratioOf({ value, bare, bound }: Line): number | undefined {
  if (bare !== undefined) return value / bare
  const limit = bound?.atMost ?? bound?.atLeast
  return limit === undefined || limit === 0 ? undefined : value / limit
}

/** Four digits are more than a shared machine gives. */
export function tidy(value: number): number {
  return Number(value.toPrecision(4))
}

export function formatValue(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return 'never'
  switch (unit) {
    case 'ops/s':
      return `${Math.round(value).toLocaleString('en')}/s`
    case 'ms':
      return `${value.toFixed(value < 10 ? 2 : 0)} ms`
    case 'exponent':
      return `n^${value.toFixed(3)}`
    case 'copies':
      return value.toFixed(3)
    case 'checks':
      return value.toLocaleString('en')
    case 'MB':
      return `${value.toFixed(value < 10 ? 1 : 0)} MB`
    default:
      return `${Math.round(value).toLocaleString('en')} ${unit}`
  }
}

export function formatBound({ bound, unit }: Line): string {
  if (bound === undefined) return '-'
  const times = (factor: number) =>
    bound.of === 'bare' ? `${factor} × bare` : unit === 'exponent' ? `n^${factor}` : formatValue(factor, unit)
  if (bound.atLeast !== undefined) return `≥ ${times(bound.atLeast)}`
  return `≤ ${times(bound.atMost!)}`
}

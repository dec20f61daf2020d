/** Durations as people write them on a command line: `500ms`, `10s`, `2m`, `1h`. */
import { NatterError } from '../base/index.js'

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
/** Milliseconds of the longest duration: a timer takes no more than 2^31 − 1. */
const LONGEST_MS = 2_147_483_647

/** Milliseconds. Throws `INVALID_ARGUMENT`, naming `what`, for anything else. */
export function parseDuration(text: string, what: string): number {
  const parts = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim())
  const ms = parts === null ? Number.NaN : Math.round(Number(parts[1]) * UNITS_MS[parts[2]!]!)
  if (ms > 0 && ms <= LONGEST_MS) return ms
  throw new NatterError('INVALID_ARGUMENT', `${what} takes a duration such as 500ms, 10s or 2m, not ${text}`)
}

/** A duration in two units at most: `1h 5m`, `12s`, `350ms`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`
  const seconds = Math.round(ms / 1000)
  const units: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's']
  ]
  const first = units.findIndex(([count]) => count > 0)
  return units
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ')
}

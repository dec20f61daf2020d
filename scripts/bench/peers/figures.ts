/** The figures that are measured: how each is named, in which unit, and which direction is better. */

export interface Figure {
  readonly title: string
  readonly unit: 'ops/s' | 'ms' | 'bytes/entry' | 'bytes' | 'MiB'
}

export const FIGURES = {
  put: { title: 'awaited puts, one caller', unit: 'ops/s' },
  'disk-single': { title: 'bytes on disk per entry, single puts', unit: 'bytes/entry' },
  bulk: { title: 'bulk local, batches of 1,000', unit: 'ops/s' },
  memory: { title: 'memory of the process after the bulk', unit: 'MiB' },
  'disk-1e5': { title: 'bytes on disk per entry, after the bulk', unit: 'bytes/entry' },
  'open-1e5': { title: 'open until the first read, 10^5 entries', unit: 'ms' },
  'open-1e4': { title: 'open until the first read, 10^4 entries', unit: 'ms' },
  'disk-1e4': { title: 'bytes on disk per entry, 10^4 in batches', unit: 'bytes/entry' },
  'seen-p50': { title: 'one write seen at B, p50', unit: 'ms' },
  'seen-p99': { title: 'one write seen at B, p99', unit: 'ms' },
  'live-put': { title: 'live A→B, awaited puts', unit: 'ops/s' },
  live: { title: 'live A→B, batches of 1,000', unit: 'ops/s' },
  'catchup-1e4': { title: 'empty B catches up with 10^4', unit: 'ops/s' },
  'catchup-1e5': { title: 'empty B catches up with 10^5', unit: 'ops/s' },
  wire: { title: 'bytes per entry on the wire, catching up', unit: 'bytes/entry' },
  delta: { title: '100 entries behind of 10^4', unit: 'ms' },
  'delta-bytes': { title: '100 entries behind of 10^4, on the wire', unit: 'bytes' },
  'delta-round': { title: 'of these in frames of /sync/ops', unit: 'bytes' }
} as const satisfies Record<string, Figure>

export type Work = keyof typeof FIGURES

export const WORKS = Object.keys(FIGURES) as Work[]

export function biggerIsBetter(work: Work): boolean {
  return FIGURES[work].unit === 'ops/s'
}

/** One repetition of one figure. */
export interface Measured {
  readonly work: Work
  readonly value: number
  /** Entries that the figure speaks of. */
  readonly entries: number
  readonly note?: string
}

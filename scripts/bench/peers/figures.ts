/** The figures that are measured: how each is named, in which unit, and which direction is better. */

export interface Figure {
  readonly title: string
  readonly unit: 'ops/s' | 'ms' | 'bytes/entry' | 'bytes' | 'MiB'
  /** Where the clock stops: at the writer, or when the reader has it. */
  readonly at: 'a' | 'b'
}

export const FIGURES = {
  put: { title: 'awaited puts, one caller', unit: 'ops/s', at: 'a' },
  'disk-single': { title: 'bytes on disk per entry, single puts', unit: 'bytes/entry', at: 'a' },
  bulk: { title: 'bulk local, batches of 1,000', unit: 'ops/s', at: 'a' },
  memory: { title: 'memory of the process after the bulk', unit: 'MiB', at: 'a' },
  'disk-1e5': { title: 'bytes on disk per entry, after the bulk', unit: 'bytes/entry', at: 'a' },
  'open-1e5': { title: 'open until the first read, 10^5 entries', unit: 'ms', at: 'a' },
  'open-1e4': { title: 'open until the first read, 10^4 entries', unit: 'ms', at: 'a' },
  'disk-1e4': { title: 'bytes on disk per entry, 10^4 in batches', unit: 'bytes/entry', at: 'a' },
  'seen-p50': { title: 'one write seen at B, p50', unit: 'ms', at: 'b' },
  'seen-p99': { title: 'one write seen at B, p99', unit: 'ms', at: 'b' },
  'live-put': { title: 'live A→B, awaited puts', unit: 'ops/s', at: 'b' },
  live: { title: 'live A→B, batches of 1,000', unit: 'ops/s', at: 'b' },
  'catchup-1e4': { title: 'empty B catches up with 10^4', unit: 'ops/s', at: 'b' },
  'catchup-1e5': { title: 'empty B catches up with 10^5', unit: 'ops/s', at: 'b' },
  wire: { title: 'bytes per entry on the wire, catching up', unit: 'bytes/entry', at: 'b' },
  delta: { title: '100 entries behind of 10^4', unit: 'ms', at: 'b' },
  'delta-bytes': { title: '100 entries behind of 10^4, on the wire', unit: 'bytes', at: 'b' },
  'delta-round': { title: 'of these in frames of /sync/ops', unit: 'bytes', at: 'b' }
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

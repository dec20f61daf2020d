/**
 * Whether a node that lives through the whole soak grows. Live heap (after a full collection), resident memory, handles
 * and descriptors are sampled; after a warm-up of a third, the median of the last third must not be above that of the
 * middle third by more than noise. A leak of one object a write or one handle a reconnection is far above it in minutes.
 */
import { readFile } from 'node:fs/promises'
import type { PeerProcess } from '../support/peer-process.js'
import { descriptors, measurable, residentMib } from '../support/process-stats.js'
import { until } from '../support/until.js'

const MIB = 1024 * 1024
/** Samples in a third below which a median says nothing. */
const ENOUGH_SAMPLES = 5

export const METER = new URL('../support/meter-main.js', import.meta.url).href

export interface Sample {
  readonly heapMib: number
  readonly residentMib: number
  readonly handles: number
  readonly descriptors: number
}

/** What the last third may have above the middle third. */
const SLACK: Readonly<Record<keyof Sample, number>> = {
  // Unfinished rounds, batches under way and code that was compiled meanwhile.
  heapMib: 6,
  // LevelDB's caches fill and its tables are mapped; the allocator gives back late.
  residentMib: 48,
  // Connections, streams and timers that happen to be there.
  handles: 12,
  // LevelDB opens up to 1,000 tables as the log grows: these are bounded by that, not by this.
  descriptors: 40
}

export class Meter {
  readonly samples: Sample[] = []
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  /** One more sample; none where `/proc` is missing or the peer stands still. */
  async sample(peer: PeerProcess): Promise<void> {
    if (!measurable) return
    const { pid } = peer.ready
    const before = (await this.#lines()).length
    process.kill(pid, 'SIGUSR2')
    const lines = await until('the meter answers', 30_000, async () => {
      const now = await this.#lines()
      return now.length > before ? now : undefined
    })
    const { heapUsed, arrayBuffers, handles } = JSON.parse(lines.at(-1)!)
    this.samples.push({
      heapMib: (heapUsed + arrayBuffers) / MIB,
      residentMib: await residentMib(pid),
      handles,
      descriptors: await descriptors(pid)
    })
  }

  async #lines(): Promise<string[]> {
    const text = await readFile(this.#file, 'utf8').catch(() => '')
    return text.split('\n').filter(line => line !== '')
  }

  /** The medians of middle and last third, and what grew. */
  judge(): { readonly figures: string; readonly grown: string[] } {
    const third = Math.floor(this.samples.length / 3)
    if (third < ENOUGH_SAMPLES) {
      return { figures: `${this.samples.length} samples are too few to see growth`, grown: [] }
    }
    const figures: string[] = []
    const grown: string[] = []
    for (const name of Object.keys(SLACK) as (keyof Sample)[]) {
      const middle = median(this.samples.slice(third, 2 * third).map(sample => sample[name]))
      const last = median(this.samples.slice(2 * third).map(sample => sample[name]))
      const line = `${name} ${middle.toFixed(1)} → ${last.toFixed(1)}`
      figures.push(line)
      if (last > middle + SLACK[name]) grown.push(`grown: ${line}`)
    }
    return { figures: figures.join(', '), grown }
  }
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

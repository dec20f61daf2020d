/**
 * Rates at several sizes of the database. The nodes of all sizes are open at once and take turns, so that what the
 * machine does beside falls on all of them.
 */
import { withPipeline } from './bare-pipeline.js'
import type { JsonLevel } from './bare-writer.js'
import { openJsonLevel } from './bare-writer.js'
import { BULK } from './fill.js'
import { growthLines } from './growth.js'
import type { Bench, Scale, Turn } from './harness.js'
import { comparedOf, formatSize, pick, takeTurns } from './harness.js'
import type { Compared, Line } from './line.js'
import { bareLine, median } from './line.js'
import { barePipelinePuts, livePuts } from './live.js'
import { withNode, withPair } from './pair.js'
import { Records } from './records.js'
import { barePuts, nodePuts } from './writes.js'

/** Of one size: ours and the bare one. */
interface Sides {
  size: number
  ours: Turn
  bare: Turn
}

/** Calls `run` when everything that `hold` opens for each size is open. */
function withEach<T, R>(
  sizes: readonly number[],
  hold: (size: number, run: (held: T) => Promise<R>) => Promise<R>,
  run: (all: T[]) => Promise<R>,
  held: T[] = []
): Promise<R> {
  const [size, ...rest] = sizes
  if (size === undefined) return run(held)
  return hold(size, one => withEach(rest, hold, run, [...held, one]))
}

async function compare(scale: Scale, all: readonly Sides[]): Promise<{ size: number; compared: Compared }[]> {
  const { results, quiet } = await takeTurns(
    scale,
    all.flatMap(({ ours, bare }) => [bare, ours])
  )
  return all.map(({ size }, i) => ({
    size,
    compared: comparedOf(results[2 * i + 1]!, results[2 * i]!, quiet)
  }))
}

function linesOf(
  figure: 'put' | 'live',
  what: string,
  atLeast: number,
  all: readonly { size: number; compared: Compared }[],
  note: string
): Line[] {
  const points = (side: 'ours' | 'bare') =>
    all.map(({ size, compared }) => ({ size, value: median(compared[side]) }))
  return [
    ...all.map(({ size, compared }) =>
      bareLine(
        `${what}, behind ${formatSize(size)} ops`,
        compared,
        'ops/s',
        { atLeast },
        { size, figure, note }
      )
    ),
    ...growthLines(figure, points('ours'), points('bare'))
  ]
}

function runPut(scale: Scale): Promise<Line[]> {
  const hold = (size: number, run: (sides: Sides) => Promise<Line[]>) =>
    withNode(
      {},
      async (node, folder) => {
        const bare = await openJsonLevel(`${folder}/bare`)
        try {
          await fillBare(bare, size)
          const ours = nodePuts(node, new Records('bench', size), scale)
          return await run({ size, ours, bare: barePuts(bare, new Records('bench', size), scale) })
        } finally {
          await bare.close()
        }
      },
      size
    )
  return withEach(scale.sizes, hold, async all => {
    const note = 'bare: synced puts behind as many'
    return linesOf('put', 'awaited puts', 0.6, await compare(scale, all), note)
  })
}

async function fillBare(bare: JsonLevel, size: number): Promise<void> {
  const records = new Records()
  for (let done = 0; done < size; done += BULK) {
    const batch = bare.batch()
    for (const { key, value } of records.take(BULK)) batch.put(key, value)
    await batch.write()
  }
}

function runLive(scale: Scale): Promise<Line[]> {
  const count = pick(scale, { quick: 5 * BULK, full: 20 * BULK })
  const hold = (size: number, run: (sides: Sides) => Promise<Line[]>) =>
    withPipeline(
      async pipeline => {
        await pipeline.sendLog(BULK) // both ends hold as many then
        return withPair(({ near }) => {
          const ours = livePuts(near, new Records('bench', size))
          const bare = barePipelinePuts(pipeline, new Records('bench', size))
          return run({ size, ours: () => ours(count, scale.turnMs), bare: () => bare(count, scale.turnMs) })
        }, size)
      },
      1,
      size
    )
  return withEach(scale.sizes, hold, async all => {
    const note = 'bare: the pipeline behind as many'
    return linesOf('live', 'A→B live in batches', 0.6, await compare(scale, all), note)
  })
}

export const growthBenches: readonly Bench[] = [
  { name: 'growth-put', groups: ['growth'], run: runPut },
  { name: 'growth-live', groups: ['growth'], run: runLive }
]

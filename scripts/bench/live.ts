/** Fresh writes between two nodes in two processes on loopback: in batches, one by one, and how long one takes. */
import type { NatterNode } from '../../src/node.js'
import type { BarePipeline } from './bare-pipeline.js'
import { withPipeline } from './bare-pipeline.js'
import { withBareWriters } from './bare-writer.js'
import { BULK } from './fill.js'
import type { Bench, Done, Scale } from './harness.js'
import { doEach, inTurns, pick, rateOver, Stopwatch } from './harness.js'
import type { Compared, Line } from './line.js'
import { bareLine, boundLine, percentile } from './line.js'
import { AGREE_MS, acked, withPair } from './pair.js'
import { putsOf, Records } from './records.js'

function runLive(scale: Scale): Promise<Line[]> {
  const count = pick(scale, { quick: 10 * BULK, full: 30 * BULK })
  return withPipeline(pipeline =>
    withPair(async ({ near }) => {
      const ours = livePuts(near, new Records())
      const bare = barePipelinePuts(pipeline, new Records())
      const compared = await inTurns(
        scale,
        () => ours(count, scale.turnMs),
        () => bare(count, scale.turnMs)
      )
      const what = `A→B live, on disk at both ends, batches of ${BULK}`
      return [bareLine(what, compared, 'ops/s', { atLeast: 0.6 }, { note: 'bare: the pipeline' })]
    })
  )
}

/** Writes records in batches, so many or so long, until they are on disk at the other node; ops a second. */
export function livePuts(
  near: NatterNode,
  records: Records
): (count: number, maxMs?: number) => Promise<Done> {
  return async (count, maxMs = AGREE_MS) => {
    const batches = records.batches(count, BULK)
    const watch = new Stopwatch()
    const written = await doEach(batches, maxMs, batch => near.db.batch(batch))
    await acked(near)
    return watch.done(written * BULK)
  }
}

/** The same through the bare pipeline. */
export function barePipelinePuts(
  pipeline: BarePipeline,
  records: Records
): (count: number, maxMs?: number) => Promise<Done> {
  return async (count, maxMs = AGREE_MS) => {
    const batches = records.batches(count, BULK)
    const watch = new Stopwatch()
    const written = await doEach(batches, maxMs, batch => pipeline.write(batch))
    await pipeline.drain()
    return watch.done(written * BULK)
  }
}

function runSingles(scale: Scale): Promise<Line[]> {
  const [records, same] = [new Records(), new Records()]
  const count = scale.turnMs * 12
  return withBareWriters(writers =>
    withPair(async ({ near }) => {
      const compared = await inTurns(
        scale,
        async () => {
          const list = records.take(count)
          const watch = new Stopwatch()
          const written = await doEach(list, scale.turnMs, ({ key, value }) => near.db.put(key, value))
          await acked(near)
          return watch.done(written)
        },
        () => {
          const list = same.take(count)
          return writers.beside(() => rateOver(list, scale.turnMs, one => writers.put(one)))
        }
      )
      const note = 'until all of a turn is on disk at B; bare: two processes, a LevelDB each'
      return [bareLine('A→B live, awaited single puts', compared, 'ops/s', { atLeast: 0.5 }, { note })]
    })
  )
}

function runLatency(scale: Scale): Promise<Line[]> {
  const [records, same] = [new Records(), new Records()]
  const each = pick(scale, { quick: 30, full: 100 })
  const latencies: number[] = []
  const bareLatencies: number[] = []
  return withPipeline(pipeline =>
    withPair(async ({ near }) => {
      // A turn's figure is its median; the single latencies make the 99th percentile.
      const turn = async (
        into: number[],
        list: readonly unknown[],
        write: (i: number) => Promise<unknown>
      ) => {
        const own: number[] = []
        const watch = new Stopwatch()
        for (let i = 0; i < list.length; i++) {
          const startedAtMs = performance.now()
          await write(i)
          own.push(performance.now() - startedAtMs)
        }
        into.push(...own)
        return watch.done(list.length, percentile(own, 0.5))
      }
      const compared = await inTurns(
        scale,
        () => {
          const list = putsOf(records.take(each))
          return turn(latencies, list, i => near.write([list[i]!], { ack: 1, timeout: 10_000 }))
        },
        () => {
          const list = same.take(each)
          return turn(bareLatencies, list, async i => {
            await pipeline.write([list[i]!])
            await pipeline.drain()
          })
        }
      )
      return latencyLines(compared, latencies, bareLatencies)
    })
  )
}

function latencyLines(compared: Compared, latencies: number[], bareLatencies: number[]): Line[] {
  const what = 'one write, on disk at the other node and known so'
  const note = 'bare: the pipeline, sent when it is on disk, as natter does'
  const p99 = percentile(latencies, 0.99)
  const bare = percentile(bareLatencies, 0.99)
  return [
    bareLine(`${what}, p50`, compared, 'ms', { atMost: 2 }, { note }),
    boundLine(`${what}, p99`, p99, 'ms', { atMost: 10 }, { bare, note: `of ${latencies.length} writes` })
  ]
}

export const liveBenches: readonly Bench[] = [
  { name: 'live', run: runLive },
  { name: 'singles', run: runSingles },
  { name: 'latency', run: runLatency }
]

/** Single writes between two nodes: how many a second, and how long until one is on disk at the other. */
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { besideBareWriter } from './bare-writer.js'
import type { Line, Scale } from './harness.js'
import { entries, entry, milliseconds, percentile, rateOf, shareLine, withFolder } from './harness.js'
import { AGREE_MS, withPair, withPipeline } from './pair.js'

/** Blocks in which ours and the bare one take turns. */
const BLOCKS = 10

export async function runSingles(scale: Scale): Promise<Line[]> {
  return withPipeline(pipeline =>
    withPair({}, async ({ near }) => {
      let n = 0
      const bareBefore = await bareSinglesRate(scale)
      const rate = await rateOf(scale.repetitions * scale.repetitionMs, async () => {
        const { key, value } = entry(n++)
        await near.db.put(key, value)
        return 1
      })
      await near.sync.wait({ acked: 1, timeout: AGREE_MS })
      const bareRate = (bareBefore + (await bareSinglesRate(scale))) / 2

      const latencies: number[] = []
      const bareLatencies: number[] = []
      for (let block = 0; block < BLOCKS; block++) {
        await latenciesOf(bareLatencies, scale.writes / BLOCKS, async () => {
          await pipeline.write(entries(n++, 1))
          await pipeline.drain()
        })
        await latenciesOf(latencies, scale.writes / BLOCKS, async () => {
          const { key, value } = entry(n++)
          await near.write([{ type: 'put', key, value }], { ack: 1, timeout: AGREE_MS })
        })
      }
      return [
        shareLine(
          'A→B live, awaited single puts',
          0.5,
          rate,
          bareRate,
          'bare: two processes, a LevelDB each'
        ),
        ...latencyLines(latencies, percentile(bareLatencies, 0.5))
      ]
    })
  )
}

/** Awaited synced puts a second while a second process does the same. */
function bareSinglesRate({ repetitionMs, repetitions }: Scale): Promise<number> {
  return withFolder(async folder => {
    const level = new ClassicLevel<string, unknown>(join(folder, 'here'), { valueEncoding: 'json' })
    await level.open()
    let n = 0
    const rate = await besideBareWriter(join(folder, 'there'), () =>
      rateOf((repetitions * repetitionMs) / 2, async () => {
        const { key, value } = entry(n++)
        await level.put(key, value, { sync: true })
        return 1
      })
    )
    await level.close()
    return rate
  })
}

/** Adds the milliseconds of each of `count` calls, one after the other. */
async function latenciesOf(latencies: number[], count: number, write: () => Promise<void>): Promise<void> {
  for (let i = 0; i < count; i++) {
    const startedAtMs = performance.now()
    await write()
    latencies.push(performance.now() - startedAtMs)
  }
}

function latencyLines(latencies: readonly number[], bareP50: number): Line[] {
  const p50 = percentile(latencies, 0.5)
  const p99 = percentile(latencies, 0.99)
  const what = 'one write, on disk at the other node and known so'
  return [
    {
      what: `${what}, p50`,
      budget: '≤ 2 × bare',
      measured: milliseconds(p50),
      bare: milliseconds(bareP50),
      ratio: p50 / bareP50,
      ok: p50 <= 2 * bareP50
    },
    { what: `${what}, p99`, budget: '≤ 10 ms', measured: milliseconds(p99), ratio: p99 / 10, ok: p99 <= 10 }
  ]
}

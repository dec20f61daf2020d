/** Single writes at one node, spread to others in processes of their own: copies of each, and how long they take. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { NatterNode } from '../../src/node.js'
import { withPipeline } from './bare-pipeline.js'
import type { FarNode } from './far-node.js'
import { machineMs } from './far-node.js'
import type { Bench, Scale } from './harness.js'
import type { Line } from './line.js'
import { boundLine, percentile, toldLine } from './line.js'
import { agree, withMany } from './pair.js'
import type { Entry } from './records.js'
import { Records } from './records.js'

/** Batches a second: below five, gossip carries them; above, streams do. */
const SLOW = 2
const FAST = 20
/** Seconds of writing after which the rate is known everywhere. */
const SETTLE_SECONDS = 2
/** Milliseconds after which a write that was not seen fails the measurement. */
const SEEN_MS = 30_000

interface Spread {
  copies: number
  latencies: number[]
}

/** Calls `write` with one record after the other, `pace` a second; how long one takes delays no other. */
async function writePaced(
  list: readonly Entry[],
  pace: number,
  write: (entry: Entry) => Promise<void>
): Promise<void> {
  const startedAtMs = performance.now()
  for (const [i, entry] of list.entries()) {
    await sleep(Math.max(0, startedAtMs + (i * 1000) / pace - performance.now()))
    await write(entry)
  }
}

async function spread(
  hub: NatterNode,
  others: readonly FarNode[],
  pace: number,
  seconds: number,
  records: Records
): Promise<Spread> {
  await writePaced(records.take(SETTLE_SECONDS * pace), pace, ({ key, value }) => hub.db.put(key, value))
  await agree(hub, others)
  await Promise.all(others.map(far => far.call('counts')))
  const sentAtMs = new Map<string, number>()
  const list = records.take(seconds * pace)
  await writePaced(list, pace, ({ key, value }) => {
    sentAtMs.set(key, machineMs())
    return hub.db.put(key, value)
  })
  await agree(hub, others)
  const counts = await Promise.all(others.map(far => far.call('counts')))
  const copies = counts.reduce((sum, one) => sum + one.copies, 0) / others.length / list.length
  const latencies = (await Promise.all(others.map(far => seenBy(far, sentAtMs)))).flat()
  return { copies, latencies }
}

/** Milliseconds from the call of each write until its change was seen at the far node, where it is on disk then. */
async function seenBy(far: FarNode, sentAtMs: ReadonlyMap<string, number>): Promise<number[]> {
  for (const untilMs = performance.now() + SEEN_MS; ; ) {
    const seen = new Map(await far.call('seen'))
    const missing = [...sentAtMs.keys()].filter(key => !seen.has(key)).length
    if (missing === 0) return [...sentAtMs].map(([key, atMs]) => seen.get(key)! - atMs)
    if (performance.now() > untilMs) throw new Error(`${missing} writes were never seen at a node`)
  }
}

/** From each write until each of the far ends has acknowledged it. */
function bareLatencies(ends: number, pace: number, seconds: number): Promise<number[]> {
  return withPipeline(async pipeline => {
    const latencies: number[] = []
    await writePaced(new Records().take(seconds * pace), pace, entry => {
      const startedAtMs = performance.now()
      return pipeline.write([entry], () => latencies.push(performance.now() - startedAtMs))
    })
    await pipeline.drain()
    return latencies
  }, ends)
}

async function fanOut(nodes: number, most: number, pace: number[], seconds: number): Promise<Line[]> {
  const measure = async (hub: NatterNode, others: FarNode[]) => {
    await Promise.all(others.map(far => far.call('watch')))
    const records = new Records()
    const all: Spread[] = []
    for (const one of pace) all.push(await spread(hub, others, one, seconds, records))
    return all
  }
  const spreads = await withMany(nodes, {}, measure, true)
  const lines: Line[] = []
  for (const [i, { copies, latencies }] of spreads.entries()) {
    const rate = `${nodes} nodes, ${pace[i]} batches a second`
    const note = 'by streams and by gossip, after the duplicate filter of gossipsub'
    const what = `copies of a batch per node, ${rate}`
    lines.push(
      pace[i]! < 5
        ? toldLine(what, copies, 'copies', { note })
        : boundLine(what, copies, 'copies', { atMost: most }, { note })
    )
    const bare = await bareLatencies(nodes - 1, pace[i]!, Math.min(seconds, 2))
    for (const share of [0.5, 0.99]) {
      lines.push(
        toldLine(`a write seen at the others, p${share * 100}, ${rate}`, percentile(latencies, share), 'ms', {
          bare: percentile(bare, share),
          note: 'on disk there; bare: the pipeline to as many ends, until the acknowledgement'
        })
      )
    }
  }
  return lines
}

async function runFanOut({ quick }: Scale): Promise<Line[]> {
  if (quick) return fanOut(4, 1.1, [FAST], 2)
  return [...(await fanOut(4, 1.1, [FAST], 5)), ...(await fanOut(11, 1.3, [SLOW, FAST], 5))]
}

export const fanOutBenches: readonly Bench[] = [{ name: 'fan-out', groups: ['copies'], run: runFanOut }]

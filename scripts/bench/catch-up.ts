/**
 * An empty node takes in all that another one holds. Beside it the bare pipeline that sends from its log: read, sign,
 * send; verify, write. The clock begins when the two are connected, for ours and for the bare one.
 */
import type { NatterNode } from '../../src/node.js'
import { BarePipeline } from './bare-pipeline.js'
import type { FarNode } from './far-node.js'
import { BULK, fillBareStore } from './fill.js'
import { growthLines } from './growth.js'
import type { Bench, Done, Scale } from './harness.js'
import { comparedOf, formatSize, Stopwatch } from './harness.js'
import type { Compared, Line } from './line.js'
import { bareLine, boundLine, median } from './line.js'
import { AGREE_MS, acked, withFar, withNode } from './pair.js'

/** Ops of all repetitions of one size, at most: small ones are repeated, large ones are long enough. */
const OPS_EACH_SIZE = 100_000
/** Ops of a first catch-up that is not counted. */
const WARM_UP = 5000
const SIGNED_BATCHES = 64
const SIGNED_BYTES = 1024 * 1024

interface Caught {
  size: number
  compared: Compared
  connectMs: number
  checks: number
  mostChecks: number
}

function catchUpOf(size: number, far: FarNode, { gate, repetitions: most }: Scale): Promise<Caught> {
  const measure = async (near: NatterNode, folder: string) => {
    await fillBareStore(`${folder}/bare`, size)
    const { bytes } = await near.status()
    const { addrs: bootstrap } = await near.status()
    const repetitions = Math.max(1, Math.min(most, Math.floor(OPS_EACH_SIZE / size)))
    const caught = { ours: [] as Done[], bare: [] as Done[] }
    const connects: number[] = []
    let quietTurns = 0
    let checks = 0
    for (let i = 0; i < repetitions; i++) {
      if (await gate.quiet()) quietTurns++
      caught.bare.push(await bareRate(`${folder}/bare`, `${folder}/bare-${i}`, size))
      if (await gate.quiet()) quietTurns++
      const beforeMs = performance.now()
      const connected = near.sync.wait({ connected: 1, timeout: AGREE_MS }).then(() => new Stopwatch())
      const options = { dataDir: `${folder}/far-${i}`, mdns: false, listen: [], bootstrap }
      await far.call('counts')
      await far.call('start', { options, counted: true })
      const watch = await connected
      connects.push(performance.now() - watch.passedMs - beforeMs)
      await acked(near, i + 1) // the earlier ones have all of it as well
      caught.ours.push(watch.done(size))
      checks = (await far.call('counts')).checks
      await far.call('stop')
    }
    const batches = size / BULK
    const signedTogether = Math.min(SIGNED_BATCHES, Math.floor(SIGNED_BYTES / (bytes / batches)))
    const mostChecks = Math.ceil(batches / signedTogether)
    const compared = comparedOf(caught.ours, caught.bare, `${quietTurns}/${2 * repetitions}`)
    return { size, compared, connectMs: median(connects), checks, mostChecks }
  }
  return withNode({}, measure, size)
}

async function bareRate(here: string, there: string, size: number): Promise<Done> {
  const pipeline = await BarePipeline.start(here, [there])
  try {
    const watch = new Stopwatch()
    await pipeline.sendLog(BULK)
    return watch.done(size)
  } finally {
    await pipeline.stop()
  }
}

async function runCatchUp(scale: Scale): Promise<Line[]> {
  const all: Caught[] = []
  await withFar(async far => {
    await catchUpOf(WARM_UP, far, { ...scale, repetitions: 1 }) // its code is compiled in it
    for (const size of scale.sizes) all.push(await catchUpOf(size, far, scale))
  })
  const points = (side: 'ours' | 'bare') =>
    all.map(({ size, compared }) => ({ size, value: median(compared[side]) }))
  return [...all.flatMap(linesOf), ...growthLines('catch-up', points('ours'), points('bare'))]
}

function linesOf({ size, compared, connectMs, checks, mostChecks }: Caught): Line[] {
  const ops = `${formatSize(size)} ops`
  const note = `connecting took ${connectMs.toFixed(0)} ms before it; bare: the pipeline from its log`
  return [
    bareLine(
      `an empty node catches up ${ops}`,
      compared,
      'ops/s',
      { atLeast: 0.6 },
      { size, figure: 'catch-up', note }
    ),
    boundLine(
      `signature checks of catching up ${ops}`,
      checks,
      'checks',
      { atMost: mostChecks },
      { size, note: `one for ${SIGNED_BATCHES} batches or 1 MiB` }
    )
  ]
}

export const catchUpBenches: readonly Bench[] = [{ name: 'catch-up', groups: ['growth'], run: runCatchUp }]

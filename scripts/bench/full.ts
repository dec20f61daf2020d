/** A node with many ops in it: what they take on disk and in memory, and how long it takes to open. */
import { ClassicLevel } from 'classic-level'
import { FarNode } from './far-node.js'
import { BULK, fillBareStore, fillNode } from './fill.js'
import { growthLines } from './growth.js'
import type { Bench, Scale } from './harness.js'
import { formatSize, withFolder } from './harness.js'
import type { Line } from './line.js'
import { boundLine, median, toldLine } from './line.js'
import { withFar } from './pair.js'
import { Records } from './records.js'

/** Ops that a killed process wrote since the last clean stop. */
const UNCLEAN = 20_000
/** Milliseconds in which a node does what it does when nobody asks anything of it. */
const IDLE_MS = 2000
const KEPT_EXTRAS = { durability: 'fsync' } as const

interface Figures {
  size: number
  payload: number
  disk: number
  bareDisk: number
  openMs: number[]
  bareMs: number[]
  killedMs: number
  rss: number
  anonymous: number
}

function figuresOf(size: number, scale: Scale): Promise<Figures> {
  return withFolder(async folder => {
    const dataDir = `${folder}/node`
    const { disk, payload } = await fillNode(dataDir, size)
    const bareDisk = (await fillBareStore(`${folder}/bare`, size)) / size
    return {
      size,
      payload: payload / size,
      disk: disk / size,
      bareDisk,
      ...(await openings(dataDir, scale)),
      ...(await idleMemory(dataDir)),
      killedMs: await openAfterKill(dataDir)
    }
  })
}

/** In turns with opening the bare LevelDB; each in a process whose modules are loaded and have run. */
async function openings(
  dataDir: string,
  { gate, repetitions }: Scale
): Promise<Pick<Figures, 'openMs' | 'bareMs'>> {
  const options = { dataDir, mdns: false }
  const firstRead = Records.keyOf(0)
  const openMs: number[] = []
  const bareMs: number[] = []
  await withFar(async far => {
    await far.call('warm')
    await far.call('start', { options, firstRead })
    await far.call('stop')
    for (let i = 0; i < repetitions; i++) {
      await gate.quiet()
      bareMs.push(await bareOpenMs(`${dataDir}/db`))
      openMs.push((await far.call('start', { options, firstRead })).openMs)
      await far.call('stop')
    }
  })
  return { openMs, bareMs }
}

/** Milliseconds of the first opening after a process that had written was killed. */
async function openAfterKill(dataDir: string): Promise<number> {
  const options = { dataDir, mdns: false }
  const writer = await FarNode.spawn()
  await writer.call('start', { options })
  await writer.call('fill', { prefix: 'unclean', count: UNCLEAN, batch: BULK })
  await writer.kill()
  return withFar(async far => {
    await far.call('warm')
    return (await far.call('start', { options, firstRead: Records.keyOf(0) })).openMs
  })
}

/** Opening the same LevelDB, and one read. */
async function bareOpenMs(location: string): Promise<number> {
  const startedAtMs = performance.now()
  const level = new ClassicLevel<string, string>(location)
  await level.get('nothing')
  const tookMs = performance.now() - startedAtMs
  await level.close()
  return tookMs
}

/** Of a process that opened the node, read one record and was left alone. */
function idleMemory(dataDir: string): Promise<{ rss: number; anonymous: number }> {
  return withFar(async far => {
    await far.call('start', { options: { dataDir, mdns: false }, firstRead: Records.keyOf(0) })
    await new Promise(resolve => setTimeout(resolve, IDLE_MS))
    return far.call('memory')
  })
}

function linesOf(figures: Figures): Line[] {
  const { size, payload, disk, bareDisk, openMs, bareMs, killedMs, rss, anonymous } = figures
  const ops = `${formatSize(size)} ops`
  const extras = { size, ...KEPT_EXTRAS }
  return [
    boundLine(
      `disk per op, ${ops} in batches of ${BULK}`,
      disk,
      'B/op',
      { atMost: Math.round(2.2 * payload + 60) },
      {
        ...extras,
        figure: 'disk',
        bare: bareDisk,
        note: `key + value ${payload.toFixed(0)} B; after the last batch`
      }
    ),
    boundLine(
      `open with ${ops}, to the first read`,
      median(openMs),
      'ms',
      { atMost: 100 },
      {
        ...extras,
        figure: 'open',
        bare: median(bareMs),
        runs: openMs,
        bareRuns: bareMs,
        note: 'createNode with its network side, modules loaded; bare: the same LevelDB'
      }
    ),
    toldLine(`open with ${ops} after SIGKILL`, killedMs, 'ms', {
      ...extras,
      note: `${UNCLEAN.toLocaleString('en')} ops since the last clean stop: LevelDB reads its log again`
    }),
    boundLine(
      `memory of an idle node with ${ops}`,
      rss,
      'MB',
      { atMost: 120 },
      { ...extras, figure: 'memory', note: 'RSS of its process, the mapped pages of tables included' }
    ),
    toldLine(`memory of an idle node with ${ops}, in no file`, anonymous, 'MB', extras)
  ]
}

async function runFull(scale: Scale): Promise<Line[]> {
  const all: Figures[] = []
  for (const size of scale.sizes) all.push(await figuresOf(size, scale))
  const points = (value: (figures: Figures) => number) =>
    all.map(figures => ({ size: figures.size, value: value(figures) }))
  return [
    ...all.flatMap(linesOf),
    ...growthLines(
      'open',
      points(({ openMs }) => median(openMs)),
      points(({ bareMs }) => median(bareMs))
    ),
    ...growthLines(
      'memory',
      points(({ rss }) => rss)
    ),
    ...growthLines(
      'disk',
      points(({ disk }) => disk),
      points(({ bareDisk }) => bareDisk)
    )
  ]
}

export const fullBenches: readonly Bench[] = [
  { name: 'full', groups: ['disk', 'open', 'memory', 'growth'], run: runFull }
]

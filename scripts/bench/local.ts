/** One node and its disk: durable writes against the same records in a bare LevelDB, opening, memory, size. */
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { createNode } from '../../src/node.js'
import { BareStore, bareRecords } from './bare-store.js'
import { FarNode } from './far-node.js'
import type { Bench, Line, Scale } from './harness.js'
import {
  entries,
  entry,
  folderBytes,
  inTurns,
  milliseconds,
  payloadBytes,
  rateOf,
  shareLine,
  withFolder
} from './harness.js'

const BULK = 1000
const CALLERS = 64
const MIB = 1024 * 1024

async function runWrites({ repetitionMs, repetitions }: Scale): Promise<Line[]> {
  return withFolder(async folder => {
    const node = await createNode({ dataDir: join(folder, 'node'), mdns: false })
    const bare = new ClassicLevel<string, unknown>(join(folder, 'bare'), { valueEncoding: 'json' })
    await bare.open()
    let n = 0
    const bareOne = () =>
      rateOf(repetitionMs, async () => {
        const { key, value } = entry(n++)
        await bare.put(key, value, { sync: true })
        return 1
      })
    try {
      const one = await inTurns(
        repetitions,
        () =>
          rateOf(repetitionMs, async () => {
            const { key, value } = entry(n++)
            await node.db.put(key, value)
            return 1
          }),
        bareOne
      )
      const many = await inTurns(
        repetitions,
        () => concurrentRate(repetitionMs, () => node.db.put(entry(n).key, entry(n++).value)),
        bareOne
      )
      return [
        shareLine('awaited durable put, one caller', 0.6, one.ours, one.bare),
        shareLine(`durable puts of ${CALLERS} callers at once`, 9, many.ours, many.bare, 'bare: one caller')
      ]
    } finally {
      await node.stop()
      await bare.close()
    }
  })
}

/** Puts a second by callers that each await their own put before the next. */
async function concurrentRate(ms: number, put: () => Promise<void>): Promise<number> {
  const startedAtMs = performance.now()
  let puts = 0
  const caller = async () => {
    while (performance.now() - startedAtMs < ms) {
      await put()
      puts++
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return (puts * 1000) / (performance.now() - startedAtMs)
}

async function runBulk({ repetitionMs, repetitions }: Scale): Promise<Line[]> {
  return withFolder(async folder => {
    const node = await createNode({ dataDir: join(folder, 'node'), mdns: false })
    const bare = await BareStore.open(join(folder, 'bare'))
    let n = 0
    const next = () => {
      n += BULK
      return entries(n, BULK)
    }
    try {
      const { ours, bare: floor } = await inTurns(
        repetitions,
        () =>
          rateOf(repetitionMs, async () => {
            await node.db.batch(next().map(({ key, value }) => ({ type: 'put', key, value })))
            return BULK
          }),
        () =>
          rateOf(repetitionMs, async () => {
            await bare.write(bareRecords(next()))
            return BULK
          })
      )
      return [
        shareLine(
          `bulk import, batches of ${BULK}`,
          0.5,
          ours,
          floor,
          'bare: log record and state entry, synced'
        )
      ]
    } finally {
      await node.stop()
      await bare.close()
    }
  })
}

async function runFull({ ops }: Scale): Promise<Line[]> {
  return withFolder(async folder => {
    const dataDir = join(folder, 'node')
    let payload = 0
    let written = 0
    const filler = await createNode({ dataDir, mdns: false })
    for (let n = 0; n < ops; n += BULK) {
      const list = entries(n, BULK)
      payload += list.reduce((sum, one) => sum + payloadBytes(one), 0)
      await filler.db.batch(list.map(({ key, value }) => ({ type: 'put', key, value })))
      written += list.length
    }
    const disk = folderBytes(join(dataDir))
    await filler.stop()
    await bareOpenMs(join(dataDir, 'db')) // whoever comes first replays what the last run left in the write buffer
    const bareMs = await bareOpenMs(join(dataDir, 'db'))
    const far = await FarNode.spawn()
    try {
      await far.call('warm', undefined)
      const options = { dataDir, mdns: false }
      const { openMs } = await far.call('start', { options, firstRead: entry(0).key })
      const rss = await far.call('rss', undefined)
      return [
        diskLine(disk / written, payload / written),
        openLine(openMs, bareMs, ops),
        memoryLine(rss, ops)
      ]
    } finally {
      await far.end()
    }
  })
}

function diskLine(perOp: number, payload: number): Line {
  const bound = 2.2 * payload + 60
  return {
    what: `disk per op, batches of ${BULK}`,
    budget: `≤ 2.2 × (key + value) + 60 B = ${bound.toFixed(0)} B`,
    measured: `${perOp.toFixed(0)} B`,
    ratio: perOp / bound,
    ok: perOp <= bound,
    note: `key + value ${payload.toFixed(0)} B; as the folder stands after the last batch`
  }
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

function openLine(openMs: number, bareMs: number, ops: number): Line {
  return {
    what: `open with ${ops.toLocaleString('en')} ops, to the first read`,
    budget: '≤ 100 ms',
    measured: milliseconds(openMs),
    bare: milliseconds(bareMs),
    ratio: openMs / bareMs,
    ok: openMs <= 100,
    note: 'createNode with its network side, modules loaded; bare: the same LevelDB'
  }
}

function memoryLine(rss: number, ops: number): Line {
  return {
    what: `memory of an idle node with ${ops.toLocaleString('en')} ops`,
    budget: '≤ 120 MB RSS',
    measured: `${(rss / MIB).toFixed(0)} MiB`,
    ratio: rss / 120e6,
    ok: rss <= 120e6,
    note: 'a process of its own'
  }
}

export const localBenches: readonly Bench[] = [
  { name: 'writes', run: runWrites },
  { name: 'bulk', run: runBulk },
  { name: 'full', run: runFull }
]

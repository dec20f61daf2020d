/** Durable writes at one node that nobody listens to, against the same records in a bare LevelDB. */
import type { NatterNode } from '../../src/node.js'
import { BareStore, bareRecords } from './bare-store.js'
import type { JsonLevel } from './bare-writer.js'
import { openJsonLevel } from './bare-writer.js'
import { BULK } from './fill.js'
import type { Bench, Scale, Turn } from './harness.js'
import { CALLERS, concurrentRate, doEach, inTurns, pick, rateOver, Stopwatch } from './harness.js'
import type { Line } from './line.js'
import { bareLine } from './line.js'
import { withNode } from './pair.js'
import type { Entry } from './records.js'
import { Records } from './records.js'

/** A node and a bare LevelDB on the same disk. */
function withBoth<T>(run: (node: NatterNode, bare: JsonLevel) => Promise<T>): Promise<T> {
  return withNode({}, async (node, folder) => {
    const bare = await openJsonLevel(`${folder}/bare`)
    try {
      return await run(node, bare)
    } finally {
      await bare.close()
    }
  })
}

/** A turn of awaited synced puts into a bare LevelDB, one caller. */
export function barePuts(bare: JsonLevel, records: Records, scale: Scale): Turn {
  return () =>
    rateOver(records.take(singlesOf(scale)), scale.turnMs, ({ key, value }) =>
      bare.put(key, value, { sync: true })
    )
}

/** A turn of awaited puts at a node, one caller. */
export function nodePuts(node: NatterNode, records: Records, scale: Scale): Turn {
  return () =>
    rateOver(records.take(singlesOf(scale)), scale.turnMs, ({ key, value }) => node.db.put(key, value))
}

/** More than one turn has time for on a fast disk. */
function singlesOf({ turnMs }: Scale): number {
  return turnMs * 12
}

function runPut(scale: Scale): Promise<Line[]> {
  return withBoth(async (node, bare) => {
    const ours = nodePuts(node, new Records(), scale)
    const compared = await inTurns(scale, ours, barePuts(bare, new Records(), scale))
    return [bareLine('awaited durable put, one caller', compared, 'ops/s', { atLeast: 0.6 })]
  })
}

function runCallers(scale: Scale): Promise<Line[]> {
  return withBoth(async (node, bare) => {
    const records = new Records()
    const count = pick(scale, { quick: 10_000, full: 50_000 })
    const ours = () =>
      concurrentRate(records.take(count), scale.turnMs, ({ key, value }) => node.db.put(key, value))
    const compared = await inTurns(scale, ours, barePuts(bare, new Records(), scale))
    const what = `durable puts of ${CALLERS} callers at once`
    return [bareLine(what, compared, 'ops/s', { atLeast: 9 }, { note: 'bare: one caller' })]
  })
}

function runBulk(scale: Scale): Promise<Line[]> {
  return withNode({}, async (node, folder) => {
    const bare = await BareStore.open(`${folder}/bare`)
    const [records, same] = [new Records(), new Records()]
    const count = pick(scale, { quick: 10 * BULK, full: 40 * BULK })
    try {
      const compared = await inTurns(
        scale,
        async () => {
          const batches = records.batches(count, BULK)
          const watch = new Stopwatch()
          return watch.done(BULK * (await doEach(batches, scale.turnMs, batch => node.db.batch(batch))))
        },
        async () => {
          const batches = same.batches(count, BULK)
          const watch = new Stopwatch()
          const write = (batch: Entry[]) => bare.write(bareRecords(batch))
          return watch.done(BULK * (await doEach(batches, scale.turnMs, write)))
        }
      )
      const note = 'bare: log record and state entry, synced'
      return [bareLine(`bulk import, batches of ${BULK}`, compared, 'ops/s', { atLeast: 0.5 }, { note })]
    } finally {
      await bare.close()
    }
  })
}

export const writeBenches: readonly Bench[] = [
  { name: 'put', groups: ['writes'], run: runPut },
  { name: 'callers', groups: ['writes'], run: runCallers },
  { name: 'bulk', groups: ['writes'], run: runBulk }
]

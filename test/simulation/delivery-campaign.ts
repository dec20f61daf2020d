/** Seeds of the outbox's simulation: one as a result, and many of which each must hold and every fault must happen. */
import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { DELIVERY_SOMETIMES, DeliveryRun } from './delivery.js'
import type { SeedResult } from './simulate.js'
import { replayCommand } from './simulate.js'
import type { SimulationOptions } from './simulation.js'
import type { Counts } from './sometimes.js'
import { addCounts, never } from './sometimes.js'
import { PropertyBroken } from './world.js'

/** One of so many runs twice. */
const TWICE_EVERY = 20

export async function runDeliverySeed(
  seed: number,
  { wholeTrace = false }: SimulationOptions = {}
): Promise<SeedResult> {
  const begin = performance.now()
  const run = new DeliveryRun(seed, wholeTrace)
  let failure: SeedResult['failure']
  const fail = (error: unknown): void => {
    const property = error instanceof PropertyBroken ? error.property : 'no faults of the outbox'
    const message = error instanceof PropertyBroken ? error.message : String((error as Error).stack ?? error)
    failure ??= { property, message }
  }
  process.on('unhandledRejection', fail)
  process.on('uncaughtException', fail)
  try {
    await run.run()
  } catch (error) {
    fail(error)
  } finally {
    process.off('unhandledRejection', fail)
    process.off('uncaughtException', fail)
  }
  return {
    seed,
    ok: failure === undefined,
    ...(failure !== undefined && { failure }),
    traceHash: run.lines.hash(),
    sometimes: run.counts,
    events: run.events,
    virtualMs: Math.round(run.nowMs),
    wallMs: performance.now() - begin,
    lines: run.lines.lines()
  }
}

export async function deliveryCampaign(from: number, seeds: number): Promise<Counts> {
  const counts: Counts = {}
  for (let seed = from; seed < from + seeds; seed++) {
    const { ok, failure, sometimes, traceHash } = await runDeliverySeed(seed)
    const again = `see it again: ${replayCommand(seed)} --delivery`
    assert.ok(ok, `${failure?.property}: ${failure?.message}\n${again}`)
    addCounts(counts, sometimes)
    if (seed % TWICE_EVERY === 0) assert.equal((await runDeliverySeed(seed)).traceHash, traceHash, again)
  }
  assert.deepEqual(never(counts, DELIVERY_SOMETIMES), [], JSON.stringify(counts))
  return counts
}

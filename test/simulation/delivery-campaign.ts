/** Seeds of the outbox's simulation, one after the other: each must hold, some are run twice, and every fault must happen. */
import assert from 'node:assert/strict'
import { DELIVERY_SOMETIMES, DeliveryRun } from './delivery.js'
import type { Counts } from './sometimes.js'
import { addCounts } from './sometimes.js'

/** One of so many runs twice. */
const TWICE_EVERY = 20

export async function deliveryCampaign(from: number, seeds: number): Promise<Counts> {
  const counts: Counts = {}
  for (let seed = from; seed < from + seeds; seed++) {
    const one = await run(seed)
    addCounts(counts, one.counts)
    if (seed % TWICE_EVERY === 0)
      assert.equal((await run(seed)).lines.hash(), one.lines.hash(), `seed ${seed}`)
  }
  const never = DELIVERY_SOMETIMES.filter(what => (counts[what] ?? 0) === 0)
  assert.deepEqual(never, [], JSON.stringify(counts))
  return counts
}

async function run(seed: number): Promise<DeliveryRun> {
  const run = new DeliveryRun(seed)
  try {
    await run.run()
  } catch (error) {
    const tail = run.lines.lines().slice(-30).join('\n')
    assert.fail(`seed ${seed}: ${error instanceof Error ? error.stack : error}\n${tail}`)
  }
  return run
}

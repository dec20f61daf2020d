/** Two hundred seeds of the simulator, those that found something once, and that a seed is one run. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { REGRESSIONS } from './regressions.js'
import type { SeedResult } from './simulate.js'
import { replayCommand, runSeed } from './simulate.js'

/** The first of the seeds. */
const base = 1_000_000
const seeds = 200
/** One of so many runs twice. */
const twiceEvery = 40

async function run(seed: number): Promise<SeedResult> {
  const result = await runSeed(seed)
  const { failure } = result
  assert.ok(result.ok, `${failure?.property}: ${failure?.message}\nsee it again: ${replayCommand(seed)}`)
  return result
}

test(`${seeds} seeds from ${base} on`, async () => {
  for (let seed = base; seed < base + seeds; seed++) {
    const { traceHash } = await run(seed)
    if (seed % twiceEvery === 0) assert.equal((await run(seed)).traceHash, traceHash, replayCommand(seed))
  }
})

test('seeds that found something once', async () => {
  for (const { seed } of REGRESSIONS) await run(seed)
})

test('another seed is another run', async () => {
  const [one, other] = [await run(base), await run(base + 1)]
  assert.notEqual(one.traceHash, other.traceHash)
})

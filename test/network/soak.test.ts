/** A short soak; `npm run soak -- --minutes 10` is the whole. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testSeed } from '../support/random.js'
import { runSoak } from './soak-run.js'

test('20 s of random faults under load end with equal digests, sound disks and nothing acknowledged lost', async t => {
  const seed = testSeed('soak')
  const violations = await runSoak({ forMs: 20_000, nodes: 3, seed, tell: line => t.diagnostic(line) })
  assert.deepEqual(violations, [])
})

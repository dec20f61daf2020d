/** Which batches are remembered as applied lately: the last ones always, and never more than two generations. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ShortId } from '../../src/log/index.js'
import { RecentBatches } from '../../src/replication/recent.js'

const idOf = (n: number) => n.toString(16).padStart(32, '0') as ShortId

test('the last 8,192 batches are known with their positions, and old ones are not', () => {
  const recent = new RecentBatches()
  for (let n = 1; n <= 50_000; n++) {
    recent.add(idOf(n), n)
    assert.equal(recent.get(idOf(n)), n)
    const first = Math.max(1, n - 8191)
    assert.equal(recent.get(idOf(first)), first)
    if (n > 16_384) assert.equal(recent.has(idOf(n - 16_384)), false)
  }
  assert.equal(recent.get(idOf(60_000)), undefined)
})

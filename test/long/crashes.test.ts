/** A thousand SIGKILLs, of up to all three nodes at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killAtRandom } from '../network/crashes.js'
import { testSeed } from '../support/random.js'

const KILLS = 1_000

test('under a thousand SIGKILLs nothing acknowledged is lost and no client id takes effect twice', async t => {
  const killed = await killAtRandom({
    seed: testSeed('a thousand SIGKILLs'),
    atOnce: 3,
    enough: kills => kills >= KILLS
  })
  t.diagnostic(JSON.stringify(killed))
  assert.ok(killed.kills >= KILLS && killed.starting > 0)
})

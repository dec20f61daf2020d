/**
 * Crashes of real processes: random SIGKILLs under load, and an old raw copy of a directory put back.
 * `NATTER_CHAOS_SECONDS` sets how long the killing goes on (15 by default).
 */
import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import { afterEach, test } from 'node:test'
import { connectedTo, equalDigests } from '../support/cluster.js'
import { Fleet } from '../support/peer-process.js'
import { testSeed } from '../support/random.js'
import { killAtRandom } from './crashes.js'

let fleet = new Fleet()
afterEach(async () => {
  await fleet.end()
  fleet = new Fleet()
})

const CHAOS_MS = Number(process.env['NATTER_CHAOS_SECONDS'] ?? 15) * 1000

test('under random SIGKILLs nothing acknowledged is lost and no client id takes effect twice', async t => {
  const seed = testSeed('random SIGKILLs')
  const end = performance.now() + CHAOS_MS
  const killed = await killAtRandom({ seed, atOnce: 1, enough: () => performance.now() > end })
  t.diagnostic(JSON.stringify(killed))
  assert.ok(killed.kills > 0 && killed.writes > 0)
})

test('a raw copy put back that writes before it meets anybody loses nothing and ends equal', async () => {
  let a = await fleet.start('a')
  let b = await fleet.start('b', ['--bootstrap', a.addr])
  await connectedTo(a, 1)
  await a.put('one', 1)
  await a.stop('SIGKILL')
  const copy = await fleet.dir('copy')
  await cp(a.init.dataDir, copy, { recursive: true })
  a = await fleet.restart(a)
  await connectedTo(a, 1)
  const spread = await a.put('two', 2, '?ack=1&wait=10s')
  assert.equal(spread.status, 200)
  await a.stop()
  await b.stop()
  await rm(a.init.dataDir, { recursive: true })
  await cp(copy, a.init.dataDir, { recursive: true })
  a = await fleet.restart(a)
  assert.equal(await a.value('two'), undefined)
  assert.equal((await a.put('three', 3)).status, 200)
  b = await fleet.restart(b)
  await equalDigests([a, b])
  for (const peer of [a, b]) {
    assert.deepEqual(await Promise.all(['one', 'two', 'three'].map(key => peer.value(key))), [1, 2, 3])
  }
})

/** A peer that stands still while others write; see stopped-peer.ts. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { Fleet } from '../support/peer-process.js'
import { measurable } from '../support/process-stats.js'
import { blockedLoop, GROWTH_CAP_MIB, stoppedPeer } from './stopped-peer.js'

let fleet = new Fleet()
afterEach(async () => {
  await fleet.end()
  fleet = new Fleet()
})

test('100 MB written while a peer stands still stay on disk, reach the others, and it when it goes on', async t => {
  const { growthMib } = await stoppedPeer(fleet, { bytes: 100e6, tell: line => t.diagnostic(line) })
  if (measurable) assert.ok(growthMib <= GROWTH_CAP_MIB, `the writer grew by ${growthMib} MiB`)
  else t.diagnostic('this machine shows no memory of processes: that was not tested here')
})

test('a peer whose event loop stands still for 3 s loses nothing and is blamed for nothing', async t => {
  await blockedLoop(fleet, { forMs: 3000, times: 1, tell: line => t.diagnostic(line) })
})

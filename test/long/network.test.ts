/**
 * The campaigns of `test/network` over whole processes, in full size: `npm run test:long`. The same functions as in
 * `npm test`, with larger numbers.
 */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { badLines } from '../network/bad-lines.js'
import { flapping, partition, threeHosts } from '../network/partitions.js'
import { silentSockets, smallHeap } from '../network/pressure.js'
import { absence, lockStep } from '../network/returning.js'
import { runSoak } from '../network/soak-run.js'
import { blockedLoop, GROWTH_CAP_MIB, stoppedPeer } from '../network/stopped-peer.js'
import { Fleet } from '../support/peer-process.js'
import { measurable } from '../support/process-stats.js'
import { testSeed } from '../support/random.js'

let fleet = new Fleet()
afterEach(async () => {
  await fleet.end()
  fleet = new Fleet()
})

describe('peers that stand still or are away', () => {
  test('1 GB written while a peer stands still stays on disk, reaches the others, and it when it goes on', async t => {
    const { growthMib } = await stoppedPeer(fleet, { bytes: 1e9, tell: line => t.diagnostic(line) })
    if (measurable) assert.ok(growthMib <= GROWTH_CAP_MIB, `the writer grew by ${growthMib} MiB`)
    else t.diagnostic('this machine shows no memory of processes: that was not tested here')
  })

  test('a peer whose event loop stands still for 15 s, four times, loses nothing and is blamed for nothing', async t => {
    await blockedLoop(fleet, { forMs: 15_000, times: 4, tell: line => t.diagnostic(line) })
  })

  for (const seconds of [10, 70]) {
    test(`an address where nobody answered for ${seconds} s is connected within the back-off, and so is a peer killed as long`, async t => {
      await absence(fleet, { awayMs: seconds * 1000, tell: line => t.diagnostic(line) })
    })
  }

  test('ten nodes killed and started at the same moment are equal within 60 s', async t => {
    await lockStep(fleet, { nodes: 10, withinMs: 60_000, tell: line => t.diagnostic(line) })
  })
})

describe('links', () => {
  const cases = [
    ['two hosts parted from one for a minute end equal, once', [0, 2], [2, 0], [1, 2], [2, 1]],
    [
      'three hosts parted from each other for a minute end equal, once',
      [0, 1],
      [1, 0],
      [0, 2],
      [2, 0],
      [1, 2],
      [2, 1]
    ],
    ['a host that hears nobody for a minute ends equal, once', [0, 2], [1, 2]],
    ['a host that nobody hears for a minute ends equal, once', [2, 0], [2, 1]]
  ] as const
  for (const [name, ...cuts] of cases) {
    test(name, async t => {
      const seed = testSeed(name)
      const hosts = await threeHosts(fleet)
      if (hosts === undefined)
        t.diagnostic('this machine allows no network namespaces: nothing was tested here')
      else {
        const tell = (line: string): void => t.diagnostic(line)
        await partition(hosts, { seed, cuts, heldMs: 60_000, tell }).finally(() => hosts.end())
      }
    })
  }

  test('links that flap for 100 s lose nothing: all end equal', async t => {
    const seed = testSeed('flapping links')
    const hosts = await threeHosts(fleet)
    if (hosts === undefined)
      t.diagnostic('this machine allows no network namespaces: nothing was tested here')
    else {
      const tell = (line: string): void => t.diagnostic(line)
      await flapping(hosts, { seed, forMs: 100_000, tell }).finally(() => hosts.end())
    }
  })

  test('100 s of resets in mid-frame, delays and trickles lose no acknowledged op: all end equal', async t => {
    await badLines(fleet, { seed: testSeed('bad lines'), forMs: 100_000, tell: line => t.diagnostic(line) })
  })
})

describe('pressure', () => {
  test('with 1,000 silent sockets and half handshakes a known peer connects within 10 s, and descriptors come back', async t => {
    await silentSockets(fleet, { sockets: 1000, connectedWithinMs: 10_000, tell: line => t.diagnostic(line) })
  })

  test('a node with 96 MiB of heap takes in 500,000 ops from a peer and stays alive', async t => {
    await smallHeap(fleet, { ops: 500_000, heapMib: 96, tell: line => t.diagnostic(line) })
  })

  test('200 s of random faults on five nodes under load end with equal digests and sound disks', async t => {
    const seed = testSeed('soak of five')
    const violations = await runSoak({ forMs: 200_000, nodes: 5, seed, tell: line => t.diagnostic(line) })
    assert.deepEqual(violations, [])
  })
})

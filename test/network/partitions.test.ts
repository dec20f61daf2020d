/** Dead and one-way links between three hosts; see partitions.ts. The cases wait most of the time, so they run at once. */
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { Fleet } from '../support/peer-process.js'
import { testSeed } from '../support/random.js'
import type { Hosts } from './partitions.js'
import { flapping, partition, threeHosts } from './partitions.js'

async function onThreeHosts(t: TestContext, run: (hosts: Hosts) => Promise<void>): Promise<void> {
  const hosts = await threeHosts(new Fleet())
  if (hosts === undefined) {
    t.diagnostic('this machine allows no network namespaces: nothing was tested here')
    return
  }
  try {
    await run(hosts)
  } finally {
    await hosts.end()
  }
}

describe('links that drop packets', { concurrency: true }, () => {
  test('a half-open link is noticed within 30 s on both sides; two hosts parted from one end equal, once', async t => {
    const seed = testSeed('partition 2|1')
    const cuts = [
      [0, 2],
      [2, 0],
      [1, 2],
      [2, 1]
    ] as const
    await onThreeHosts(t, hosts =>
      partition(hosts, { seed, cuts, heldMs: 1000, tell: line => t.diagnostic(line) })
    )
  })

  test('a link that carries one way only is given up by both; the third host passes on; all end equal', async t => {
    const seed = testSeed('one-way partition')
    await onThreeHosts(t, hosts =>
      partition(hosts, {
        seed,
        cuts: [[0, 1]],
        around: [0, 1],
        heldMs: 0,
        tell: line => t.diagnostic(line)
      })
    )
  })

  test('links that flap lose nothing: all end equal', async t => {
    const seed = testSeed('flapping links')
    await onThreeHosts(t, hosts => flapping(hosts, { seed, forMs: 10_000, tell: line => t.diagnostic(line) }))
  })
})

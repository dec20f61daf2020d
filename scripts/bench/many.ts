/** Networks of several nodes: how soon they agree without gossip, with a gossip that loses, and fifty in one process. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { NatterNode } from '../../src/node.js'
import { createNode } from '../../src/node.js'
import { Counting } from './counting.js'
import type { Bench, Scale } from './harness.js'
import { pick } from './harness.js'
import type { Line } from './line.js'
import { boundLine, toldLine } from './line.js'
import { lossyAgreeMs } from './lossy-network.js'
import { AGREE_MS, agree, withMany } from './pair.js'
import { putsOf, Records } from './records.js'

const CONVERGE_MS = 10_000
const BATCH = 10
const LOSS = 0.3

async function runConverge(scale: Scale): Promise<Line[]> {
  const nodes = 3
  const rounds = pick(scale, { quick: 20, full: 200 })
  const ms = await withMany(nodes, { gossip: false }, async (hub, others) => {
    const sources = [hub, ...others].map((_, i) => new Records(`of-${i}`))
    for (let n = 0; n < rounds; n++) {
      await hub.db.batch(putsOf(sources[0]!.take(BATCH)))
      await Promise.all(others.map((far, i) => far.call('put', putsOf(sources[i + 1]!.take(BATCH)))))
    }
    return agree(hub, others)
  })
  return [
    boundLine(`${nodes} nodes agree after the last write, gossip off`, ms, 'ms', { atMost: CONVERGE_MS }),
    await lossyGossip(scale)
  ]
}

async function lossyGossip(scale: Scale): Promise<Line> {
  const nodes = 12
  const ms = await lossyAgreeMs(nodes, pick(scale, { quick: 10, full: 50 }), LOSS, AGREE_MS)
  return boundLine(
    `${nodes} nodes agree after the last write, gossip loses ${LOSS * 100} %`,
    ms,
    'ms',
    { atMost: CONVERGE_MS },
    { durability: 'memory', note: 'real stores and engines in one process, network and disks in memory' }
  )
}

/** Single writes a second over all nodes of the process. */
const PACE = 10

async function runFifty(scale: Scale): Promise<Line[]> {
  const count = pick(scale, { quick: 12, full: 50 })
  const writes = PACE * pick(scale, { quick: 2, full: 5 })
  const counting = new Counting()
  const nodes: NatterNode[] = []
  const before = process.memoryUsage.rss()
  try {
    const startedAtMs = performance.now()
    for (let i = 0; i < count; i++) nodes.push(await joinOne(nodes, counting))
    const timeout = AGREE_MS
    await Promise.all(nodes.map(node => node.sync.wait({ connected: Math.min(count - 1, 4), timeout })))
    const startMs = performance.now() - startedAtMs
    const records = new Records()
    counting.take()
    for (let i = 0; i < writes; i++) {
      const [{ key, value }] = records.take(1) as [ReturnType<Records['take']>[0]]
      await nodes[i % count]!.db.put(key, value)
      await sleep(1000 / PACE)
    }
    const agreeMs = await agreement(nodes)
    const { copies } = counting.take()
    const extras = { durability: 'memory' } as const
    const what = `${count} nodes in one process`
    return [
      boundLine(`${what} agree after the last write`, agreeMs, 'ms', { atMost: CONVERGE_MS }, extras),
      boundLine(
        `${what}: copies of a batch per node, ${PACE} a second`,
        copies / writes / (count - 1),
        'copies',
        { atMost: 1.3 },
        extras
      ),
      toldLine(`${what}: start and find each other`, startMs, 'ms', extras),
      toldLine(`${what}: memory each`, (process.memoryUsage.rss() - before) / count / 1e6, 'MB', extras)
    ]
  } finally {
    await Promise.all(nodes.map(node => node.stop()))
  }
}

/** One more node, by the address of an earlier one: not all by the same, which takes only so many a second. */
async function joinOne(nodes: readonly NatterNode[], { logger }: Counting): Promise<NatterNode> {
  const status = await nodes[Math.floor(nodes.length / 2)]?.status()
  const bootstrap = status?.addrs ?? []
  const node = await createNode({ mdns: false, name: `node-${nodes.length}`, bootstrap, logger })
  if (status !== undefined) await node.sync.wait({ connected: 1, timeout: AGREE_MS })
  return node
}

async function agreement(nodes: readonly NatterNode[]): Promise<number> {
  const startedAtMs = performance.now()
  for (;;) {
    const states = await Promise.all(nodes.map(node => node.status()))
    const passedMs = performance.now() - startedAtMs
    if (new Set(states.map(state => state.stateDigest)).size === 1) return passedMs
    if (passedMs > AGREE_MS) return Number.POSITIVE_INFINITY
    await sleep(5)
  }
}

export const manyBenches: readonly Bench[] = [
  { name: 'converge', run: runConverge },
  { name: 'fifty', run: runFifty }
]

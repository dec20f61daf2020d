/** Two nodes in two processes on loopback, against the bare pipeline between two processes. */
import { join } from 'node:path'
import type { SyncRound } from '../../src/base/index.js'
import type { NatterNode } from '../../src/node.js'
import { createNode } from '../../src/node.js'
import { FarNode } from './far-node.js'
import type { Bench, Line, Scale } from './harness.js'
import { entries, entry, median, milliseconds, payloadBytes, shareLine, withFolder } from './harness.js'
import { AGREE_MS, withMany, withPair, withPipeline } from './pair.js'
import { runSingles } from './singles.js'

const BULK = 1000

async function putBatch(node: NatterNode, from: number, count: number): Promise<void> {
  await node.db.batch(entries(from, count).map(({ key, value }) => ({ type: 'put', key, value })))
}

async function pipelineRate(ops: number): Promise<number> {
  return withPipeline(async pipeline => {
    const startedAtMs = performance.now()
    for (let n = 0; n < ops; n += BULK) await pipeline.write(entries(n, BULK))
    await pipeline.drain()
    return (ops * 1000) / (performance.now() - startedAtMs)
  })
}

async function runLive(scale: Scale): Promise<Line[]> {
  const ops = scale.ops / 2
  const bareRates: number[] = []
  const rates: number[] = []
  for (let i = 0; i < (scale.quick ? 2 : 3); i++) {
    bareRates.push(await pipelineRate(ops))
    rates.push(
      await withPair({}, async ({ near }) => {
        await putBatch(near, 0, 1)
        await near.sync.wait({ acked: 1, timeout: AGREE_MS })
        const startedAtMs = performance.now()
        for (let n = 0; n < ops; n += BULK) await putBatch(near, n, BULK)
        await near.sync.wait({ acked: 1, timeout: AGREE_MS })
        return (ops * 1000) / (performance.now() - startedAtMs)
      })
    )
  }
  const bare = median(bareRates)
  return [
    shareLine(
      `A→B live, durable at both ends, batches of ${BULK}`,
      0.6,
      median(rates),
      bare,
      'bare: the pipeline'
    ),
    await runCatchUp(ops, bare)
  ]
}

async function runCatchUp(ops: number, bare: number): Promise<Line> {
  const rate = await withFolder(async folder => {
    const near = await createNode({ dataDir: join(folder, 'near'), mdns: false })
    const far = await FarNode.spawn()
    try {
      for (let n = 0; n < ops; n += BULK) await putBatch(near, n, BULK)
      const { addrs } = await near.status()
      const startedAtMs = performance.now()
      await far.call('start', { options: { dataDir: join(folder, 'far'), mdns: false, bootstrap: addrs } })
      await near.sync.wait({ connected: 1, timeout: AGREE_MS })
      await near.sync.wait({ acked: 1, timeout: AGREE_MS })
      return (ops * 1000) / (performance.now() - startedAtMs)
    } finally {
      await far.end()
      await near.stop()
    }
  })
  return shareLine(
    `a fresh node catches up ${ops.toLocaleString('en')} ops`,
    0.6,
    rate,
    bare,
    'with its start; bare: the pipeline'
  )
}

/** The first round with the peer after `act`. */
function nextRound(node: NatterNode, act: () => Promise<unknown>): Promise<SyncRound> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no sync round ended')), AGREE_MS)
    const listener = (event: CustomEvent<SyncRound>) => {
      clearTimeout(timer)
      node.events.removeEventListener('sync', listener as EventListener)
      resolve(event.detail)
    }
    node.events.addEventListener('sync', listener)
    act().catch(reject)
  })
}

async function runReconnect(scale: Scale): Promise<Line[]> {
  const behind = 100
  return withPair({}, async ({ near, far }) => {
    for (let n = 0; n < scale.ops; n += BULK) await putBatch(near, n, BULK)
    await near.sync.wait({ acked: 1, inSync: true, timeout: AGREE_MS })

    await far.call('pause', undefined)
    const inSync = await nextRound(near, () => far.call('resume', undefined))
    await near.sync.wait({ connected: 1, inSync: true, timeout: AGREE_MS })

    await far.call('pause', undefined)
    const late = entries(scale.ops, behind, 'late')
    const payload = late.reduce((sum, one) => sum + payloadBytes(one), 0)
    for (const { key, value } of late) await near.db.put(key, value)
    const round = await nextRound(near, () => far.call('resume', undefined))
    return [
      roundLine('reconnect, in sync', inSync, 512, 1),
      roundLine(
        `reconnect, ${behind} ops behind of ${scale.ops.toLocaleString('en')}`,
        round,
        1.2 * payload + 1024,
        2,
        `ops: ${payload} B of keys and values`
      )
    ]
  })
}

function roundLine(what: string, round: SyncRound, maxBytes: number, maxTrips: number, note?: string): Line {
  const bytes = round.bytesSent + round.bytesReceived
  return {
    what,
    budget: `≤ ${maxTrips} RTT, ≤ ${maxBytes.toFixed(0)} B`,
    measured: `${round.roundTrips} RTT, ${bytes} B`,
    ratio: bytes / maxBytes,
    ok: bytes <= maxBytes && round.roundTrips <= maxTrips,
    note: note ?? `round ${round.status}, ${milliseconds(round.durationMs)}`
  }
}

/** Batches a second that are written one by one. */
const PACE = 20

/** Every node a neighbour of every other, and, where there is time for so many processes, more nodes than that. */
async function runCopies({ quick }: Scale): Promise<Line[]> {
  const few = await copiesAmong(4, quick ? 3 : 10, 1.1)
  return quick ? [few] : [few, await copiesAmong(11, 10, 1.3)]
}

async function copiesAmong(nodes: number, seconds: number, most: number): Promise<Line> {
  return withMany(nodes, {}, async (hub, others) => {
    let n = 0
    const writeFor = async (duration: number) => {
      for (let i = 0; i < duration * PACE; i++) {
        const { key, value } = entry(n++)
        await hub.db.put(key, value)
        await new Promise(resolve => setTimeout(resolve, 1000 / PACE))
      }
      await agree(hub, others)
    }
    await writeFor(3) // the rate is known by then
    await Promise.all(others.map(far => far.call('copies', undefined)))
    const before = n
    await writeFor(seconds)
    const counts = await Promise.all(others.map(far => far.call('copies', undefined)))
    const copies = counts.reduce((sum, count) => sum + count, 0) / others.length / (n - before)
    return {
      what: `copies of a batch per node, ${nodes} nodes, ${PACE} batches a second`,
      budget: `≤ ${most}`,
      measured: copies.toFixed(3),
      ratio: copies / most,
      ok: copies <= most,
      note: 'by streams and by gossip, as the node sees them: after the duplicate filter of gossipsub'
    }
  })
}

/** Milliseconds until all nodes show one state; infinite when that takes too long. */
async function agree(hub: NatterNode, others: readonly FarNode[]): Promise<number> {
  const startedAtMs = performance.now()
  for (;;) {
    const states = [
      await hub.status(),
      ...(await Promise.all(others.map(far => far.call('status', undefined))))
    ]
    const passedMs = performance.now() - startedAtMs
    if (new Set(states.map(state => state.stateDigest)).size === 1) return passedMs
    if (passedMs > AGREE_MS) return Number.POSITIVE_INFINITY
  }
}

async function runConverge({ quick }: Scale): Promise<Line[]> {
  const nodes = 3
  const ms = await withMany(nodes, { gossip: false }, async (hub, others) => {
    for (let n = 0; n < (quick ? 20 : 200); n++) {
      await putBatch(hub, n * 10, 10)
      await Promise.all(others.map((far, i) => far.call('put', entries(n * 10, 10, `far-${i}`))))
    }
    return agree(hub, others)
  })
  return [
    {
      what: `${nodes} nodes agree after the last write, gossip off`,
      budget: '≤ 10 s',
      measured: milliseconds(ms),
      ratio: ms / 10_000,
      ok: ms <= 10_000
    }
  ]
}

export const networkBenches: readonly Bench[] = [
  { name: 'live', run: runLive },
  { name: 'singles', run: runSingles },
  { name: 'reconnect', run: runReconnect },
  { name: 'copies', run: runCopies },
  { name: 'converge', run: runConverge }
]

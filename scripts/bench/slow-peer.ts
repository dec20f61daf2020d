/** Memory that peers cost which take nothing: stopped where they are, while their node writes on. */
import { FarNode } from './far-node.js'
import type { Bench, Scale } from './harness.js'
import { pick, withFolder } from './harness.js'
import type { Line } from './line.js'
import { boundLine } from './line.js'
import { withFar } from './pair.js'

const PEERS = 4
const BATCH = 1000

/** MB of the writing process at its highest, with so many stopped peers. */
function highestMb(peers: number, ops: number): Promise<number> {
  return withFolder(folder =>
    withFar(async hub => {
      await hub.call('start', { options: { dataDir: `${folder}/hub`, mdns: false } })
      const { addrs: bootstrap } = await hub.call('status')
      const stopped: FarNode[] = []
      try {
        for (let i = 0; i < peers; i++) {
          const far = await FarNode.spawn()
          stopped.push(far)
          const options = { dataDir: `${folder}/${i}`, mdns: false, name: `far-${i}`, bootstrap }
          await far.call('start', { options })
        }
        // What everybody has, so that all are connected and have their streams.
        await hub.call('put', [{ type: 'put', key: 'first', value: { n: 0, text: '' } }])
        for (const far of stopped) await untilThere(far)
        for (const far of stopped) far.freeze()
        return (await hub.call('fill', { prefix: 'bench', count: ops, batch: BATCH })).anonymous
      } finally {
        for (const far of stopped) far.thaw()
        await Promise.all(stopped.map(far => far.end()))
      }
    })
  )
}

async function untilThere(far: FarNode): Promise<void> {
  while ((await far.call('status')).ops === 0) await new Promise(resolve => setTimeout(resolve, 20))
}

async function runSlowPeer(scale: Scale): Promise<Line[]> {
  const ops = pick(scale, { quick: 20_000, full: 400_000 })
  const alone = await highestMb(0, ops)
  const beside = await highestMb(PEERS, ops)
  return [
    boundLine(
      `memory per peer that takes nothing, ${ops.toLocaleString('en')} ops in batches of ${BATCH}`,
      Math.max(0, (beside - alone) / PEERS),
      'MB',
      { atMost: 16 },
      { note: `${beside.toFixed(0)} MB at most with ${PEERS} of them, ${alone.toFixed(0)} MB without` }
    )
  ]
}

export const slowPeerBenches: readonly Bench[] = [{ name: 'slow-peer', groups: ['memory'], run: runSlowPeer }]

/** Peers that are away and come back: what of them is redialled, and how long that takes. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectedTo, equalDigests } from '../support/cluster.js'
import { freePort } from '../support/free-port.js'
import type { Fleet, PeerProcess } from '../support/peer-process.js'
import { until } from '../support/until.js'

/** The longest wait of the redialler, with a dial and a slow machine. */
const RECONNECTED_WITHIN_MS = 30_000 + 10_000

/**
 * Nobody answers at an address for a while; then a node does that knows nobody, so that only redialling finds it.
 * It goes away in the same manner again, and writes of the others wait for it.
 */
export async function absence(
  fleet: Fleet,
  init: { awayMs: number; tell: (line: string) => void }
): Promise<void> {
  const port = await freePort()
  const address = `/ip4/127.0.0.1/tcp/${port}`
  const dialler = await fleet.start('dialler', ['--bootstrap', address])
  const other = await fleet.start('other', ['--bootstrap', dialler.addr])
  await connectedTo(other, 1)
  await sleep(init.awayMs)
  let absent = await fleet.start('absent', ['--listen', address])
  const firstMs = await untilConnected(dialler, absent)
  await equalDigests([dialler, other, absent], RECONNECTED_WITHIN_MS)

  await absent.stop('SIGKILL')
  assert.equal((await dialler.put('missed', 1)).status, 200)
  await sleep(init.awayMs)
  assert.equal((await other.put('missed too', 2)).status, 200)
  absent = await fleet.restart(absent)
  const againMs = await untilConnected(dialler, absent)
  await equalDigests([dialler, other, absent], RECONNECTED_WITHIN_MS)
  assert.deepEqual(await Promise.all(['missed', 'missed too'].map(key => absent.value(key))), [1, 2])
  init.tell(`away ${init.awayMs} ms: first found after ${firstMs} ms, back after ${againMs} ms`)
}

async function untilConnected(peer: PeerProcess, other: PeerProcess): Promise<number> {
  const startedAt = performance.now()
  await until('they are connected', RECONNECTED_WITHIN_MS, async () => {
    const { body } = await peer.get('/peers')
    const known = body.peers.find(({ peer: id }: { peer: string }) => id === other.peerId)
    return known !== undefined && known.state !== 'offline' && known.state !== 'unknown'
  })
  return Math.round(performance.now() - startedAt)
}

/** All nodes are killed and started again at the same moment, with something written just before. */
export async function lockStep(
  fleet: Fleet,
  init: { nodes: number; withinMs: number; tell: (line: string) => void }
): Promise<void> {
  const first = await fleet.start('n0')
  const peers = [first]
  for (let n = 1; n < init.nodes; n++) peers.push(await fleet.start(`n${n}`, ['--bootstrap', first.addr]))
  for (const peer of peers) await connectedTo(peer, 1)
  await Promise.all(peers.map((peer, n) => peer.put(`of ${n}`, n)))
  await Promise.all(peers.map(peer => peer.stop('SIGKILL')))
  const again = await Promise.all(peers.map(peer => fleet.restart(peer)))
  const startedAt = performance.now()
  await Promise.all(again.map((peer, n) => peer.put(`of ${n} again`, n)))
  await equalDigests(again, init.withinMs)
  init.tell(`${init.nodes} nodes equal ${Math.round(performance.now() - startedAt)} ms after they were up`)
  assert.equal((await again[0]!.digests()).keys, 2 * init.nodes)
}

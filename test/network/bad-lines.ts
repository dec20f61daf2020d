/**
 * Three nodes whose every connection goes over a bad line: slow, narrow, and reset in the middle of frames. One campaign
 * with parameters for `npm test` and `npm run test:long`.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectedTo, equalDigests } from '../support/cluster.js'
import { freePort } from '../support/free-port.js'
import { Load } from '../support/load.js'
import type { Fleet } from '../support/peer-process.js'
import { PeerProcess } from '../support/peer-process.js'
import { BadLine } from '../support/proxy.js'
import { seededFractions } from '../support/random.js'

const REDIRECT = new URL('../support/redirect-main.js', import.meta.url).href
const NODES = 3
/** The longest wait of the redialler, and a minute on good lines. */
const EQUAL_WITHIN_MS = 90_000
const GOOD = { delayMs: 0, bytesPerSecond: 50_000_000 }

export interface BadLinesInit {
  readonly seed: number
  readonly forMs: number
  readonly tell: (line: string) => void
}

/** Random resets, delays and trickles for a while; then good lines, and everything acknowledged is everywhere. */
export async function badLines(fleet: Fleet, init: BadLinesInit): Promise<void> {
  const fraction = seededFractions(init.seed)
  const ports = await Promise.all(Array.from({ length: NODES }, freePort))
  const proxies = await Promise.all(ports.map(port => BadLine.start(port, { ...GOOD })))
  const redirect = Object.fromEntries(ports.map((port, at) => [port, proxies[at]!.port]))
  const env = {
    NODE_OPTIONS: `--import ${REDIRECT}`,
    NATTER_TEST_REDIRECT: JSON.stringify(redirect)
  }
  try {
    const peers: PeerProcess[] = []
    for (const [at, port] of ports.entries()) {
      const bootstrap = peers[0] === undefined ? [] : ['--bootstrap', peers[0].addr]
      const args = ['--listen', `/ip4/127.0.0.1/tcp/${port}`, ...bootstrap]
      peers.push(fleet.adopt(await PeerProcess.start({ dataDir: await fleet.dir(`n${at}`), args, env })))
    }
    for (const peer of peers) await connectedTo(peer, NODES - 1)
    const load = new Load({ peers, fraction: seededFractions(init.seed + 1), everyMs: 20 })
    load.start()
    const end = performance.now() + init.forMs
    while (performance.now() < end) {
      const proxy = proxies[Math.floor(fraction() * NODES)]!
      const kind = fraction()
      if (kind < 0.5) proxy.reset()
      else if (kind < 0.7) Object.assign(proxy.line, { delayMs: fraction() * 50 })
      else if (kind < 0.85) Object.assign(proxy.line, { bytesPerSecond: 5_000 + fraction() * 50_000 })
      else Object.assign(proxy.line, GOOD)
      await sleep(fraction() * 1000)
    }
    for (const proxy of proxies) Object.assign(proxy.line, GOOD)
    const goodAt = performance.now()
    await load.stop()
    await equalDigests(peers, EQUAL_WITHIN_MS)
    const equalMs = performance.now() - goodAt
    await load.check(peers[0]!)
    const resets = proxies.reduce((sum, proxy) => sum + proxy.resets, 0)
    init.tell(
      `${resets} resets, ${load.writes} writes, equal ${Math.round(equalMs)} ms after the lines were good`
    )
    assert.ok(resets > 0)
    for (const peer of peers) await noDamage(peer)
  } finally {
    await fleet.end()
    for (const proxy of proxies) await proxy.end()
  }
}

/** Nobody took a torn frame for a lie, and nothing torn came onto a disk. */
async function noDamage(peer: PeerProcess): Promise<void> {
  assert.equal((await peer.request('POST', '/verify', {})).body.ok, true)
  const { body } = await peer.get('/peers')
  for (const { circuit } of body.peers) assert.equal(circuit, 'closed')
}

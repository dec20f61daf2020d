/**
 * One net as a process of its own, for tests that need another host or a real exit. Prints one JSON line per event, stops at
 * the end of its input, and must then end by itself.
 */
import '../../src/polyfills.js'
import { defaultLogger } from '@libp2p/logger'
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import { DEFAULT_LIMITS, fromHex } from '../../src/base/index.js'
import { systemClock, systemRandom } from '../../src/base/system.js'
import type { DatabaseId } from '../../src/log/index.js'
import { peerIdOf } from '../../src/log/index.js'
import { createNet } from '../../src/net/index.js'

export interface PeerMainOptions {
  database: string
  listen: string[]
  bootstrap?: string[]
  mdns?: boolean
  psk?: string
}

function tell(event: string, fields: Record<string, unknown> = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`)
}

const options = JSON.parse(process.argv[2]!) as PeerMainOptions
const seed = systemRandom.bytes(32)
const net = await createNet({
  seed,
  publicKey: nodeSigner(seed).publicKey,
  database: options.database as DatabaseId,
  network: 'test',
  name: 'peer',
  app: { name: 'test', version: '1' },
  capabilities: [],
  listen: options.listen,
  announce: [],
  bootstrap: options.bootstrap ?? [],
  psk: options.psk === undefined ? undefined : fromHex(options.psk),
  mdns: options.mdns ?? false,
  gossip: true,
  breaker: { threshold: 5, coolDownMs: 30_000 },
  limits: DEFAULT_LIMITS,
  clock: systemClock,
  random: systemRandom,
  crypto: nodeCrypto,
  logger: defaultLogger()
})
await net.start({
  onStream: stream => stream.abort(new Error('not here')),
  onGossip: () => 'accept',
  onPeerConnected: peer => tell('connected', { peer: peerIdOf(peer) }),
  onPeerDisconnected: peer => tell('disconnected', { peer: peerIdOf(peer) }),
  onRefused: (peer, reason) => tell('refused', { peer: peer === undefined ? null : peerIdOf(peer), reason }),
  onDiscovered: peer => tell('discovered', { peer: peerIdOf(peer) }),
  onPresence: record => tell('presence', { peer: peerIdOf(record.peer) })
})
tell('ready', { addrs: net.addrs() })
process.stdin.resume()
process.stdin.on('end', async () => {
  const startedAt = Date.now()
  await net.stop()
  tell('stopped', { tookMs: Date.now() - startedAt })
})

/** Nets on 127.0.0.1 for the tests of this folder: made by `makeNet`, stopped by `stopAll`, watched by `until`. */
import { until as untilTruthy } from '../support/until.js'
import '../../src/polyfills.js'
import { defaultLogger } from '@libp2p/logger'
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import { DEFAULT_LIMITS } from '../../src/base/index.js'
import { systemClock, systemRandom } from '../../src/base/system.js'
import type { Author, DatabaseId } from '../../src/log/index.js'
import { authorOf } from '../../src/log/index.js'
import type {
  GossipVerdict,
  Net,
  NetHandlers,
  NetInit,
  PresenceRecord,
  SyncStream
} from '../../src/net/index.js'
import { createNet } from '../../src/net/index.js'

export const DATABASE = '11'.repeat(32) as DatabaseId

export interface Told {
  readonly connected: Author[]
  readonly disconnected: Author[]
  readonly discovered: Author[]
  readonly refused: { peer: Author | undefined; reason: string; addr: string | undefined }[]
  readonly presence: PresenceRecord[]
  readonly gossip: { data: Uint8Array; from: Author }[]
}

export interface TestNet {
  readonly net: Net
  readonly self: Author
  readonly seed: Uint8Array
  readonly told: Told
  onStream: (stream: SyncStream) => void
  onGossip: (data: Uint8Array, from: Author) => GossipVerdict | Promise<GossipVerdict>
}

const running: Net[] = []

/** A started net on loopback with a port of its own. */
export async function makeNet(given: Partial<NetInit> = {}): Promise<TestNet> {
  const made = await prepareNet(given)
  await made.start()
  return made
}

/** The same, not yet started. */
export async function prepareNet(
  given: Partial<NetInit> = {}
): Promise<TestNet & { start(): Promise<void> }> {
  const seed = given.seed ?? systemRandom.bytes(32)
  const { publicKey } = nodeSigner(seed)
  const net = await createNet({
    seed,
    publicKey,
    database: DATABASE,
    network: 'test',
    name: 'node',
    app: { name: 'test', version: '1' },
    capabilities: [],
    listen: ['/ip4/127.0.0.1/tcp/0'],
    announce: [],
    bootstrap: [],
    mdns: false,
    gossip: false,
    breaker: { threshold: 5, coolDownMs: 30_000 },
    clock: systemClock,
    random: systemRandom,
    crypto: nodeCrypto,
    limits: DEFAULT_LIMITS,
    logger: defaultLogger(),
    ...given
  })
  const told: Told = {
    connected: [],
    disconnected: [],
    discovered: [],
    refused: [],
    presence: [],
    gossip: []
  }
  const made = {
    net,
    self: authorOf(publicKey),
    seed,
    told,
    onStream: (stream: SyncStream): void => stream.abort(new Error('no streams expected')),
    onGossip: (): GossipVerdict => 'accept',
    start: async () => {
      running.push(net)
      await net.start(handlers)
    }
  }
  const handlers: NetHandlers = {
    onStream: stream => made.onStream(stream),
    onGossip: (data, from) => {
      told.gossip.push({ data: data.slice(), from })
      return (made as TestNet).onGossip(data, from)
    },
    onPeerConnected: peer => told.connected.push(peer),
    onPeerDisconnected: peer => told.disconnected.push(peer),
    onRefused: (peer, reason, addr) => told.refused.push({ peer, reason, addr }),
    onDiscovered: peer => told.discovered.push(peer),
    onPresence: record => told.presence.push(record)
  }
  return made
}

export async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map(net => net.stop()))
}

/** Waits until `condition` holds; fails with `what` after `timeoutMs`. */
export async function until(what: string, condition: () => boolean, timeoutMs = 30_000): Promise<void> {
  await untilTruthy(what, timeoutMs, condition)
}

export function isConnected(to: Author, test: TestNet): boolean {
  return test.net.connected().some(({ peer }) => peer === to)
}

/** Collects frames; resolves when the stream ends. */
export async function readAll(stream: SyncStream): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = []
  for await (const frame of stream.frames) frames.push(frame)
  return frames
}

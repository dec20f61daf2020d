/**
 * The libp2p node under the net: which parts, with which bounds, and why each differs from its default.
 *
 * Nothing here decides anything: who may connect is asked of the gater that is handed in, how far a connection got is
 * seen by the key watch, and all dialling but a first try of the bootstrap list is the redialler's.
 */
import type { GossipSub } from '@chainsafe/libp2p-gossipsub'
import type { Identify } from '@libp2p/identify'
import { identify } from '@libp2p/identify'
import type {
  ComponentLogger,
  ConnectionGater,
  Libp2p,
  PeerDiscovery,
  PeerInfo,
  PrivateKey
} from '@libp2p/interface'
import type { Ping } from '@libp2p/ping'
import { ping } from '@libp2p/ping'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import type { Hashes } from '../base/index.js'
import { messageOf, NatterError } from '../base/index.js'
import type { DatabaseId } from '../log/index.js'
import { gossipService } from './gossip.js'
import type { KeyWatch } from './key-watch.js'
import { gatherUpdates } from './lean-connection.js'
import { localDiscovery, transports } from './transports.js'

const MIB = 1024 * 1024

export interface Services extends Record<string, unknown> {
  identify: Identify
  ping: Ping
  pubsub?: GossipSub
}

export type Libp2pNode = Libp2p<Services>

export interface NodeConfig {
  readonly key: PrivateKey
  readonly database: DatabaseId
  readonly version: string
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  /** Those that end in a peer id. */
  readonly bootstrap: readonly string[]
  readonly gossip: boolean
  readonly hashes: Hashes
  readonly gater: ConnectionGater
  readonly keyWatch: KeyWatch
  readonly logger: ComponentLogger
  /** Bytes of a stream's write buffer at which it is reset. */
  readonly slowPeerBytes: number
  /** The tag of this network for mDNS, and who hears of found peers; absent for no mDNS. */
  readonly mdns: { readonly tag: string; onFound(peer: PeerInfo): void } | undefined
}

/** A node that is not started yet, so that nobody misses its first events. */
export async function createNode(config: NodeConfig): Promise<Libp2pNode> {
  return createLibp2p<Services>({
    start: false,
    privateKey: config.key,
    nodeInfo: { name: 'natter', version: config.version },
    logger: config.logger,
    addresses: { listen: [...config.listen], appendAnnounce: [...config.announce] },
    transports: await transports(config.listen),
    connectionProtector: await config.keyWatch.protector(),
    connectionEncrypters: [config.keyWatch.encrypter()],
    streamMuxers: [muxer(config.slowPeerBytes)],
    connectionGater: config.gater,
    connectionManager: {
      // Connections beyond the targets are closed by us; this bound is for a crowd that dials in.
      maxConnections: 300,
      // Both defaults count per address, and a whole cluster may live at 127.0.0.1.
      inboundConnectionThreshold: 200,
      maxIncomingPendingConnections: 256,
      // Sockets that connect and say nothing must not hold a place for long. On a starved machine a handshake takes
      // seconds, and giving it up makes it worse.
      inboundUpgradeTimeout: 5000,
      inboundStreamProtocolNegotiationTimeout: 5000,
      outboundStreamProtocolNegotiationTimeout: 5000,
      // A stale address among good ones must not use up the time of all.
      dialTimeout: 10_000,
      addressDialTimeout: 5000,
      // Redialling is ours: libp2p stops after half a minute.
      reconnectRetries: 0
    },
    connectionMonitor: {
      // A partition without a word is noticed within 15 s; a busy peer gets at least 5 s to answer.
      pingInterval: 5000,
      pingTimeout: { minTimeout: 5000, maxTimeout: 10_000 }
    },
    peerDiscovery: await discoveries(config),
    services: {
      identify: identify(),
      ping: ping(),
      ...(config.gossip && { pubsub: gossipService(config) })
    }
  })
}

function muxer(slowPeerBytes: number) {
  const factory = yamux({
    maxInboundStreams: 64,
    streamOptions: {
      // A paused reader holds one window at most: the read buffer must be larger, or the stream is reset instead.
      maxStreamWindowSize: MIB,
      maxReadBufferLength: 4 * MIB,
      // The default is without a bound. Nothing of natter comes near: frames wait in their own queue.
      maxWriteBufferLength: slowPeerBytes
    }
  })
  return () => gatherUpdates(factory())
}

type Discovery = (components: Parameters<Awaited<ReturnType<typeof localDiscovery>>>[0]) => PeerDiscovery

async function discoveries(config: NodeConfig): Promise<Discovery[]> {
  const found: Discovery[] = []
  if (config.bootstrap.length > 0) {
    const { bootstrap } = await import('@libp2p/bootstrap')
    found.push(bootstrap({ list: [...config.bootstrap] }) as unknown as Discovery)
  }
  if (config.mdns !== undefined) found.push(await localDiscovery(config.mdns.tag, config.mdns.onFound))
  return found
}

/** Starts it; an address that cannot be listened on is `PORT_IN_USE` or `INVALID_MULTIADDR`. */
export async function startNode(node: Libp2pNode): Promise<void> {
  try {
    await node.start()
  } catch (error) {
    const text = messageOf(error)
    const inUse = /^\s*(\/\S+): .*EADDRINUSE/m.exec(text)
    if (inUse !== null) {
      throw new NatterError('PORT_IN_USE', `another program listens on ${inUse[1]}`, { cause: error })
    }
    if (text.includes('could not be listened on') || text.includes('failed to be listened on')) {
      throw new NatterError(
        'INVALID_MULTIADDR',
        `cannot listen: ${text.split('\n').slice(1).join(' ').trim()}`,
        {
          cause: error
        }
      )
    }
    throw error
  }
}

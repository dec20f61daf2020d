/**
 * Gossip: one gossipsub topic per database, for fresh batches. A hint to everybody, never a delivery.
 *
 * Messages carry their own signatures, so gossipsub signs nothing and names a message by its content. What is not valid is
 * not passed on: the engine decides, here before anything is forwarded. gossipsub never opens a stream again that died
 * while the connection lives, and reports nothing; a watch over the streams recycles such a connection.
 */
import type { GossipSub, TopicValidatorFn } from '@chainsafe/libp2p-gossipsub'
import { gossipsub, StrictNoSign, TopicValidatorResult } from '@chainsafe/libp2p-gossipsub'
import type { Connection, PeerId } from '@libp2p/interface'
import type { Clock, Hashes, Timer } from '../base/index.js'
import { messageOf, PROTOCOL } from '../base/index.js'
import type { Author, DatabaseId } from '../log/index.js'
import { authorOfPeerId } from '../log/index.js'
import { plainBytes } from './flow.js'
import type { GossipVerdict } from './index.js'

const KIB = 1024
/** Bytes of a message id: enough against chance and choice, little on the wire. */
const MESSAGE_ID_BYTES = 20
/** Bytes of one RPC taken: an answer to IWANT bundles many messages, and what is over the bound kills the stream. */
const MAX_RPC_BYTES = 1024 * KIB
/** Bytes waiting for a slow peer before its gossip stream is given up: it gets everything by the sync protocol. */
const MAX_OUTBOUND_BYTES = 2 * 1024 * KIB
/** Milliseconds between looks at the gossip streams; the second look in a row that misses one recycles. */
const WATCH_INTERVAL_MS = 10_000
const PROTOCOL_PREFIX = '/meshsub/'

export interface GossipComponents {
  readonly clock: Clock
  readonly hashes: Hashes
  readonly database: DatabaseId
  /** Connections to admitted peers, and since when each is open. */
  connections(): readonly { readonly connection: Connection; readonly openedAtMs: number }[]
  /** The protocols that identify told of a peer. */
  protocols(peer: PeerId): Promise<readonly string[]>
  onMessage(data: Uint8Array, from: Author): Promise<GossipVerdict> | GossipVerdict
  /** Somebody passed on what nobody passes on who looks at it. */
  onViolation(from: Author, reason: string): void
  log(line: string): void
}

export function topicOf(database: DatabaseId): string {
  return `natter/${database.slice(0, 16)}`
}

/** The libp2p service, named `pubsub`. */
export function gossipService(components: Pick<GossipComponents, 'hashes' | 'database'>) {
  return gossipsub({
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: message => components.hashes.sha256(message.data).slice(0, MESSAGE_ID_BYTES),
    allowedTopics: [topicOf(components.database)],
    // A message may be published before anybody has subscribed, and the same content twice: neither is an error here.
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    // Own messages go to every connected peer: connections are bounded (targets.ts), and one hop is the fastest.
    floodPublish: true,
    emitSelf: false,
    doPX: false,
    fallbackToFloodsub: false,
    maxInboundDataLength: MAX_RPC_BYTES,
    maxOutboundBufferSize: MAX_OUTBOUND_BYTES,
    maxInboundStreams: 4,
    maxOutboundStreams: 4,
    decodeRpcLimits: {
      maxSubscriptions: 32,
      maxMessages: 256,
      maxIhaveMessageIDs: 5000,
      maxIwantMessageIDs: 5000,
      maxIdontwantMessageIDs: 512,
      maxControlMessages: 5000,
      maxPeerInfos: 0
    },
    // Nodes of one machine, or behind one router, share an address: that is no attack here.
    scoreParams: { IPColocationFactorWeight: 0 }
  })
}

export class Gossip {
  readonly #pubsub: GossipSub
  readonly #components: GossipComponents
  readonly #topic: string
  /** Peers that missed a stream at the last look. */
  #suspects = new Set<string>()
  #timer: Timer | undefined

  constructor(pubsub: GossipSub, components: GossipComponents) {
    this.#pubsub = pubsub
    this.#components = components
    this.#topic = topicOf(components.database)
  }

  start(): void {
    this.#pubsub.topicValidators.set(this.#topic, this.#validate)
    this.#pubsub.subscribe(this.#topic)
    this.#watch()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#pubsub.topicValidators.delete(this.#topic)
  }

  /** Never fails; too large a message is not sent. */
  publish(data: Uint8Array): void {
    if (data.length > PROTOCOL.gossipBytes) return
    this.#pubsub
      .publish(this.#topic, data)
      .catch(error => this.#components.log(`publish: ${messageOf(error)}`))
  }

  /** Connected peers that take part in the topic. */
  peers(): Author[] {
    return this.#pubsub.getSubscribers(this.#topic).flatMap(peer => authorOfPeerId(peer.toString()) ?? [])
  }

  #validate: TopicValidatorFn = async (peer, message) => {
    const from = authorOfPeerId(peer.toString())
    if (from === undefined) return TopicValidatorResult.Reject
    if (message.data.length > PROTOCOL.gossipBytes) {
      this.#components.onViolation(from, `a gossip message of ${message.data.length} bytes`)
      return TopicValidatorResult.Reject
    }
    try {
      const verdict = await this.#components.onMessage(plainBytes(message.data), from)
      if (verdict === 'accept') return TopicValidatorResult.Accept
      if (verdict === 'ignore') return TopicValidatorResult.Ignore
      this.#components.onViolation(from, 'a gossip message that is malformed or not signed by its author')
      return TopicValidatorResult.Reject
    } catch (error) {
      this.#components.log(`gossip from ${peer}: ${messageOf(error)}`)
      return TopicValidatorResult.Ignore
    }
  }

  #watch(): void {
    this.#timer = this.#components.clock.schedule(WATCH_INTERVAL_MS, () => {
      this.#look()
        .catch(error => this.#components.log(`gossip watch: ${messageOf(error)}`))
        .finally(() => {
          if (this.#timer !== undefined) this.#watch()
        })
    })
  }

  async #look(): Promise<void> {
    const now = this.#components.clock.now()
    const open = new Map<string, Connection[]>()
    for (const { connection, openedAtMs } of this.#components.connections()) {
      if (now - openedAtMs < WATCH_INTERVAL_MS) continue
      const peer = connection.remotePeer.toString()
      open.set(peer, [...(open.get(peer) ?? []), connection])
    }
    const missing = new Set<string>()
    for (const [peer, connections] of open) {
      if (hasStreams(connections)) continue
      // A node without gossip speaks no such protocol.
      const protocols = await this.#components.protocols(connections[0]!.remotePeer)
      if (protocols.some(protocol => protocol.startsWith(PROTOCOL_PREFIX))) missing.add(peer)
    }
    for (const peer of missing) {
      if (!this.#suspects.has(peer)) continue
      missing.delete(peer)
      this.#components.log(`gossip stream with ${peer} is dead: reconnecting`)
      for (const connection of open.get(peer)!) connection.abort(new Error('dead gossip stream'))
    }
    this.#suspects = missing
  }
}

function hasStreams(connections: readonly Connection[]): boolean {
  const streams = connections.flatMap(connection => connection.streams)
  const gossip = streams.filter(
    stream => stream.protocol.startsWith(PROTOCOL_PREFIX) && stream.status === 'open'
  )
  return (
    gossip.some(stream => stream.direction === 'outbound') &&
    gossip.some(stream => stream.direction === 'inbound')
  )
}

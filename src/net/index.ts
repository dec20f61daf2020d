/**
 * The network: who is there, streams to them, and gossip. The engine sees this seam only; libp2p stands behind it.
 *
 * Keeps: known peers are dialled for ever with jittered back-off; who may not join learns nothing; memory per peer is
 * bounded. Leaves to others: every decision about data. Presence: protocols/sync-presence.md.
 */
import type { ComponentLogger } from '@libp2p/interface'
import type { Clock, Crypto, Limits, Random } from '../base/index.js'
import type { Author, DatabaseId } from '../log/index.js'
import type { BreakerInit } from './breaker.js'
import { openNet } from './net.js'

export type { InviteContent } from './invite.js'
export { formatInvite, parseInvite } from './invite.js'
export { PSK_BYTES, parsePsk, swarmKeyText } from './psk.js'

/** One `/sync/ops` stream. Frames are whole and without their length prefix. */
export interface SyncStream {
  readonly peer: Author
  /** Whether this node opened it. */
  readonly outbound: boolean
  /**
   * Frames as they arrive, with backpressure: what is not taken is not read. Ends when the peer closed its side; throws
   * when the stream was reset. Whoever stops reading closes the stream: what was sent still goes out.
   */
  readonly frames: AsyncIterable<Uint8Array>
  /** Queues a frame. Never blocks; look at `buffered`. */
  send(frame: Uint8Array): void
  /** Bytes queued and not yet handed to the connection. */
  readonly buffered: number
  /** Calls `listener` whenever `buffered` falls to zero after it was above. */
  onDrain(listener: () => void): void
  close(): Promise<void>
  /** Resets the stream at once. */
  abort(error: Error): void
}

export type GossipVerdict = 'accept' | 'ignore' | 'reject'

export interface NetHandlers {
  /** An inbound stream. Attach to `frames` before the first await. */
  onStream(stream: SyncStream): void
  /** A gossip message, already within the size limit. Decides whether it is passed on. */
  onGossip(data: Uint8Array, from: Author): Promise<GossipVerdict> | GossipVerdict
  onPeerConnected(peer: Author): void
  onPeerDisconnected(peer: Author): void
  /** Somebody was refused, or refused us: with one sentence of reason. Each about once a minute, while it goes on. */
  onRefused(peer: Author | undefined, reason: string, addr: string | undefined, by?: RefusedBy): void
  onDiscovered(peer: Author): void
  /** A presence record is new or changed. */
  onPresence(record: PresenceRecord): void
}

/** What a node tells about itself, signed by it. */
export interface PresenceRecord {
  readonly peer: Author
  readonly name: string
  /** Rises with every change: the newer replaces the older. */
  readonly version: number
  readonly appName: string
  readonly appVersion: string
  readonly capabilities: readonly string[]
  readonly addrs: readonly string[]
  /** Local clock, when this node last heard of it, milliseconds since the Unix epoch. */
  readonly lastSeen: number
}

export interface ConnectedPeer {
  readonly peer: Author
  readonly addrs: readonly string[]
  /** Of the last ping; null before the first. */
  readonly rttMs: number | null
}

export interface DialState {
  readonly peer: Author
  readonly failures: number
  readonly lastError: string | null
  readonly nextTryAtMs: number | null
}

/** Who refuses: this node, the other one, or neither, as they have no key in common and cannot read each other. */
export type RefusedBy = 'here' | 'there' | 'keys'

/** What a net knows of itself, for those who look after a node. */
export interface NetHealth {
  /** Addresses that were given without a peer id, and at which nobody has taken this node in yet. */
  readonly unanswered: readonly {
    readonly addr: string
    readonly failures: number
    readonly lastError: string | null
    readonly nextTryAtMs: number | null
  }[]
  /** Connected peers that exchange gossip with this node; absent where it is off. */
  readonly gossip?: readonly Author[]
}

export interface Net {
  start(handlers: NetHandlers): Promise<void>
  stop(): Promise<void>
  /** Addresses with the peer id at the end. */
  addrs(): string[]
  connected(): ConnectedPeer[]
  /** All nodes known by presence, this one not among them. */
  presence(): PresenceRecord[]
  dialState(peer: Author): DialState | undefined
  /** Of everybody who is to be connected, given addresses with a peer id among them: also who was never met. */
  dials(): DialState[]
  /**
   * Dials an address now; once the peer has taken this node in, keeps it as a bootstrap address. Rejects with
   * `INVALID_MULTIADDR`, `PEER_REFUSED` or `PEER_UNREACHABLE`, and keeps nothing then.
   */
  connect(multiaddr: string, options?: { signal?: AbortSignal }): Promise<Author>
  /** Connects first where needed; rejects with `PEER_REFUSED` or `PEER_UNREACHABLE`. */
  openStream(peer: Author, options?: { signal?: AbortSignal }): Promise<SyncStream>
  /** A hint to everybody: may be lost, never fails. */
  publish(data: Uint8Array): void
  /** Closes the connection and dials no more until `unblock`. */
  block(peer: Author): Promise<void>
  unblock(peer: Author): void
  /** Drops presence and addresses of a peer, and the connection: it counts again when it comes back and says HELLO. */
  forget(peer: Author): void
  /** Counts a protocol error against a peer; the circuit breaker refuses it for a while after too many. */
  penalize(peer: Author, reason: string): void
  circuit(peer: Author): 'closed' | 'open' | 'half-open'
  health(): NetHealth
}

/** A peer as it was known when the node ran last. */
export interface KnownPeer {
  /** Peer id. */
  readonly id: string
  /** Multiaddrs as text; what cannot be used is left out. */
  readonly addrs: readonly string[]
  readonly blocked: boolean
}

export interface NetInit {
  /** Ed25519 seed of the node, 32 bytes, and the public half: libp2p, left to derive it, takes 80 ms in JavaScript. */
  readonly seed: Uint8Array
  readonly publicKey: Uint8Array
  readonly database: DatabaseId
  /** Name of the network, for what is told to people. */
  readonly network: string
  /** Up to 128 bytes each. */
  readonly name: string
  readonly app: { readonly name: string; readonly version: string }
  readonly capabilities: readonly string[]
  /** Multiaddrs; port 0 takes any. */
  readonly listen: readonly string[]
  /** Told to others beside the addresses listened on. */
  readonly announce: readonly string[]
  /** Dialled for ever. */
  readonly bootstrap: readonly string[]
  /** 32 bytes: nobody without it learns anything. */
  readonly psk?: Uint8Array | undefined
  /** When given, nobody else is connected to. */
  readonly allow?: ReadonlySet<Author> | undefined
  readonly known?: readonly KnownPeer[] | undefined
  readonly mdns: boolean
  readonly gossip: boolean
  readonly breaker: BreakerInit
  readonly clock: Clock
  readonly random: Random
  readonly crypto: Crypto
  readonly limits: Pick<Limits, 'slowPeerBytes'>
  /** Scopes `natter:net` and `natter:gossip`, one line per dial, refusal or violation; and libp2p's own. */
  readonly logger: ComponentLogger
}

/** Throws `INVALID_MULTIADDR` for an address that cannot be one. Nothing runs before `start`. */
export async function createNet(init: NetInit): Promise<Net> {
  return openNet(init)
}

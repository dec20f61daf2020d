/**
 * The network: who is there, streams to them, and gossip. The engine sees this seam only; libp2p stands behind it.
 *
 * Keeps: known peers are dialled for ever with jittered back-off; who may not join learns nothing; memory per peer is
 * bounded. Leaves to others: every decision about data. Presence: protocols/sync-presence.md.
 */
import type { Author } from '../log/index.js'

/** One `/sync/ops` stream. Frames are whole and without their length prefix. */
export interface SyncStream {
  readonly peer: Author
  /** Whether this node opened it. */
  readonly outbound: boolean
  /** Frames as they arrive, with backpressure: what is not taken is not read. Ends when the peer closed its side; throws when the stream was reset. */
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
  /** Somebody was refused, or refused us: with one sentence of reason. */
  onRefused(peer: Author | undefined, reason: string, addr: string | undefined): void
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

export interface Net {
  start(handlers: NetHandlers): Promise<void>
  stop(): Promise<void>
  /** Addresses with the peer id at the end. */
  addrs(): string[]
  connected(): ConnectedPeer[]
  /** All nodes known by presence, this one not among them. */
  presence(): PresenceRecord[]
  dialState(peer: Author): DialState | undefined
  /** Dials an address once now and keeps it as a bootstrap address. */
  connect(multiaddr: string, options?: { signal?: AbortSignal }): Promise<Author>
  openStream(peer: Author, options?: { signal?: AbortSignal }): Promise<SyncStream>
  /** A hint to everybody: may be lost, never fails. */
  publish(data: Uint8Array): void
  /** Closes the connection and dials no more until `unblock`. */
  block(peer: Author): Promise<void>
  unblock(peer: Author): void
  /** Drops presence and addresses of a peer. */
  forget(peer: Author): void
  /** Counts a protocol error against a peer; the circuit breaker refuses it for a while after too many. */
  penalize(peer: Author, reason: string): void
  circuit(peer: Author): 'closed' | 'open' | 'half-open'
}

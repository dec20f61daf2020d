/**
 * The engine: the loop that takes an event, decides, makes durable, then sends.
 *
 * Its contract, in this order, always: 1 commit to the store (fsync), 2 advance the state machine, 3 tell the network,
 * 4 tell the application. HELLO, HEADS, ACK and PING speak for this disk and wait for it; a cursor moves only after the
 * ack it stands for. A batch that carries its author's signature may be forwarded by gossip before it is durable here.
 */
import type { Clock, Crypto, Lag, Limits, Random, SyncRound, WaitOptions } from '../base/index.js'
import type { Author, Tip } from '../log/index.js'
import type { Net, NetHandlers } from '../net/index.js'
import type { Waiting } from '../replication/index.js'
import type { Store } from '../store/index.js'
import { ReplicationEngine } from './engine.js'
import type { Log } from './log.js'

export interface EngineComponents {
  readonly store: Store
  readonly net: Net
  readonly clock: Clock
  readonly random: Random
  readonly crypto: Crypto
}

export interface EngineInit {
  /** Broadcast fresh batches by gossip. @default true */
  gossip?: boolean
  sync?: {
    /** Milliseconds between PINGs, jittered by 20 %. @default 10_000 */
    intervalMs?: number
    /** Batches of one RUN at most. @default 1_000 */
    batchOps?: number
    /** Milliseconds without an answer after which a round fails. @default 30_000 */
    timeoutMs?: number
    /** Tries of one round before it is given up; the peer never is. @default 3 */
    maxRetries?: number
    /** Answer by difference; false sends full heads at each round. @default true */
    differential?: boolean
  }
  limits: Limits
  /** Takes one line per frame, round and refusal. @default silent */
  log?: Log
}

/** What the engine knows of the exchange with one peer, without a look at the disk. */
export interface Standing {
  readonly peer: Author
  /** An open stream with finished handshake: current or syncing; otherwise offline, or unknown before the first. */
  readonly state: 'current' | 'syncing' | 'behind' | 'unknown' | 'offline'
  readonly reason?: string
  readonly weLack: Lag | 'unknown'
  readonly lastContactAtMs: number | null
  readonly lastSyncAtMs: number | null
  readonly successfulSyncs: number
  readonly failedSyncs: number
  readonly consecutiveFailures: number
  /** Bytes of `/sync/ops` frames since the engine was made. */
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly lastError: string | null
}

/** The same, and what the peer lacks. */
export interface SessionInfo extends Standing {
  readonly theyLack: Lag | 'unknown'
}

/** What the engine knows of itself, for those who look after a node. */
export interface EngineHealth {
  /** False while the store is fenced or a fault is being got over: nothing is exchanged then. */
  readonly open: boolean
  /** Peers with a stream, those among them whose handshake is not over, and those that take nothing at the moment. */
  readonly streams: readonly Author[]
  readonly opening: readonly Author[]
  readonly choked: readonly Author[]
  readonly waiting: Waiting
}

export interface Engine {
  /** What the net is started with, as far as the engine is concerned: the composition root adds its own listeners. */
  readonly handlers: Pick<
    NetHandlers,
    'onStream' | 'onGossip' | 'onPeerConnected' | 'onPeerDisconnected' | 'onPresence'
  >
  /** Starts on a started net. */
  start(): Promise<void>
  /** Ends all streams; what is durable stays. */
  stop(): Promise<void>
  session(peer: Author): Promise<SessionInfo>
  standing(peer: Author): Standing
  /** What a peer lacks, by its account: up to some thousand positions are read from disk. */
  theyLack(peer: Author): Promise<Lag | 'unknown'>
  /** `most`: how many wants and names of each list are given. */
  health(most: number): EngineHealth
  /** Whether this peer has the batch applied and fsynced, and since when as far as known. */
  holds(peer: Author, tip: Tip, position: number): { atMs: number } | undefined
  /** Called after any peer's account moved, and after each commit. */
  onProgress(listener: () => void): () => void
  /** Called at the end of each sync round. */
  onRound(listener: (round: SyncRound) => void): () => void
  /** One round with a peer: begins with a HELLO or a digest PING that differs, ends when both have what the other had. */
  syncNow(peer: Author, options?: WaitOptions): Promise<SyncRound>
  /** Asks a node that is no neighbour how far it has this node's log, by a HELLO on a short stream. */
  ask(peer: Author, options?: WaitOptions): Promise<void>
  /** Drops what is known of a peer, and closes the stream with it: what the store keeps of it may go then. */
  forget(peer: Author): void
  /** True when the peer has shown nothing that is not applied here, and lacks nothing. */
  inSync(peer: Author): boolean
}

/** An engine over a net that is not started yet: start the net with its `handlers`, then the engine. */
export function createEngine(components: EngineComponents, init: EngineInit): Engine {
  return new ReplicationEngine(components, init)
}

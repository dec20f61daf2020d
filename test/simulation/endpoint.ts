/** What one process sees of the simulated network: the contract of `src/net`, without addresses and admission. */

import type { Timer } from '../../src/base/index.js'
import { NatterError } from '../../src/base/index.js'
import type { Author } from '../../src/log/index.js'
import type {
  ConnectedPeer,
  DialState,
  Net,
  NetHandlers,
  NetHealth,
  PresenceRecord,
  SyncStream
} from '../../src/net/index.js'
import type { Life } from './clock.js'
import type { Connection, SimNetwork } from './network.js'
import { StreamEnd } from './stream.js'

/** Violations after which a peer is left alone, and for how long. */
const violationsToBreak = 5
const breakMs = 10_000

export class Endpoint implements Net {
  readonly network: SimNetwork
  /** Name of the node. */
  readonly name: string
  readonly author: Author
  readonly life: Life
  running = false
  readonly streams = new Set<StreamEnd>()
  readonly connections = new Map<Author, Connection>()
  /** Gossip messages that came or went: each is taken in once. */
  readonly seenGossip = new Set<string>()
  readonly #violations = new Map<Author, number>()
  readonly #brokenUntil = new Map<Author, number>()
  readonly frozen = new Set<Author>()
  handlers: NetHandlers | undefined

  constructor(network: SimNetwork, name: string, author: Author, life: Life) {
    this.network = network
    this.name = name
    this.author = author
    this.life = life
  }

  /** A timer of this process that is no business of the part under test. */
  clockless(delayMs: number, run: () => void): Timer {
    return this.network.timeline.after(delayMs, this.life, run)
  }

  latencyTo(other: Endpoint): number {
    return this.network.latency(this, other)
  }

  async start(handlers: NetHandlers): Promise<void> {
    this.handlers = handlers
    this.running = true
    this.network.joined(this)
  }

  async stop(): Promise<void> {
    this.running = false
    for (const stream of [...this.streams]) stream.abort(new Error('the net stopped'))
    this.network.left(this, false)
  }

  addrs(): string[] {
    return []
  }

  connected(): ConnectedPeer[] {
    return [...this.connections.keys()].map(peer => ({ peer, addrs: [], rttMs: 2 }))
  }

  presence(): PresenceRecord[] {
    return this.network.authors
      .filter(peer => peer !== this.author)
      .map(peer => ({
        peer,
        name: peer.slice(0, 8),
        version: 1,
        appName: 'simulation',
        appVersion: '1',
        capabilities: [],
        addrs: [],
        lastSeen: 0
      }))
  }

  dialState(): DialState | undefined {
    return undefined
  }

  dials(): DialState[] {
    return []
  }

  async connect(): Promise<Author> {
    throw new NatterError('PEER_UNREACHABLE', 'there are no addresses here')
  }

  async openStream(peer: Author): Promise<SyncStream> {
    const { network } = this
    const other = this.connections.get(peer)?.otherOf(this)
    await network.timeline.wait(other === undefined ? 1 : this.latencyTo(other), this.life)
    if (other === undefined || !this.running || this.connections.get(peer)?.otherOf(this) !== other) {
      throw new NatterError('PEER_UNREACHABLE', 'not connected')
    }
    if (network.isCut(this, other) || network.refuses()) {
      await network.timeline.wait(network.dice.between(5, 3000), this.life)
      throw new NatterError('PEER_UNREACHABLE', 'the stream was refused')
    }
    return this.#join(other)
  }

  #join(other: Endpoint): StreamEnd {
    const { network } = this
    const number = network.nextStream()
    const here = new StreamEnd(this, other.author, true, number, network.habits.socketBytes)
    const there = new StreamEnd(other, this.author, false, number, network.habits.socketBytes)
    here.other = there
    there.other = here
    here.frozen = this.frozen.has(other.author)
    there.frozen = other.frozen.has(this.author)
    this.streams.add(here)
    other.streams.add(there)
    other.clockless(this.latencyTo(other), () => {
      if (there.over) return
      if (other.running) other.handlers?.onStream(there)
      else there.abort(new Error('nobody listens'))
    })
    return here
  }

  forget(stream: StreamEnd | Author): void {
    if (stream instanceof StreamEnd) this.streams.delete(stream)
  }

  publish(data: Uint8Array): void {
    if (!this.running) return
    this.network.publish(this, data)
  }

  async block(): Promise<void> {
    throw new NatterError('INTERNAL', 'nobody is blocked here')
  }

  unblock(): void {
    // Nobody is blocked.
  }

  penalize(peer: Author, reason: string): void {
    this.network.events.penalty(this, peer, reason)
    const violations = (this.#violations.get(peer) ?? 0) + 1
    this.#violations.set(peer, violations % violationsToBreak)
    if (violations < violationsToBreak) return
    this.#brokenUntil.set(peer, this.network.timeline.now + breakMs)
    const connection = this.connections.get(peer)
    if (connection !== undefined) this.network.breakConnection(connection)
  }

  health(): NetHealth {
    return { unanswered: [] }
  }

  circuit(peer: Author): 'closed' | 'open' {
    return (this.#brokenUntil.get(peer) ?? 0) > this.network.timeline.now ? 'open' : 'closed'
  }

  /** Stops reading what a peer sends, or goes on. */
  freeze(peer: Author, frozen: boolean): void {
    if (frozen) this.frozen.add(peer)
    else this.frozen.delete(peer)
    for (const stream of [...this.streams]) if (stream.peer === peer) stream.freeze(frozen)
  }

  told(connection: Connection, connected: boolean): void {
    const peer = connection.otherOf(this).author
    if (connected) {
      this.connections.set(peer, connection)
      if (this.running) this.handlers?.onPeerConnected(peer)
      return
    }
    if (this.connections.get(peer) !== connection) return
    this.connections.delete(peer)
    for (const stream of [...this.streams]) {
      if (stream.other.home === connection.otherOf(this)) stream.fail(new Error('the connection is gone'))
    }
    if (this.running) this.handlers?.onPeerDisconnected(peer)
  }
}

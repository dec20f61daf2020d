/**
 * Who is known: nodes by presence, by earlier exchange and by connection, and how far each has this node's log.
 * One home for the question "which peer has this batch on disk", whether the node is on the network or has left it.
 */
import { NatterError } from '../base/index.js'
import type { Engine } from '../engine/index.js'
import type { Author, Tip } from '../log/index.js'
import { authorOfPeerId, peerIdOf } from '../log/index.js'
import type { Net, PresenceRecord } from '../net/index.js'
import type { PeerRecord, Store } from '../store/index.js'

/** The network side of a node while it takes part; absent while it has left. */
export interface Membership {
  readonly net: Net
  readonly engine: Engine
}

export const NEW_PEER: PeerRecord = {
  acked: 0,
  ackedAtMs: 0,
  durable: true,
  kind: 'peer',
  blocked: false,
  addrs: []
}

export class PeerBook {
  readonly #store: Store
  readonly #membership: () => Membership | undefined

  constructor(store: Store, membership: () => Membership | undefined) {
    this.#store = store
    this.#membership = membership
  }

  get #self(): Author {
    return this.#store.author
  }

  /** Every known node but this one, blocked ones too, sorted by peer id. */
  known(): Author[] {
    const known = new Set<Author>()
    for (const [name, record] of this.#store.peers()) {
      const author = record.kind === 'peer' ? authorOfPeerId(name) : undefined
      if (author !== undefined) known.add(author)
    }
    const net = this.#membership()?.net
    for (const { peer } of net?.presence() ?? []) known.add(peer)
    for (const { peer } of net?.connected() ?? []) known.add(peer)
    known.delete(this.#self)
    return [...known].sort()
  }

  /** Known nodes, and those that are dialled though they were never met: to show why they are not. */
  shown(): Author[] {
    const shown = new Set(this.known())
    for (const { peer } of this.#membership()?.net.dials() ?? []) shown.add(peer)
    shown.delete(this.#self)
    return [...shown].sort()
  }

  /** Known nodes that count for `ack: 'all'`. */
  counted(): Author[] {
    return this.known().filter(peer => this.record(peer)?.blocked !== true)
  }

  record(peer: Author): PeerRecord | undefined {
    return this.#store.peer(peerIdOf(peer))
  }

  /** What is known of nodes by presence: thousands, so take it once for all of them. */
  presences(): ReadonlyMap<Author, PresenceRecord> {
    return new Map(
      this.#membership()
        ?.net.presence()
        .map(record => [record.peer, record])
    )
  }

  name(peer: Author, presences = this.presences()): string | null {
    return presences.get(peer)?.name ?? this.record(peer)?.name ?? null
  }

  /** When this peer was known to have the batch applied and fsynced; undefined when it is not known to. */
  holds(peer: Author, tip: Tip, position: number): { atMs: number } | undefined {
    const engine = this.#membership()?.engine
    if (engine !== undefined) return engine.holds(peer, tip, position)
    const record = this.record(peer)
    if (record === undefined || !record.durable || record.acked < position) return undefined
    return { atMs: record.ackedAtMs }
  }

  /** The node that a PEER argument means: a peer id, a unique prefix of one, or the name of exactly one known peer. */
  find(argument: string): Author {
    const exact = authorOfPeerId(argument)
    if (exact !== undefined) return exact
    const known = this.shown()
    const byId = known.filter(peer => argument.length > 0 && peerIdOf(peer).startsWith(argument))
    const presences = this.presences()
    const fitting = byId.length > 0 ? byId : known.filter(peer => this.name(peer, presences) === argument)
    if (fitting.length === 1) return fitting[0]!
    if (fitting.length === 0) throw new NatterError('UNKNOWN_PEER', `no known peer is ${argument}`)
    const ids = fitting.map(peerIdOf).join(', ')
    throw new NatterError('AMBIGUOUS_PEER', `${argument} fits ${fitting.length} peers: ${ids}`)
  }

  /** Like `find`, and the peer must be known. */
  findKnown(argument: string): Author {
    const peer = this.find(argument)
    if (!this.shown().includes(peer)) throw new NatterError('UNKNOWN_PEER', `no known peer is ${argument}`)
    return peer
  }
}

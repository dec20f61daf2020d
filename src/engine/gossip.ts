/**
 * Gossip: a hint that saves waiting for a relay, never the way that anything depends on.
 *
 * The ladder: fresh batches of this node go out whole up to `PROTOCOL.gossipBatchBytes` while fewer than five batches a
 * second are applied here; above that not at all, since streams then carry everything with fewer copies. What comes
 * in is checked cheapest first: size (by the net), rate of who forwards it, known, rate again, signature.
 */
import type { Clock, Crypto } from '../base/index.js'
import { PEER, Rates } from '../base/index.js'
import type { Author, Batch, DatabaseId, ShortId } from '../log/index.js'
import { shortId } from '../log/index.js'
import type { GossipVerdict } from '../net/index.js'
import { checkSignature, decodeGossip, encodeGossip } from '../wire/index.js'

/** Batches applied in the last second from which on streams carry everything. */
const quietBatches = 5
const quietMs = 1000
/** Batches of which it is remembered that gossip brought them. */
const rememberedBatches = 4096

export interface GossipInit {
  readonly database: DatabaseId
  readonly clock: Clock
  readonly crypto: Crypto
  readonly publish: (data: Uint8Array) => void
  /** A verified batch of this database that gossip has not brought before. */
  readonly deliver: (batch: Batch, from: Author) => void
}

export class Gossip {
  readonly #init: GossipInit
  readonly #appliedAt: number[] = []
  readonly #seen = new Set<ShortId>()
  readonly #looks = new Rates<Author>({
    perSecond: PEER.gossipLooks,
    burst: PEER.gossipLooks,
    most: PEER.remembered
  })
  readonly #checks = new Rates<Author>({
    perSecond: PEER.gossipChecks,
    burst: PEER.gossipChecks,
    most: PEER.remembered
  })

  constructor(init: GossipInit) {
    this.#init = init
  }

  /** Takes in what was committed, and broadcasts what of it is this node's own, while the network is quiet. */
  committed(applied: readonly { readonly batch: Batch; readonly local: boolean }[]): void {
    const now = this.#init.clock.now()
    for (const { batch, local } of applied) {
      this.#appliedAt.push(now)
      if (this.#appliedAt.length > quietBatches) this.#appliedAt.shift()
      if (local && this.#isQuiet(now)) this.#broadcast(batch)
    }
  }

  #isQuiet(now: number): boolean {
    const oldest = this.#appliedAt[0] ?? 0
    return this.#appliedAt.length < quietBatches || Math.abs(now - oldest) >= quietMs
  }

  #broadcast(batch: Batch): void {
    const data = encodeGossip(batch)
    if (data === undefined) return
    this.#remember(shortId(batch.id))
    this.#init.publish(data)
  }

  /** Judges a message. */
  async receive(data: Uint8Array, from: Author): Promise<GossipVerdict> {
    const { crypto, database, clock } = this.#init
    if (!this.#looks.take(from, clock.now())) return 'ignore'
    let batch: Batch | undefined
    try {
      batch = decodeGossip(data, crypto)
    } catch {
      return 'reject'
    }
    if (batch === undefined || this.#seen.has(shortId(batch.id))) return 'ignore'
    if (!this.#checks.take(from, clock.now())) return 'ignore'
    if (batch.header.database !== database) return 'reject'
    if (!(await checkSignature(batch, crypto))) return 'reject'
    this.#remember(shortId(batch.id))
    this.#init.deliver(batch, from)
    return 'accept'
  }

  #remember(id: ShortId): void {
    this.#seen.add(id)
    if (this.#seen.size > rememberedBatches) this.#seen.delete(this.#seen.values().next().value!)
  }
}

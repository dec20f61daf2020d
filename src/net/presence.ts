/**
 * The presence table: what every node of the network says of itself, by its newest signed record.
 *
 * Keeps: a record is replaced only by one of a higher version; changes have positions, so that a peer can ask for those
 * since it last looked; a forgotten node stays forgotten until it speaks anew. Leaves to others: whether a signature
 * holds (asked for news only), streams, timers. Implements the table of protocols/sync-presence.md.
 */
import { PROTOCOL } from '../base/index.js'
import type { Author } from '../log/index.js'
import type { PresenceFields, SignedPresence, TableId } from '../wire/index.js'
import type { PresenceRecord } from './index.js'

/** How far a table has been seen. */
export interface Seen {
  readonly table: TableId
  readonly version: number
}

interface Row {
  signed: SignedPresence
  /** Version of the table at which this row changed last. */
  changedAt: number
  lastSeenMs: number
  /** It was connected while it stood here: it is no invention. */
  met: boolean
}

/** How long a node that was never met keeps its place in a full table: inventions then push out one another slowly. */
const keptMs = 600_000

export class PresenceTable {
  readonly id: TableId
  readonly self: Author
  readonly #rows = new Map<Author, Row>()
  readonly #connected = new Set<Author>()
  readonly #forgotten = new Map<Author, number>()
  readonly #seenOfOthers = new Map<Author, Seen>()
  readonly #listeners = new Set<() => void>()
  #version = 0

  constructor(self: Author, id: TableId) {
    this.self = self
    this.id = id
  }

  /** Rises with every change of a row. */
  get version(): number {
    return this.#version
  }

  /** The record of this node that others are told. */
  get own(): PresenceFields | undefined {
    return this.#rows.get(this.self)?.signed.record
  }

  /** Whether `put` would take the record: asked before its signature is checked. */
  isNews(record: PresenceFields, nowMs: number): boolean {
    const row = this.#rows.get(record.peer)
    if (row !== undefined) return record.version > row.signed.record.version
    if (record.version <= (this.#forgotten.get(record.peer) ?? 0)) return false
    return this.#rows.size < PROTOCOL.presenceNodes || this.#spare(record.peer, nowMs) !== undefined
  }

  /**
   * Who makes room for a node in a full table: of those never met, or for one that is connected of all others, the one not
   * heard of for longest. A name that anybody can invent waits until such a one was silent for long.
   */
  #spare(peer: Author, nowMs: number): Author | undefined {
    const isHere = peer === this.self || this.#connected.has(peer)
    let spare: { peer: Author; row: Row } | undefined
    for (const [other, row] of this.#rows) {
      if (other === this.self || this.#connected.has(other)) continue
      if (!isHere && (row.met || nowMs - row.lastSeenMs < keptMs)) continue
      const isSooner =
        spare === undefined ||
        (row.met === spare.row.met ? row.lastSeenMs < spare.row.lastSeenMs : spare.row.met)
      if (isSooner) spare = { peer: other, row }
    }
    return spare?.peer
  }

  /** Takes a record whose signature holds; false when it is no news. `evicted` is told who made room for it. */
  put(signed: SignedPresence, nowMs: number, evicted?: (peer: Author) => void): boolean {
    const { peer } = signed.record
    if (!this.isNews(signed.record, nowMs)) return false
    if (!this.#rows.has(peer) && this.#rows.size >= PROTOCOL.presenceNodes) {
      const spare = this.#spare(peer, nowMs)!
      this.#rows.delete(spare)
      evicted?.(spare)
    }
    this.#version++
    this.#forgotten.delete(peer)
    const met = this.#connected.has(peer) || this.#rows.get(peer)?.met === true
    this.#rows.set(peer, { signed, changedAt: this.#version, lastSeenMs: nowMs, met })
    for (const listener of this.#listeners) listener()
    return true
  }

  /** Notes that a node was heard of just now. */
  touch(peer: Author, nowMs: number): void {
    const row = this.#rows.get(peer)
    if (row !== undefined) row.lastSeenMs = nowMs
  }

  get(peer: Author): PresenceRecord | undefined {
    const row = this.#rows.get(peer)
    return row === undefined ? undefined : shown(row)
  }

  /** All nodes but this one. */
  others(): PresenceRecord[] {
    const records: PresenceRecord[] = []
    for (const [peer, row] of this.#rows) if (peer !== this.self) records.push(shown(row))
    return records
  }

  /** A node is there in person: what is known of it now is no memory of before it was forgotten. */
  welcome(peer: Author): void {
    this.#forgotten.delete(peer)
    this.#connected.add(peer)
    const row = this.#rows.get(peer)
    if (row !== undefined) row.met = true
  }

  /** A node is no longer connected. */
  left(peer: Author, nowMs: number): void {
    this.#connected.delete(peer)
    this.touch(peer, nowMs)
  }

  forget(peer: Author): void {
    // What its table holds is asked for again, or it would not say its own record anew.
    this.#seenOfOthers.delete(peer)
    const row = this.#rows.get(peer)
    if (row === undefined || peer === this.self) return
    this.#rows.delete(peer)
    if (this.#forgotten.size >= PROTOCOL.presenceNodes) {
      this.#forgotten.delete(this.#forgotten.keys().next().value!)
    }
    this.#forgotten.set(peer, row.signed.record.version)
  }

  /** What changed after a version of this table, all for 0, oldest change first. */
  changesSince(version: number): SignedPresence[] {
    const rows = [...this.#rows.values()].filter(row => row.changedAt > version)
    rows.sort((a, b) => a.changedAt - b.changedAt)
    return rows.map(row => row.signed)
  }

  /** How far the table of another node has been seen here. */
  seenOf(peer: Author): Seen | undefined {
    return this.#seenOfOthers.get(peer)
  }

  setSeenOf(peer: Author, seen: Seen): void {
    this.#seenOfOthers.delete(peer)
    this.#seenOfOthers.set(peer, seen)
    if (this.#seenOfOthers.size > PROTOCOL.presenceNodes) {
      this.#seenOfOthers.delete(this.#seenOfOthers.keys().next().value!)
    }
  }

  /** Calls `listener` after each change; the returned function ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

function shown(row: Row): PresenceRecord {
  return { ...row.signed.record, lastSeen: row.lastSeenMs }
}

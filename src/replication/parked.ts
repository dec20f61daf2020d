/**
 * Parking: verified batches that wait for a predecessor or a dependency. It is a cache, not a store: nothing in it is
 * acknowledged or announced, and what finds no room is asked for again when its dependencies are applied.
 */

import type { Author, BareHeader, Batch, ShortId, Tip } from '../log/index.js'
import { shortId } from '../log/index.js'
import type { StreamId } from './index.js'

/** A batch, and what it waits for: also others of its group. */
export interface Held {
  readonly batch: Batch
  readonly missing: readonly Tip[]
}

/** Batches of one run that wait together, since the signature of the last covers the others. */
export interface ParkedGroup {
  readonly stream: StreamId | null
  readonly from: Author
  readonly held: readonly Held[]
  readonly proof: readonly BareHeader[]
}

export interface ParkingLimits {
  readonly parkedBytesPerPeer: number
  readonly parkedBatchesPerAuthor: number
}

export class Parking {
  readonly #limits: ParkingLimits
  readonly #groups = new Set<ParkedGroup>()
  readonly #waiting = new Map<ShortId, Set<ParkedGroup>>()
  readonly #held = new Map<ShortId, Set<Held>>()
  readonly #bytes = new Map<Author, number>()
  readonly #batches = new Map<Author, number>()

  constructor(limits: ParkingLimits) {
    this.#limits = limits
  }

  has(id: ShortId): boolean {
    return this.#held.has(id)
  }

  /** What a parked batch names that is not applied: whoever has the batch has these. */
  *missingOf(id: ShortId): IterableIterator<Tip> {
    for (const { missing } of this.#held.get(id) ?? []) yield* missing
  }

  /** Bytes that wait from one peer. */
  bytes(from: Author): number {
    return this.#bytes.get(from) ?? 0
  }

  /** Takes a group in; false when there is no room for it. */
  add(group: ParkedGroup): boolean {
    const bytes = sizeOf(group)
    if (this.bytes(group.from) + bytes > this.#limits.parkedBytesPerPeer) return false
    const perAuthor = new Map<Author, number>()
    for (const {
      batch: { header }
    } of group.held) {
      const count = (perAuthor.get(header.author) ?? this.#batches.get(header.author) ?? 0) + 1
      if (count > this.#limits.parkedBatchesPerAuthor) return false
      perAuthor.set(header.author, count)
    }
    for (const [author, count] of perAuthor) this.#batches.set(author, count)
    this.#bytes.set(group.from, this.bytes(group.from) + bytes)
    for (const held of group.held) link(this.#held, shortId(held.batch.id), held)
    for (const { id } of missingOf(group.held)) link(this.#waiting, id, group)
    this.#groups.add(group)
    return true
  }

  /** Takes out the groups that waited for this batch, now that it is applied. */
  wake(id: ShortId): ParkedGroup[] {
    const groups = this.#waiting.get(id)
    if (groups === undefined) return []
    const woken = [...groups]
    for (const group of woken) this.#remove(group)
    return woken
  }

  #remove(group: ParkedGroup): void {
    if (!this.#groups.delete(group)) return
    add(this.#bytes, group.from, -sizeOf(group))
    for (const held of group.held) {
      unlink(this.#held, shortId(held.batch.id), held)
      add(this.#batches, held.batch.header.author, -1)
    }
    for (const { id } of missingOf(group.held)) unlink(this.#waiting, id, group)
  }
}

/** What a group waits for: what its batches miss, without those of the group itself. */
export function missingOf(held: readonly Held[]): Tip[] {
  const own = new Set(held.map(({ batch }) => shortId(batch.id)))
  const tips = new Map<ShortId, Tip>()
  for (const { missing } of held) for (const tip of missing) if (!own.has(tip.id)) tips.set(tip.id, tip)
  return [...tips.values()]
}

export function batchesOf(group: ParkedGroup): Batch[] {
  return group.held.map(({ batch }) => batch)
}

function sizeOf(group: ParkedGroup): number {
  let bytes = 0
  for (const { batch } of group.held) bytes += batch.headerBytes.length + batch.body.length
  return bytes
}

/** Adds to a counter that leaves the map at zero. */
function add<K>(counters: Map<K, number>, key: K, by: number): void {
  const count = (counters.get(key) ?? 0) + by
  if (count <= 0) counters.delete(key)
  else counters.set(key, count)
}

function link<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key)
  if (set === undefined) sets.set(key, new Set([value]))
  else set.add(value)
}

function unlink<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key)
  set?.delete(value)
  if (set?.size === 0) sets.delete(key)
}

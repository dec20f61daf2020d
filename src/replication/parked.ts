/**
 * Parking: verified batches that wait for a predecessor or a dependency. It is a cache, not a store: nothing in it is
 * acknowledged or announced, and what finds no room is asked for again when its dependencies are applied.
 *
 * What a batch waits for may be nowhere, so nothing here may count on leaving by itself. Keeps: an author's batches take
 * no room from those of others, and a peer that left none from those that are here; whoever has most makes room.
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
  readonly sinceMs: number
  readonly held: readonly Held[]
  readonly proof: readonly BareHeader[]
}

export interface ParkingLimits {
  /** All peers together have the room of so many. */
  readonly neighbours: number
  readonly parkedBytesPerPeer: number
  readonly parkedBatchesPerAuthor: number
}

export class Parking {
  readonly #limits: ParkingLimits
  readonly #groups = new Set<ParkedGroup>()
  readonly #waiting = new Map<ShortId, Set<ParkedGroup>>()
  readonly #held = new Map<ShortId, Set<Held>>()
  readonly #bytes = new Map<Author, number>()
  /** By peer and author. */
  readonly #shares = new Map<Author, Map<Author, number>>()
  readonly #batches = new Map<Author, number>()
  #total = 0

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

  groups(): IterableIterator<ParkedGroup> {
    return this.#groups.values()
  }

  /** Takes a group in, if there is room for it or can be made; answers which groups had to leave. */
  add(group: ParkedGroup): { added: boolean; left: ParkedGroup[] } {
    const left: ParkedGroup[] = []
    if (!this.#mayCount(group)) return { added: false, left }
    const bytes = sizeOf(group)
    const { parkedBytesPerPeer, neighbours } = this.#limits
    const fits = this.#makeRoom(
      () => this.bytes(group.from) + bytes - parkedBytesPerPeer,
      () => this.#largestShare(group),
      left
    )
    const added =
      fits &&
      this.#makeRoom(
        () => this.#total + bytes - neighbours * parkedBytesPerPeer,
        () => this.#largestPeer(group.from, bytes),
        left
      )
    if (added) this.#take(group)
    return { added, left }
  }

  #take(group: ParkedGroup): void {
    this.#groups.add(group)
    this.#account(group, 1)
    for (const held of group.held) link(this.#held, shortId(held.batch.id), held)
    for (const { id } of missingOf(group.held)) link(this.#waiting, id, group)
  }

  #mayCount({ held }: ParkedGroup): boolean {
    const counts = new Map<Author, number>()
    for (const { batch } of held) {
      const { author } = batch.header
      const count = (counts.get(author) ?? this.#batches.get(author) ?? 0) + 1
      if (count > this.#limits.parkedBatchesPerAuthor) return false
      counts.set(author, count)
    }
    return true
  }

  /** Has groups of whoever `hog` names leave, newest first, until nothing is over; false where nobody is to make room. */
  #makeRoom(
    over: () => number,
    hog: () => ((group: ParkedGroup) => boolean) | undefined,
    left: ParkedGroup[]
  ): boolean {
    if (over() <= 0) return true
    const newest = [...this.#groups].reverse()
    while (over() > 0) {
      const isOfHog = hog()
      const leaving = isOfHog === undefined ? -1 : newest.findIndex(isOfHog)
      if (leaving < 0) return false
      left.push(newest[leaving]!)
      this.#remove(newest[leaving]!)
      newest.splice(leaving, 1)
    }
    return true
  }

  /** The author with most bytes from a peer, if that is more than those of this group would have. */
  #largestShare({ from, held }: ParkedGroup): ((group: ParkedGroup) => boolean) | undefined {
    const shares = this.#shares.get(from) ?? new Map<Author, number>()
    const wanted = new Map<Author, number>()
    for (const { batch } of held) add(wanted, batch.header.author, bytesOf(batch))
    let own = 0
    for (const [author, bytes] of wanted) own = Math.max(own, bytes + (shares.get(author) ?? 0))
    const [author, most] = largest(shares)
    if (author === undefined || most <= own || wanted.has(author)) return undefined
    return group => group.from === from && group.held.some(({ batch }) => batch.header.author === author)
  }

  /** The peer with most bytes, if that is more than this one would have. */
  #largestPeer(from: Author, bytes: number): ((group: ParkedGroup) => boolean) | undefined {
    const [peer, most] = largest(this.#bytes)
    if (peer === undefined || peer === from || most <= this.bytes(from) + bytes) return undefined
    return group => group.from === peer
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
    this.#account(group, -1)
    for (const held of group.held) unlink(this.#held, shortId(held.batch.id), held)
    for (const { id } of missingOf(group.held)) unlink(this.#waiting, id, group)
  }

  #account({ from, held }: ParkedGroup, sign: 1 | -1): void {
    const shares = this.#shares.get(from) ?? new Map<Author, number>()
    for (const { batch } of held) {
      const { author } = batch.header
      const bytes = sign * bytesOf(batch)
      add(this.#batches, author, sign)
      add(shares, author, bytes)
      add(this.#bytes, from, bytes)
      this.#total += bytes
    }
    if (shares.size === 0) this.#shares.delete(from)
    else this.#shares.set(from, shares)
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

export function bytesOf({ headerBytes, body }: Batch): number {
  return headerBytes.length + body.length
}

function sizeOf(group: ParkedGroup): number {
  let bytes = 0
  for (const { batch } of group.held) bytes += bytesOf(batch)
  return bytes
}

function largest<K>(counters: ReadonlyMap<K, number>): [K | undefined, number] {
  let best: [K | undefined, number] = [undefined, 0]
  for (const entry of counters) if (entry[1] > best[1]) best = entry
  return best
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

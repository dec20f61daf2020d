/** What this node waits for, for those who look after it: parked batches, wants without an end, formats it cannot read. */
import type { Author, ShortId, Tip } from '../log/index.js'
import { bytesOf, missingOf } from './parked.js'
import type { Ask, State, Stream } from './state.js'

export interface Waiting {
  readonly parked: {
    readonly batches: number
    readonly bytes: number
    /** Milliseconds that the oldest has waited; 0 for none. */
    readonly oldestMs: number
    /** Whom they came from, and by whom they were written; most bytes first. */
    readonly from: readonly Held[]
    readonly by: readonly Held[]
    /** Some of what they wait for. */
    readonly missing: readonly Tip[]
  }
  /** How many batches that connected peers have shown are asked for now. */
  readonly wanted: number
  /** Those asked for longest, oldest first. */
  readonly wants: readonly Want[]
  /** Connected peers that hold batches of a newer format. */
  readonly newer: readonly { readonly peer: Author; readonly authors: readonly Author[] }[]
  /** Connected peers that show what can never be applied, and why not. */
  readonly impossible: readonly { readonly peer: Author; readonly reason: string }[]
}

export interface Held {
  readonly author: Author
  readonly batches: number
  readonly bytes: number
}

export interface Want {
  readonly tip: Tip
  readonly openMs: number
  /** Connected peers that have shown it, or something that stands on it. */
  readonly shownBy: readonly Author[]
  /** Parked batches wait for it. */
  readonly holdsUp: number
}

export const NOTHING_WAITS: Waiting = {
  parked: { batches: 0, bytes: 0, oldestMs: 0, from: [], by: [], missing: [] },
  wanted: 0,
  wants: [],
  newer: [],
  impossible: []
}

/** `most`: how many wants, missing batches and names of each list are given. */
export function waitingOf(state: State, now: number, most: number): Waiting {
  const streams = [...state.streams.values()]
  const held = new Map<ShortId, number>()
  const parked = parkedOf(state, now, most, held)
  const oldest = oldestOf(state.asks.values(), most)
  return {
    parked,
    wanted: state.asks.size,
    wants: oldest.map(({ tip, sinceMs }) => ({
      tip,
      openMs: Math.max(0, now - sinceMs),
      shownBy: streams
        .filter(stream => stream.outstanding.has(tip.id) || stream.implied.has(tip.id))
        .map(({ peer }) => peer),
      holdsUp: held.get(tip.id) ?? 0
    })),
    newer: streams
      .filter(({ newer }) => newer.size > 0)
      .map(({ peer, newer }) => ({ peer, authors: [...newer] })),
    impossible: streams.filter(isImpossible).map(({ peer, trouble }) => ({ peer, reason: trouble! }))
  }
}

function isImpossible({ trouble, newer }: Stream): boolean {
  return trouble !== undefined && newer.size === 0
}

/** One pass, whatever their number. */
function oldestOf(asks: Iterable<Ask>, most: number): Ask[] {
  const oldest: Ask[] = []
  for (const ask of asks) {
    if (oldest.length >= most && ask.sinceMs >= oldest.at(-1)!.sinceMs) continue
    const at = oldest.findIndex(other => other.sinceMs > ask.sinceMs)
    oldest.splice(at < 0 ? oldest.length : at, 0, ask)
    if (oldest.length > most) oldest.pop()
  }
  return oldest
}

/** Fills `heldUp` with how many batches wait for each that is missing. */
function parkedOf(
  { parking }: State,
  now: number,
  most: number,
  heldUp: Map<ShortId, number>
): Waiting['parked'] {
  const from = new Map<Author, Held>()
  const by = new Map<Author, Held>()
  const missing = new Map<ShortId, Tip>()
  let batches = 0
  let bytes = 0
  let oldestMs = 0
  for (const group of parking.groups()) {
    oldestMs = Math.max(oldestMs, now - group.sinceMs)
    for (const { batch } of group.held) {
      const size = bytesOf(batch)
      batches++
      bytes += size
      count(from, group.from, size)
      count(by, batch.header.author, size)
    }
    for (const tip of missingOf(group.held)) {
      heldUp.set(tip.id, (heldUp.get(tip.id) ?? 0) + group.held.length)
      if (missing.size < most && !parking.has(tip.id)) missing.set(tip.id, tip)
    }
  }
  const ranked = (counts: Map<Author, Held>): Held[] =>
    [...counts.values()].sort((a, b) => b.bytes - a.bytes).slice(0, most)
  return { batches, bytes, oldestMs, from: ranked(from), by: ranked(by), missing: [...missing.values()] }
}

function count(counts: Map<Author, Held>, author: Author, bytes: number): void {
  const before = counts.get(author) ?? { author, batches: 0, bytes: 0 }
  counts.set(author, { author, batches: before.batches + 1, bytes: before.bytes + bytes })
}

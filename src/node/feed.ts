/**
 * The change feed. It reads the log behind a position, so a slow reader costs no memory, a replay and the live feed are
 * one thing, and an event carries what a read gives at that moment: each key once, at its newest position.
 */

import type { Change, ChangesOptions, Clock } from '../base/index.js'
import { NatterError, utf8 } from '../base/index.js'
import { formatOpId, peerIdOf } from '../log/index.js'
import type { Store } from '../store/index.js'
import { decodeValue, isPresent, keyText, timeText } from './values.js'
import type { Progress } from './wait.js'
import { throwIfAborted, waitUntil } from './wait.js'

/** Positions read at a time: some hundred keys, so that a page stays small in memory. */
const PAGE_POSITIONS = 256

/** Store, position, and inside a batch of several keys the index of the last op that was told. */
const CURSOR = /^([0-9a-f]{16})\.(0|[1-9][0-9]{0,14})(?:\.(0|[1-9][0-9]{0,4}))?$/

export interface FeedComponents {
  readonly store: Store
  readonly clock: Clock
  readonly progress: Progress
}

export function formatCursor(store: Store, position: number): string {
  return `${store.storeId}.${position}`
}

export interface Place {
  readonly position: number
  /** Ops up to this index of the batch at `position` are behind; absent: the whole batch is. */
  readonly index?: number
}

/** The place of `start`, `now` or a cursor of this store. Throws `INVALID_CURSOR`, `CURSOR_FOREIGN`, `CURSOR_GONE`. */
export function parseCursor(store: Store, text: string): Place {
  if (text === 'start') return { position: 0 }
  if (text === 'now') return { position: store.mark.position }
  const match = CURSOR.exec(text)
  if (match === null) throw new NatterError('INVALID_CURSOR', `not a cursor: ${text.slice(0, 80)}`)
  if (match[1] !== store.storeId) throw new NatterError('CURSOR_FOREIGN', 'the cursor is of another store')
  const position = Number(match[2])
  if (position > store.mark.position) {
    throw new NatterError('CURSOR_GONE', `the log here ends at ${store.mark.position}`)
  }
  return match[3] === undefined ? { position } : { position, index: Number(match[3]) }
}

export async function* changesFeed(
  components: FeedComponents,
  options: ChangesOptions
): AsyncGenerator<Change> {
  const { store, clock, progress } = components
  const { signal, limit = Number.POSITIVE_INFINITY, live = true } = options
  const prefix = options.prefix === undefined ? undefined : utf8(options.prefix)
  const place = parseCursor(store, options.since ?? 'now')
  let position = place.index === undefined ? place.position : place.position - 1
  let caughtUp = false
  let count = 0
  if (limit <= 0) return
  while (true) {
    throwIfAborted(signal)
    while (position < store.mark.position) {
      const page = await store.changesAfter(position, PAGE_POSITIONS)
      for (const [i, entry] of page.keys.entries()) {
        throwIfAborted(signal)
        if (
          place.index !== undefined &&
          entry.op.position === place.position &&
          entry.op.name.index <= place.index
        )
          continue
        if (prefix !== undefined && !startsWith(entry.key, prefix)) continue
        yield toChange(store, entry, page.keys[i + 1]?.op.position !== entry.op.position)
        if (++count >= limit) return
      }
      position = page.upTo
    }
    if (!caughtUp) {
      caughtUp = true
      yield { type: 'caught-up', cursor: formatCursor(store, position) }
    }
    if (!live) return
    const seen = position
    await waitUntil(() => store.mark.position > seen, { progress, clock, signal })
  }
}

type Entry = Awaited<ReturnType<Store['changesAfter']>>['keys'][number]

/** `last` of its batch: then the cursor stands behind the batch, else inside it. */
function toChange(store: Store, { key, op, cell }: Entry, last: boolean): Change {
  const local = op.name.author === store.author
  const shown = isPresent(cell) ? cell.winner : undefined
  const change: Change = {
    type: shown === undefined ? 'del' : 'put',
    cursor: last ? formatCursor(store, op.position) : `${formatCursor(store, op.position)}.${op.name.index}`,
    key: keyText(key),
    opId: formatOpId(shown ?? op.name),
    at: timeText(shown?.time ?? op.time),
    origin: local ? 'local' : 'remote'
  }
  if (shown?.value !== undefined) Object.assign(change, decodeValue(shown.value))
  if (!local) change.from = peerIdOf(op.name.author)
  return change
}

function startsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return key.length >= prefix.length && prefix.every((byte, i) => key[i] === byte)
}

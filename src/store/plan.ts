/**
 * What a local write overwrites and what its batch must name for that, worked out before anything changes.
 *
 * Keeps: every version that is named outside the own epoch is a dep of the batch or behind one. Where the branch of a
 * version still has a tip, the version's own batch is named; otherwise every tip of its author, for one of them has it
 * behind it. What of one op does not fit the limits of the format is not named and stays a head until the next write.
 */
import { FORMAT } from '../base/index.js'
import type { BatchId, HybridTime, Op, OverRef, ShortId } from '../log/index.js'
import { compareTime } from '../log/index.js'
import type { Draft } from './draft.js'
import type { Head, Origin } from './heads.js'
import { NO_HEADS } from './heads.js'
import type { Chain } from './keys.js'
import { chainText } from './lineage.js'
import type { PreparedWrite } from './local-write.js'

/** Bytes that one entry of `over` takes at most, without its batch id in the table. */
const overBytes = 8
const idBytes = 16

/** A batch while writes are put into it. */
export interface OpenBatch {
  readonly chain: Chain
  readonly origin: Origin
  readonly time: HybridTime
  readonly position: number
  readonly previous: BatchId
  readonly begins: boolean
  readonly ops: Op[]
  readonly writes: { readonly prepared: PreparedWrite; readonly first: number }[]
  /** The newest batch of each branch that has to be a dep. */
  readonly needs: Map<string, Need>
  readonly table: Set<ShortId>
  size: number
}

export interface Need {
  readonly chain: Chain
  readonly seq: number
}

/** What one write overwrites, worked out before anything changes. */
export interface Plan {
  readonly over: readonly (readonly Head[])[]
  readonly needs: ReadonlyMap<string, Need>
  readonly table: ReadonlySet<ShortId>
  readonly size: number
}

/**
 * What the write overwrites; undefined when its deps do not fit into the batch beside those that are there. With
 * `mayTrim` an op that alone is over more versions than fit leaves out the oldest; ops that fit one by one but not
 * together are never cut.
 */
export function planWrite(
  draft: Draft,
  prepared: PreparedWrite,
  open: OpenBatch,
  mayTrim: boolean
): Plan | undefined {
  const needs = new Map<string, Need>()
  const table = new Set<ShortId>()
  const over: (readonly Head[])[] = []
  const seen = prepared.texts.length === 1 ? undefined : new Set<string>()
  let { size } = prepared
  for (const text of prepared.texts) {
    // A later op on the same key overwrites the earlier one of this write, which is not there yet.
    if (seen?.has(text)) {
      over.push(NO_HEADS)
      size += overBytes
      continue
    }
    seen?.add(text)
    const { heads } = draft.cells.get(text)
    if (heads.length === 0) {
      over.push(NO_HEADS)
      continue
    }
    const named: Head[] = []
    const own = new Map<string, Need>()
    for (const head of heads.length > 1 ? newestFirst(heads) : heads) {
      if (named.length >= FORMAT.over || !addNeed(draft, head, open, own, table)) {
        if (!mayTrim) return undefined
        continue
      }
      named.push(head)
    }
    for (const need of own.values()) raise(needs, need)
    const most = needs.size + open.needs.size
    if (own.size > 0 && most > FORMAT.deps && countOf(needs, open) > FORMAT.deps) return undefined
    over.push(named)
    size += named.length * overBytes
  }
  return { over, needs, table, size: size + table.size * idBytes }
}

/** Notes what naming this head takes; false when that does not fit. */
function addNeed(
  draft: Draft,
  { origin }: Head,
  open: OpenBatch,
  needs: Map<string, Need>,
  table: Set<ShortId>
): boolean {
  if (isOwn(origin, open)) return true
  const wanted: Need[] = []
  if (draft.isVisible(origin)) wanted.push({ chain: origin, seq: origin.seq })
  else {
    for (const tip of draft.tipsOf(origin.author)) {
      if (!isOwn(tip, open)) wanted.push({ chain: tip, seq: tip.seq })
    }
  }
  const added = wanted.filter(({ chain }) => {
    const text = chainText(chain)
    return !needs.has(text) && !open.needs.has(text)
  }).length
  if (added > 0 && countOf(needs, open) + added > FORMAT.deps) return false
  for (const need of wanted) raise(needs, need)
  if (!open.table.has(origin.id)) table.add(origin.id)
  return true
}

/** Deps of the batch with these. */
function countOf(needs: ReadonlyMap<string, Need>, open: OpenBatch): number {
  let count = open.needs.size
  for (const text of needs.keys()) if (!open.needs.has(text)) count++
  return count
}

export function raise(needs: Map<string, Need>, need: Need): void {
  const text = chainText(need.chain)
  const known = needs.get(text)
  if (known === undefined || known.seq < need.seq) needs.set(text, need)
}

export function isOwn(chain: Chain, open: OpenBatch): boolean {
  const own = open.chain
  return chain.author === own.author && chain.epoch === own.epoch && chain.branch === own.branch
}

export function refOf({ origin, index }: Head, open: OpenBatch): OverRef {
  return isOwn(origin, open) ? { seq: origin.seq, index } : { batch: origin.id, index }
}

function newestFirst(heads: readonly Head[]): readonly Head[] {
  return [...heads].sort((a, b) => compareTime(b.origin.time, a.origin.time))
}

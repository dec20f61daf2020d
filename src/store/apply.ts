/**
 * Applying a batch of another node: where it goes in its author's log, and what its ops do to the heads.
 *
 * Keeps: only a gap in the chain or a missing dep holds a batch back; whether an entry of `over` has effect is a
 * function of the log alone, so the verdict is the same everywhere, in whatever order batches arrive.
 */
import type { Batch, ClientIdHash, Dep, Tip } from '../log/index.js'
import { NO_BATCH, OP_FLAG, shortId } from '../log/index.js'
import type { DraftCells } from './cells.js'
import type { ClientIds, ClientOp, Meeting } from './client-ids.js'
import type { Draft } from './draft.js'
import type { Head } from './heads.js'
import { NO_HEADS, Origin } from './heads.js'
import type { Chain } from './keys.js'
import type { Lineage, Place } from './lineage.js'
import type { RemoteOp } from './prepare.js'
import { Reach } from './reach.js'
import type { BranchRecord } from './records.js'

/** Where a batch goes that can be applied. */
export interface Placement {
  readonly chain: Chain
  /** The record of the branch where the batch begins one. */
  readonly begins: BranchRecord | undefined
  readonly deps: readonly Place[]
  /** Batches of the same author, epoch and seq that are applied already: some, where there are very many. */
  readonly rivals: readonly Place[]
}

export type Verdict =
  | { readonly status: 'ready'; readonly placement: Placement }
  | { readonly status: 'duplicate' }
  | { readonly status: 'missing'; readonly missing: readonly Tip[]; readonly impossible: boolean }

type Slot = {
  readonly chain: Chain
  readonly begins: BranchRecord | undefined
  readonly rivals: readonly Place[]
}

/** Rivals that the event of a fork names: one liar can make any number. */
const toldRivals = 16
/** Stands for an author who gets a number when the batch is applied: what cannot be applied leaves nothing behind. */
const newAuthor = -1

/** Decides whether a batch can be applied, and where it goes. */
export async function placeBatch(draft: Draft, batch: Batch): Promise<Verdict> {
  const { header } = batch
  if (
    draft.tip(shortId(batch.id))?.id === batch.id ||
    draft.lineage.placed.get(shortId(batch.id))?.id === batch.id
  ) {
    return { status: 'duplicate' }
  }
  const missing: Tip[] = []
  let impossible = false
  const lacks = (dep: Dep): void => {
    missing.push({ author: dep.author, epoch: dep.epoch, seq: dep.seq, id: shortId(dep.id) })
    // A batch has one name and one id, and a short id stands for one batch: what was asked for is nowhere.
    if (draft.holds(shortId(dep.id))) impossible = true
  }
  const slot = await slotOf(draft, batch)
  if (slot === 'duplicate') return { status: 'duplicate' }
  if (slot === 'missing' || slot === 'impossible') {
    const { author, epoch, seq, previous } = header
    lacks({ author, epoch, seq: seq - 1, id: previous })
    if (slot === 'impossible') impossible = true
  }
  const deps: Place[] = []
  for (const dep of header.deps) {
    const number = draft.init.state.authors.numberOf(dep.author)
    const place = number === undefined ? undefined : await draft.find(number, dep, shortId(dep.id))
    if (place?.id === dep.id) deps.push(place)
    else {
      lacks(dep)
      if (place !== undefined) impossible = true
    }
  }
  if (missing.length > 0 || typeof slot === 'string') return { status: 'missing', missing, impossible }
  const { chain } = slot
  const author = chain.author === newAuthor ? draft.init.state.authors.intern(header.author) : chain.author
  return { status: 'ready', placement: { ...slot, chain: { ...chain, author }, deps } }
}

async function slotOf(draft: Draft, batch: Batch): Promise<Slot | 'duplicate' | 'missing' | 'impossible'> {
  const { author, epoch, seq, previous } = batch.header
  const { authors } = draft.init.state
  if (previous === NO_BATCH) {
    const number = authors.numberOf(author)
    if (number === undefined) {
      return { chain: { author: newAuthor, epoch, branch: 0 }, begins: { deps: [] }, rivals: [] }
    }
    if (await isApplied(draft, number, batch)) return 'duplicate'
    const rivals = await draft.lineage.findAll(number, epoch, 1, toldRivals)
    const branch = await draft.lineage.nextBranch(number, epoch)
    return { chain: { author: number, epoch, branch }, begins: { deps: [] }, rivals }
  }
  const number = authors.numberOf(author)
  if (number === undefined) return 'missing'
  const before = await draft.find(number, { epoch, seq: seq - 1 }, shortId(previous))
  if (before === undefined) return 'missing'
  if (before.id !== previous) return 'impossible'
  const chain = { author: number, epoch, branch: before.branch }
  // A tip is named by nobody, so nothing can stand behind it.
  if (draft.tip(shortId(previous)) !== undefined) return { chain, begins: undefined, rivals: [] }
  if (await isApplied(draft, number, batch)) return 'duplicate'
  const rivals = await draft.lineage.findAll(number, epoch, seq, toldRivals)
  if ((await draft.lineage.at(chain, seq)) === undefined) return { chain, begins: undefined, rivals }
  const branch = await draft.lineage.nextBranch(number, epoch)
  const parent = { branch: before.branch, seq: seq - 1 }
  return { chain: { ...chain, branch }, begins: { parent, deps: [] }, rivals }
}

async function isApplied(draft: Draft, author: number, { id, header }: Batch): Promise<boolean> {
  return (await draft.find(author, header, shortId(id)))?.id === id
}

/** Ids that were used again with other content, as they came up while ops were applied. */
export interface Reuse {
  readonly key: Uint8Array
}

/** What ops are applied to: a draft, or the state that `verify` computes anew. */
export interface OpTarget {
  readonly cells: DraftCells
  readonly lineage: Lineage
  readonly clientIds: ClientIds
  /** An op of the first copy of a client's write. */
  addClientOp(id: ClientIdHash, op: ClientOp): void
  addHistory(key: Uint8Array, position: number, index: number): void
}

/** Applies the ops of a batch that has its place, without those left out. The cells are loaded. */
export async function applyOps(
  draft: OpTarget,
  batch: Batch,
  { chain, deps }: Pick<Placement, 'chain' | 'deps'>,
  ops: readonly (RemoteOp | undefined)[],
  position: number
): Promise<Reuse[]> {
  const { author, seq, time } = batch.header
  const origin = new Origin(chain, author, { seq, id: shortId(batch.id), time })
  const reach = new Reach({ lineage: draft.lineage, chain, seq, deps })
  const reused: Reuse[] = []
  for (let index = 0; index < ops.length; index++) {
    const entry = ops[index]
    if (entry === undefined) continue
    const { op, text, client } = entry
    const cell = draft.cells.get(text)
    let gone = NO_HEADS
    if (op.over.length > 0 && cell.size > 0) {
      const found = reach.overwritten(op.over, cell, index)
      gone = found instanceof Promise ? await found : found
    }
    const identity = client?.identity
    const own: Head | undefined =
      (op.flags & OP_FLAG.head) === 0
        ? undefined
        : { origin, index, kind: op.kind, value: op.value, identity, demoted: false }
    draft.cells.change(cell, gone, own, position)
    draft.addHistory(op.key, position, index)
    if (client !== undefined && noteClientOp(draft, client, position, index) === 'reused')
      reused.push({ key: op.key })
  }
  return reused
}

function noteClientOp(
  draft: OpTarget,
  { mark, identity }: NonNullable<RemoteOp['client']>,
  position: number,
  index: number
): Meeting {
  const op: ClientOp = { number: mark.number, position, index, identity }
  const verdict = draft.clientIds.meet(mark.idHash, op)
  if (verdict === 'first') draft.addClientOp(mark.idHash, op)
  return verdict
}

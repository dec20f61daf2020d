/** The batches of other nodes in one commit: each placed, taken in and applied, in the order given. */
import type { Limits, NodeEvents } from '../base/index.js'
import type { Author, BareHeader, Batch } from '../log/index.js'
import { peerIdOf, shortId } from '../log/index.js'
import type { Placement, Verdict } from './apply.js'
import { applyOps, placeBatch } from './apply.js'
import type { OpenEnd } from './covers.js'
import { isDamage } from './damage.js'
import type { Draft } from './draft.js'
import { slotText } from './draft-cell.js'
import type { ApplyResult } from './index.js'
import type { RemoteOp } from './prepare.js'
import type { RefillInit } from './refill.js'
import { Refill } from './refill.js'

export interface RemoteInit extends RefillInit {
  /** This node's author. */
  readonly author: Author
  readonly limits: Pick<Limits, 'clockDriftMs'>
}

/** The remote batches of one commit, and what there is to tell about them. */
export class RemoteSession {
  readonly forks: NodeEvents['fork'][] = []
  readonly reused: { key: Uint8Array }[] = []
  /** Authors whose clock is ahead, by how many milliseconds. */
  readonly ahead = new Map<Author, number>()
  /** The batches that fill holes of the log. */
  readonly refill: Refill
  readonly #init: RemoteInit
  readonly #draft: Draft

  constructor(init: RemoteInit, draft: Draft) {
    this.#init = init
    this.#draft = draft
    this.refill = new Refill(init, draft)
  }

  async apply(
    batches: readonly Batch[],
    proof: readonly BareHeader[],
    ops: ReadonlyMap<Batch, RemoteOp[]>
  ): Promise<ApplyResult[]> {
    const results: ApplyResult[] = []
    for (const batch of batches) {
      const hole = this.#init.holes.get(batch.id) ?? (await this.refill.adopt(batch))
      if (hole !== undefined) {
        if (!this.refill.filled.includes(hole)) await this.refill.put(hole, batch, [...proof, ...batches])
        results.push({ batch, status: 'duplicate' })
        continue
      }
      const verdict = await this.#place(batch)
      if (verdict.status === 'duplicate') results.push({ batch, status: 'duplicate' })
      else if (verdict.status === 'missing') {
        const { missing, impossible } = verdict
        results.push({ batch, status: 'missing', missing, ...(impossible && { impossible }) })
      } else results.push(await this.#take(batch, verdict.placement, ops.get(batch)!))
    }
    await this.refill.noteChecks()
    this.#coverEnds(batches, proof)
    return results
  }

  /** Where the entry of the index that the batch would have is damaged, it may be what stood at an open position. */
  async #place(batch: Batch): Promise<Verdict> {
    try {
      return await placeBatch(this.#draft, batch)
    } catch (error) {
      if (!isDamage(error)) throw error
      const hole = await this.refill.claim(batch)
      if (hole === undefined) throw error
      await this.refill.put(hole, batch, [])
      return { status: 'duplicate' }
    }
  }

  async #take(batch: Batch, placement: Placement, ops: readonly RemoteOp[]): Promise<ApplyResult> {
    const draft = this.#draft
    const { author, epoch, seq } = batch.header
    const { chain, begins, deps, rivals } = placement
    const ownDeps = deps.filter(dep => dep.author === chain.author)
    const mark = await draft.append(batch, chain, { local: false, begins, ownDeps })
    this.reused.push(...(await applyOps(draft, batch, placement, ops, mark.position)))
    this.#observe(batch)
    if (rivals.length > 0) {
      draft.addFork({ author: chain.author, epoch, seq })
      this.forks.push({
        author: peerIdOf(author),
        epoch,
        seq,
        batches: [...rivals.map(rival => rival.id), batch.id]
      })
    }
    // Somebody else writes in this epoch of this node: whatever the next batch were, it could be a second one.
    if (author === this.#init.author && epoch === draft.own?.epoch) draft.own = undefined
    return { batch, status: 'applied', mark }
  }

  /** What of these is now the unsigned end of a branch is to be proved by what came with it. */
  #coverEnds(batches: readonly Batch[], proof: readonly BareHeader[]): void {
    const { placed, slots } = this.#draft.lineage
    const ends: OpenEnd[] = []
    for (const { id, signature } of batches) {
      const place = signature === undefined ? placed.get(shortId(id)) : undefined
      if (place?.id !== id || slots.has(slotText(place, place.seq + 1))) continue
      // It may stand with a signature: of the same commit from another peer, or of a cover.
      if (slots.get(slotText(place, place.seq))?.signed !== true) ends.push({ chain: place, id })
    }
    if (ends.length > 0) this.#draft.covers.close(ends, [...proof, ...batches])
  }

  #observe({ header }: Batch): void {
    const draft = this.#draft
    const { nowMs } = draft.init
    const { clockDriftMs } = this.#init.limits
    draft.observe(header.time, clockDriftMs)
    const aheadMs = header.time.ms - nowMs
    if (aheadMs > clockDriftMs) {
      this.ahead.set(header.author, Math.max(aheadMs, this.ahead.get(header.author) ?? 0))
    }
  }
}

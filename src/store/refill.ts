/**
 * Putting a batch back whose record was damaged: the log record at the position where it stood, and what of its index,
 * branch, history and client ids is gone with it. Nothing is applied a second time: cells that have taken the batch in
 * keep what they are, and those that could not are made again from the log behind this commit.
 */
import type { NatterError } from '../base/index.js'
import type { BareHeader, Batch, BatchId } from '../log/index.js'
import { NO_BATCH, shortId } from '../log/index.js'
import { decodeCell } from './cell-record.js'
import { encodeRenewal, readRenewal } from './checks.js'
import type { ClientOp } from './client-ids.js'
import { decodeClientOps, encodeClientOps } from './client-ids.js'
import { headersUpToSignature } from './covers.js'
import { isDamage, readIntact } from './damage.js'
import type { Draft } from './draft.js'
import type { Hole, HoleTable } from './holes.js'
import type { Chain } from './keys.js'
import {
  branchKey,
  cellKey,
  clientIdKey,
  historyKey,
  holeKey,
  indexKey,
  logKey,
  RENEWAL_KEY
} from './keys.js'
import { chainText } from './lineage.js'
import type { LogRecord } from './log-record.js'
import { decodeLog, encodeLog, NO_CHECK, nextCheck } from './log-record.js'
import type { RemoteOp } from './prepare.js'
import { remoteOps } from './prepare.js'
import type { OwnDep } from './records.js'
import { damaged, encodeBranch, encodeIndex } from './records.js'
import { firstMisfit } from './refill-checks.js'
import { adoptedPlace, claimedPlace } from './refill-place.js'
import { endNamedTips } from './refill-tips.js'

/** Keys of one read while history and cells of a batch are looked at. */
const pageKeys = 1024

export interface RefillInit {
  readonly holes: HoleTable
  /** This node's author. */
  readonly author: string
  /** Told of a position whose record is damaged. */
  readonly onDamage: (position: number, error: NatterError) => void
}

/** The batches of one commit that fill holes. */
export class Refill {
  readonly filled: Hole[] = []
  /** Keys whose cells did not take a batch in, and are to be made again when the commit is durable. */
  readonly keys: Uint8Array[] = []
  /** Behind what was filled the running checks are to be made anew when the commit is durable. */
  brokeChecks = false
  readonly #init: RefillInit
  readonly #draft: Draft
  readonly #records = new Map<number, LogRecord>()

  constructor(init: RefillInit, draft: Draft) {
    this.#init = init
    this.#draft = draft
  }

  /** Writes the batch in its place. `following` are the batches and bare headers that came with it. */
  async put(hole: Hole, batch: Batch, following: readonly BareHeader[]): Promise<void> {
    const { write, init, covers, lineage } = this.#draft
    // What lies between may not have come back yet.
    const isEnd = !(await lineage.hasLater(hole, hole.seq))
    const cover = isEnd && batch.signature === undefined ? coverOf(hole, following) : []
    // Its end cannot be proved by this answer: another peer may have more.
    if (cover === undefined) return
    const stood = await this.#recordAt(hole.position)
    // Its running check cannot be told either: first that is to be known which nobody has run into.
    if (stood === undefined && (await this.#isBehindUnknown(hole.position))) return
    if (stood === undefined || stood.batch.signature === undefined) await this.#putRecord(hole, batch, stood)
    if (isEnd) covers.set(hole, cover)
    if (hole.kind === 'record') {
      await this.#putBranch(hole, batch)
      const ops = remoteOps(batch, init.hashes)
      await this.#putHistory(hole, ops)
      await this.#putClientIds(hole, ops)
      this.keys.push(...(await endNamedTips(this.#draft, batch.header)))
    }
    write.del(holeKey(hole.position))
    this.filled.push(hole)
  }

  claim(batch: Batch): Promise<Hole | undefined> {
    return claimedPlace(this.#draft, this.#init.holes, batch)
  }

  adopt(batch: Batch): Promise<Hole | undefined> {
    return adoptedPlace(this.#draft, this.#init.holes, batch, this.#records)
  }

  /** Leaves a note where the running checks do not fit around what was filled. */
  async noteChecks(): Promise<void> {
    const { disk, hashes } = this.#draft.init
    const misfit = await firstMisfit(this.#records.keys(), position => this.#recordAt(position), hashes)
    if (misfit === undefined) return
    const due = await readRenewal(disk, hashes)
    const from = typeof due === 'number' ? Math.min(due, misfit) : misfit
    this.#draft.write.put(RENEWAL_KEY, encodeRenewal(from, hashes))
    this.brokeChecks = true
  }

  async #putRecord(hole: Hole, batch: Batch, stood: LogRecord | undefined): Promise<void> {
    const { write, init } = this.#draft
    const record = stood === undefined ? await this.#placed(hole, batch) : { ...stood, batch }
    this.#records.set(hole.position, record)
    const key = logKey(hole.position)
    const value = encodeLog(key, record, init.hashes)
    write.put(key, value)
    if (hole.position === init.state.mark.position) this.#putEnd(record)
    const signed = batch.signature !== undefined
    const slot = indexKey(hole, hole.seq)
    const entry = { ...hole, signed, bytes: value.length }
    write.put(slot, encodeIndex(slot, entry, init.hashes))
    this.#draft.lineage.setSlot(hole, hole.seq, entry)
    const tip = this.#draft.tip(shortId(hole.id))
    if (tip?.id === hole.id) this.#draft.renewTip({ ...tip, signed })
  }

  /** The newest record tells what the counts are, where the meta record was lost with it. */
  #putEnd({ check, opsBefore, bytesBefore, batch: { header } }: LogRecord): void {
    const draft = this.#draft
    const { position } = draft.init.state.mark
    const ops = opsBefore + header.opCount
    const bytes = bytesBefore + header.bodyLength
    const { mark, totals } = draft.init.state
    if (mark.check === check && totals.ops === ops && totals.bytes === bytes) return
    // What this commit appended stands behind it.
    if (draft.mark.position !== position) return
    draft.mark = { position, check }
    draft.totals.ops = ops
    draft.totals.bytes = bytes
    draft.isMended = true
  }

  /** What the record said of its arrival, from the records beside it. */
  async #placed({ position, branch, id }: Hole, batch: Batch): Promise<LogRecord> {
    const { init } = this.#draft
    const { opCount, bodyLength } = batch.header
    const { check, nearest, ids } = await this.#before(position)
    const after = await this.#recordAt(position + 1)
    let opsBefore = nearest === undefined ? 0 : nearest.opsBefore + nearest.batch.header.opCount
    let bytesBefore = nearest === undefined ? 0 : nearest.bytesBefore + nearest.batch.header.bodyLength
    const { mark, totals } = init.state
    const isKnown = position === mark.position && mark.check !== NO_CHECK
    if (ids.length > 0 && after !== undefined) {
      opsBefore = after.opsBefore - opCount
      bytesBefore = after.bytesBefore - bodyLength
    } else if (ids.length > 0 && isKnown) {
      opsBefore = totals.ops - opCount
      bytesBefore = totals.bytes - bodyLength
    }
    const own = isKnown
      ? mark.check
      : [...ids, id].reduce((before, next) => nextCheck(before, next, init.hashes), check)
    const arrivedMs = nearest?.arrivedMs ?? after?.arrivedMs ?? init.nowMs
    const local = batch.header.author === this.#init.author
    return { batch, branch, check: own, opsBefore, bytesBefore, arrivedMs, local }
  }

  /** Whether a record that is damaged stands before the position, unnoticed. Tells of those that do. */
  async #isBehindUnknown(position: number): Promise<boolean> {
    const { holes, onDamage } = this.#init
    let isUnknown = false
    for (let at = position - 1; at > 0 && (await this.#recordAt(at)) === undefined; at--) {
      if (holes.at(at) !== undefined || holes.open.has(at) || holes.vacant.has(at)) continue
      onDamage(at, damaged(`position ${at} of the log`))
      isUnknown = true
    }
    return isUnknown
  }

  /** The nearest record before, its check, and the batches that stand between it and the position. */
  async #before(
    position: number
  ): Promise<{ check: string; nearest: LogRecord | undefined; ids: BatchId[] }> {
    const ids: BatchId[] = []
    for (let at = position - 1; at > 0; at--) {
      const nearest = await this.#recordAt(at)
      if (nearest !== undefined) return { check: nearest.check, nearest, ids }
      const hole = this.#init.holes.at(at)
      if (hole !== undefined) ids.unshift(hole.id)
    }
    return { check: NO_CHECK, nearest: undefined, ids }
  }

  async #recordAt(position: number): Promise<LogRecord | undefined> {
    const made = this.#records.get(position)
    if (made !== undefined) return made
    const { disk, hashes } = this.#draft.init
    const key = logKey(position)
    try {
      const value = await disk.get(key)
      return value === undefined ? undefined : decodeLog(key, value, position, hashes)
    } catch (error) {
      if (!isDamage(error)) throw error
      return undefined
    }
  }

  /** The record of its branch names what the batch names of its own author. */
  async #putBranch(hole: Hole, { header }: Batch): Promise<void> {
    const { lineage, write, init, afterwards } = this.#draft
    const chain: Chain = { author: hole.author, epoch: hole.epoch, branch: hole.branch }
    const record = (await lineage.branch(chain)) ?? (header.previous === NO_BATCH ? { deps: [] } : undefined)
    if (record === undefined) return
    const named: OwnDep[] = []
    for (const dep of header.deps) {
      if (dep.author !== header.author) continue
      const place = await lineage.find(hole.author, dep.epoch, dep.seq, shortId(dep.id))
      if (place !== undefined)
        named.push({ atSeq: hole.seq, epoch: dep.epoch, branch: place.branch, seq: dep.seq })
    }
    const others = record.deps.filter(dep => dep.atSeq !== hole.seq)
    const stands = (await init.disk.get(branchKey(chain))) !== undefined
    if (stands && named.length + others.length === record.deps.length) return
    const deps = [...others.filter(dep => dep.atSeq < hole.seq), ...named]
    deps.push(...others.filter(dep => dep.atSeq > hole.seq))
    const mended = { ...record, deps }
    const key = branchKey(chain)
    write.put(key, encodeBranch(key, mended, init.hashes))
    lineage.branches.set(chainText(chain), { chain, record: mended })
    afterwards.push(() => init.branches.set(chain, mended))
  }

  /** Keys that the history does not name with the batch, or that are out of use, are to be made again. */
  async #putHistory({ position }: Hole, ops: readonly RemoteOp[]): Promise<void> {
    const { init, write } = this.#draft
    const again = new Map<string, Uint8Array>()
    for (let from = 0; from < ops.length; from += pageKeys) {
      const page = ops.slice(from, from + pageKeys)
      const keys = page.map(({ op }, i) => historyKey(op.key, position, from + i))
      const known = await init.disk.getMany(keys)
      const cells = page.map(({ op }) => cellKey(op.key))
      const values = await readIntact(init.disk, cells)
      for (let i = 0; i < page.length; i++) {
        const { op, text } = page[i]!
        const lost = !this.#isReadable(cells[i]!, values[i])
        if (known[i] !== undefined && !lost) continue
        if (known[i] === undefined) write.put(keys[i]!, new Uint8Array(0))
        again.set(text, op.key.slice())
      }
    }
    this.keys.push(...again.values())
  }

  #isReadable(key: Uint8Array, value: Uint8Array | undefined): boolean {
    if (value === undefined) return false
    try {
      return (
        decodeCell(key, value, this.#draft.init.hashes, this.#draft.init.state.authors).lostAfter ===
        undefined
      )
    } catch (error) {
      if (!isDamage(error)) throw error
      return false
    }
  }

  /** The first copy of a client's write stands under its id: this one, unless one is known from before it. */
  async #putClientIds({ position }: Hole, ops: readonly RemoteOp[]): Promise<void> {
    const { init, write } = this.#draft
    const byId = new Map<string, { key: Uint8Array; ops: ClientOp[] }>()
    for (const [index, { client }] of ops.entries()) {
      if (client === undefined) continue
      const { idHash, number } = client.mark
      const entry = byId.get(idHash) ?? { key: clientIdKey(idHash), ops: [] }
      byId.set(idHash, entry)
      if (!entry.ops.some(op => op.number === number))
        entry.ops.push({ number, position, index, identity: client.identity })
    }
    for (const { key, ops: made } of byId.values()) {
      const [value] = await readIntact(init.disk, [key])
      if (value !== undefined && value.length > 0) {
        try {
          const known = decodeClientOps(key, value, init.hashes)
          if (known.every(op => op.position <= position)) continue
        } catch (error) {
          if (!isDamage(error)) throw error
        }
      }
      write.put(key, encodeClientOps(key, made, init.hashes))
    }
  }
}

/** Headers up to the signature that covers an unsigned batch at the end of a branch; undefined where there is none. */
function coverOf(hole: Hole, following: readonly BareHeader[]): readonly BareHeader[] | undefined {
  const after = new Map(following.map(bare => [bare.header.previous, bare]))
  const cover = headersUpToSignature(after, hole.id)
  return cover.at(-1)?.signature === undefined ? undefined : cover
}

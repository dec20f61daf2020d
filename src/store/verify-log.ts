/**
 * The part of an inspection that walks the log in order: chain and running check, and with them the index, the branches,
 * the forks, the tips and the headers that cover unsigned ends.
 */
import { equalBytes } from '../base/index.js'
import type { BareHeader, BatchId, HybridTime, Mark, ShortId } from '../log/index.js'
import { maxTime, NO_BATCH, shortId, ZERO_TIME } from '../log/index.js'
import { CheckChain, encodeRenewal } from './checks.js'
import type { Hole } from './holes.js'
import type { Inspection } from './inspection.js'
import { positionName } from './inspection.js'
import type { Chain } from './keys.js'
import { branchKey, indexKey, logKey, RENEWAL_KEY, tipKey } from './keys.js'
import { chainText } from './lineage.js'
import type { LogRecord } from './log-record.js'
import { encodeLog, NO_CHECK } from './log-record.js'
import type { BranchRecord, OwnDep, TipRecord } from './records.js'
import { decodeBranch, decodeIndex, decodeTip, encodeIndex } from './records.js'
import type { Scan } from './scan-log.js'
import type { Meta } from './state.js'
import { inspectBranches, inspectCovers, inspectForks, inspectTips } from './verify-beside.js'

export interface InspectedLog {
  readonly batches: number
  /** By the log; a batch that is missing counts where its neighbours tell. */
  /** What the records that can be read hold. */
  readonly held: { readonly ops: number; readonly bytes: number }
  readonly ops: number
  readonly bytes: number
  readonly mark: Mark | undefined
  /** The greatest hybrid time of a batch. */
  readonly time: HybridTime
}

export interface End {
  readonly chain: Chain
  readonly seq: number
  readonly position: number
  readonly id: BatchId
  /** Absent for a batch that is missing. */
  readonly bare?: BareHeader
}

export async function inspectLog(
  inspection: Inspection,
  scan: Scan,
  meta: Meta | undefined
): Promise<InspectedLog> {
  const walk = new LogWalk(inspection)
  let next = 0
  const { holes } = inspection
  for await (const { position, record, bytes } of inspection.batches()) {
    for (; next < holes.length && holes[next]!.position < position; next++) await walk.hole(holes[next]!)
    await walk.batch(position, record, bytes)
  }
  for (; next < holes.length; next++) await walk.hole(holes[next]!)
  await walk.finish()
  const { counted, check, last, time, after } = walk
  const whole = check !== undefined && last === scan.last
  const known = meta?.mark.position === scan.last ? meta.mark.check : NO_CHECK
  const mark = whole ? { position: last, check } : { position: scan.last, check: known }
  // What the last record says of all before it counts also those that are missing.
  const rest = after?.position === scan.last ? after : meta?.totals
  const { ops, bytes } = inspection.bad.size === 0 ? counted : (rest ?? after ?? counted)
  return {
    batches: counted.batches,
    ops,
    bytes,
    held: counted,
    mark: scan.last === 0 ? undefined : mark,
    time
  }
}

class LogWalk {
  readonly counted = { batches: 0, ops: 0, bytes: 0 }
  /** Totals up to the last record, by what it says of those before it. */
  after: { position: number; ops: number; bytes: number } | undefined
  time: HybridTime = ZERO_TIME
  readonly #inspection: Inspection
  readonly #chain: CheckChain
  /** A check was made anew: from there on all are others than the manifest may remember. */
  #isBroken = false
  readonly #ends = new Map<string, End>()
  readonly #tips = new Map<ShortId, TipRecord>()

  constructor(inspection: Inspection) {
    this.#inspection = inspection
    this.#chain = new CheckChain(inspection.init.crypto, position => inspection.bad.has(position))
  }

  get check(): string | undefined {
    return this.#chain.check
  }

  get last(): number {
    return this.#chain.last
  }

  async batch(position: number, record: LogRecord, bytes: number): Promise<void> {
    const { authors, init } = this.#inspection
    const where = positionName(position)
    const { batch, branch } = record
    const { header, id, signature, headerBytes } = batch
    this.counted.batches++
    this.counted.ops += header.opCount
    this.counted.bytes += header.bodyLength
    this.after = {
      position,
      ops: record.opsBefore + header.opCount,
      bytes: record.bytesBefore + header.bodyLength
    }
    this.time = maxTime(this.time, header.time)
    const check = this.#chain.expected(position, id, record.check)
    if (check !== record.check) {
      if (!this.#isBroken) await this.#inspection.put(RENEWAL_KEY, encodeRenewal(position, init.crypto))
      this.#isBroken = true
      // Batches that came back may stand in another order than before: cursors of peers that rest on it are void then.
      const key = logKey(position)
      const value = encodeLog(key, { ...record, check }, init.crypto)
      await this.#inspection.mend(where, 'the running check does not fit', key, value)
    }
    this.#chain.take(position, this.#inspection.repairs ? check : record.check)
    const author = authors.numberOf(header.author)
    if (author === undefined) {
      this.#inspection.fault(where, 'its author has no number')
      return
    }
    const chain = { author, epoch: header.epoch, branch }
    const { seq } = header
    const signed = signature !== undefined
    await this.#index({ chain, seq, position, id }, { signed, bytes })
    await this.#follow({ chain, seq, position, id }, header.previous)
    this.#ends.set(chainText(chain), {
      chain,
      seq,
      position,
      id,
      bare: { header, headerBytes, id, ...(signature !== undefined && { signature }) }
    })
    const deps: OwnDep[] = []
    for (const dep of header.deps) {
      const number = authors.numberOf(dep.author)
      const place =
        number === undefined
          ? undefined
          : await this.#inspection.lineage.find(number, dep.epoch, dep.seq, shortId(dep.id))
      if (place === undefined || place.position >= position)
        this.#misplaced(position, 'a dep of it is not applied before it')
      if (dep.author !== header.author) continue
      this.#tips.delete(shortId(dep.id))
      if (place !== undefined) deps.push({ atSeq: seq, epoch: dep.epoch, branch: place.branch, seq: dep.seq })
    }
    this.#name(chain, deps)
    this.#tips.delete(shortId(header.previous))
    this.#tips.set(shortId(id), { ...chain, seq, id, position, signed })
  }

  /** A batch that is known to have stood there. */
  async hole(hole: Hole): Promise<void> {
    const { lineage, init } = this.#inspection
    const { author, epoch, branch, seq, id, position } = hole
    const chain = { author, epoch, branch }
    this.#chain.hole(position, id)
    const stored = await this.#storedBranch(chain)
    if (!lineage.branches.has(chainText(chain))) {
      const { parent } = stored ?? {}
      const record: BranchRecord = parent === undefined ? { deps: [] } : { parent, deps: [] }
      lineage.branches.set(chainText(chain), { chain, record })
    }
    const known = await this.#storedTip(author, id)
    const entry = await lineage.at(chain, seq)
    const signed = known?.signed ?? entry?.signed ?? true
    if (entry?.id !== id || entry.position !== position) {
      const key = indexKey(chain, seq)
      const value = encodeIndex(key, { position, id, signed, bytes: entry?.bytes ?? 0 }, init.crypto)
      await this.#inspection.mend(`the index entry of position ${position}`, 'it is damaged', key, value)
    }
    const before = await this.#previousOf(chain, seq)
    if (before !== undefined) this.#tips.delete(shortId(before))
    const deps = stored?.deps.filter(dep => dep.atSeq === seq) ?? []
    for (const dep of deps) {
      const record = await lineage.at({ author, epoch: dep.epoch, branch: dep.branch }, dep.seq)
      if (record !== undefined) this.#tips.delete(shortId(record.id))
    }
    this.#name(chain, deps)
    this.#ends.set(chainText(chain), { chain, seq, position, id })
    this.#tips.set(shortId(id), { ...chain, seq, id, position, signed })
  }

  async finish(): Promise<void> {
    await inspectBranches(this.#inspection)
    await inspectForks(this.#inspection)
    await inspectTips(this.#inspection, this.#tips)
    await inspectCovers(this.#inspection, this.#ends)
    await this.#inspection.flush()
  }

  async #storedBranch(chain: Chain): Promise<BranchRecord | undefined> {
    const key = branchKey(chain)
    const value = await this.#inspection.get(key)
    return value && this.#inspection.attempt(() => decodeBranch(key, value, this.#inspection.init.crypto))
  }

  async #storedTip(author: number, id: BatchId): Promise<TipRecord | undefined> {
    const key = tipKey(author, shortId(id))
    const value = await this.#inspection.get(key)
    const { crypto } = this.#inspection.init
    return value && this.#inspection.attempt(() => decodeTip(key, value, author, crypto))
  }

  /** The id of the batch before a place on its branch. */
  async #previousOf(chain: Chain, seq: number): Promise<BatchId | undefined> {
    const before = this.#ends.get(chainText(chain))
    if (before !== undefined) return before.seq + 1 === seq ? before.id : undefined
    const parent = (await this.#inspection.lineage.branch(chain))?.parent
    if (parent?.seq !== seq - 1) return undefined
    return (await this.#inspection.lineage.at({ ...chain, branch: parent.branch }, parent.seq))?.id
  }

  /** The index names the batch. */
  async #index(
    { chain, seq, position, id }: Omit<End, 'bare'>,
    { signed, bytes }: { signed: boolean; bytes: number }
  ): Promise<void> {
    const { crypto } = this.#inspection.init
    const key = indexKey(chain, seq)
    const value = await this.#inspection.get(key)
    const right = encodeIndex(key, { position, id, signed, bytes }, crypto)
    if (value !== undefined && equalBytes(value, right)) return
    const entry = value && this.#inspection.attempt(() => decodeIndex(key, value, crypto))
    const isOther = entry !== undefined && (entry.position !== position || entry.id !== id)
    const what = isOther
      ? 'it does not name the batch'
      : value === undefined
        ? 'it is missing'
        : 'its record is damaged'
    await this.#inspection.mend(`the index entry of position ${position}`, what, key, right)
  }

  /** The batch follows the one before it on its branch, or begins a branch where it leaves another. */
  async #follow({ chain, seq, position }: Omit<End, 'bare'>, previous: BatchId): Promise<void> {
    const { lineage } = this.#inspection
    const text = chainText(chain)
    if (lineage.branches.has(text)) {
      if ((await this.#previousOf(chain, seq)) !== previous)
        this.#misplaced(position, 'it does not follow the batch before it')
      return
    }
    if (previous === NO_BATCH) {
      lineage.branches.set(text, { chain, record: { deps: [] } })
      return
    }
    const parent = await lineage.find(chain.author, chain.epoch, seq - 1, shortId(previous))
    if (parent?.id !== previous || parent.position >= position)
      this.#misplaced(position, 'it does not follow the batch before it')
    const record: BranchRecord =
      parent === undefined ? { deps: [] } : { parent: { branch: parent.branch, seq: parent.seq }, deps: [] }
    lineage.branches.set(text, { chain, record })
  }

  #misplaced(position: number, what: string): void {
    this.#inspection.isOutOfOrder = true
    this.#inspection.fault(positionName(position), what)
  }

  #name(chain: Chain, deps: readonly OwnDep[]): void {
    if (deps.length === 0) return
    const known = this.#inspection.lineage.branches.get(chainText(chain))!
    const record = { ...known.record, deps: [...known.record.deps, ...deps] }
    this.#inspection.lineage.branches.set(chainText(chain), { chain, record })
  }
}

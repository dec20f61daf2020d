/**
 * The part of an inspection that walks the log in order: chain and running check, and with them the index, the branches,
 * the forks, the tips and the headers that cover unsigned ends.
 */
import { equalBytes } from '../base/index.js'
import type { BareHeader, BatchId, HybridTime, Mark, ShortId } from '../log/index.js'
import { maxTime, NO_BATCH, nameBytes, shortId, signedMessage, ZERO_TIME } from '../log/index.js'
import { encodeFork, ForkTable } from './forks.js'
import type { Hole } from './holes.js'
import type { Inspection } from './inspection.js'
import { positionName } from './inspection.js'
import type { Chain } from './keys.js'
import { branchKey, chainOfKey, coverKey, forkKey, indexKey, SPACE, tipKey } from './keys.js'
import { chainText } from './lineage.js'
import type { LogRecord } from './log-record.js'
import { NO_CHECK, nextCheck } from './log-record.js'
import type { BranchRecord, OwnDep, TipRecord } from './records.js'
import {
  decodeBranch,
  decodeCover,
  decodeIndex,
  decodeTip,
  encodeBranch,
  encodeIndex,
  encodeTip
} from './records.js'
import type { Scan } from './scan-log.js'
import type { Meta } from './state.js'

export interface InspectedLog {
  readonly batches: number
  /** By the log; a batch that is missing counts where its neighbours tell. */
  readonly ops: number
  readonly bytes: number
  readonly mark: Mark | undefined
  /** The greatest hybrid time of a batch. */
  readonly time: HybridTime
}

interface End {
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
  return { batches: counted.batches, ops, bytes, mark: scan.last === 0 ? undefined : mark, time }
}

class LogWalk {
  readonly counted = { batches: 0, ops: 0, bytes: 0 }
  /** Totals up to the last record, by what it says of those before it. */
  after: { position: number; ops: number; bytes: number } | undefined
  check: string | undefined = NO_CHECK
  last = 0
  time: HybridTime = ZERO_TIME
  readonly #inspection: Inspection
  readonly #ends = new Map<string, End>()
  readonly #tips = new Map<ShortId, TipRecord>()

  constructor(inspection: Inspection) {
    this.#inspection = inspection
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
    // Behind a batch that is not known the chain of checks begins anew.
    const follows = position === this.last + 1 && this.check !== undefined
    if (follows && nextCheck(this.check!, id, init.crypto) !== record.check)
      this.#inspection.fault(where, 'the running check does not fit')
    this.check = record.check
    this.last = position
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
      if (dep.author !== header.author) continue
      this.#tips.delete(shortId(dep.id))
      const place = await this.#inspection.lineage.find(author, dep.epoch, dep.seq, shortId(dep.id))
      if (place === undefined) this.#inspection.fault(where, 'a dep of it is not applied')
      else deps.push({ atSeq: seq, epoch: dep.epoch, branch: place.branch, seq: dep.seq })
    }
    this.#name(chain, deps)
    this.#tips.delete(shortId(header.previous))
    this.#tips.set(shortId(id), { ...chain, seq, id, position, signed })
  }

  /** A batch that is known to have stood there. */
  async hole(hole: Hole): Promise<void> {
    const { lineage, init, bad } = this.#inspection
    const { author, epoch, branch, seq, id, position } = hole
    const chain = { author, epoch, branch }
    for (let at = this.last + 1; at < position; at++) if (bad.has(at)) this.check = undefined
    if (this.check !== undefined) this.check = nextCheck(this.check, id, init.crypto)
    this.last = position
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
    await this.#branches()
    await this.#forks()
    await this.#tipRecords()
    await this.#covers()
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
        this.#inspection.fault(positionName(position), 'it does not follow the batch before it')
      return
    }
    if (previous === NO_BATCH) {
      lineage.branches.set(text, { chain, record: { deps: [] } })
      return
    }
    const parent = await lineage.find(chain.author, chain.epoch, seq - 1, shortId(previous))
    if (parent?.id !== previous)
      this.#inspection.fault(positionName(position), 'it does not follow the batch before it')
    const record: BranchRecord =
      parent === undefined ? { deps: [] } : { parent: { branch: parent.branch, seq: parent.seq }, deps: [] }
    lineage.branches.set(text, { chain, record })
  }

  #name(chain: Chain, deps: readonly OwnDep[]): void {
    if (deps.length === 0) return
    const known = this.#inspection.lineage.branches.get(chainText(chain))!
    const record = { ...known.record, deps: [...known.record.deps, ...deps] }
    this.#inspection.lineage.branches.set(chainText(chain), { chain, record })
  }

  /** There is a record of every branch, and it names what the batches of the branch name. */
  async #branches(): Promise<void> {
    const { crypto } = this.#inspection.init
    const { branches } = this.#inspection.lineage
    const seen = new Set<string>()
    for await (const [key, value] of this.#inspection.entries(SPACE.branch)) {
      const text = chainText(chainOfKey(key))
      seen.add(text)
      const computed = branches.get(text)
      if (computed === undefined) {
        if (this.#inspection.bad.size === 0)
          await this.#inspection.mend(`branch ${text}`, 'the log has no such branch', key, undefined)
        continue
      }
      const right = encodeBranch(key, computed.record, crypto)
      if (equalBytes(value, right)) continue
      const stored = this.#inspection.attempt(() => decodeBranch(key, value, crypto))
      const what = stored === undefined ? 'its record is damaged' : 'it does not name what its batches name'
      await this.#inspection.mend(`branch ${text}`, what, key, right)
    }
    for (const [text, { chain, record }] of branches) {
      if (seen.has(text)) continue
      const key = branchKey(chain)
      await this.#inspection.mend(
        `branch ${text}`,
        'its record is missing',
        key,
        encodeBranch(key, record, crypto)
      )
    }
  }

  /** What is known as forked is what has branches, each from where it leaves the one before it. */
  async #forks(): Promise<void> {
    const { crypto } = this.#inspection.init
    const forks = new ForkTable()
    for (const { chain, record } of this.#inspection.lineage.branches.values()) {
      const { author, epoch, branch } = chain
      if (branch > 0) forks.add({ author, epoch, seq: (record.parent?.seq ?? 0) + 1 })
    }
    const expected = new Map([...forks.values()].map(fork => [`${fork.author}/${fork.epoch}`, fork]))
    for await (const [key, value] of this.#inspection.entries(SPACE.fork)) {
      const { author, epoch } = chainOfKey(key)
      const text = `${author}/${epoch}`
      const fork = expected.get(text)
      expected.delete(text)
      const right = fork && encodeFork(key, fork, crypto)
      if (right !== undefined && equalBytes(value, right)) continue
      const what = right === undefined ? 'the log has none there' : 'it is not what the branches say'
      await this.#inspection.mend(`the fork ${text}`, what, key, right)
    }
    for (const [text, fork] of expected) {
      const key = forkKey(fork)
      await this.#inspection.mend(
        `the fork ${text}`,
        'its record is missing',
        key,
        encodeFork(key, fork, crypto)
      )
    }
  }

  async #tipRecords(): Promise<void> {
    const { crypto } = this.#inspection.init
    const missing = new Map(this.#tips)
    for await (const [key, value] of this.#inspection.entries(SPACE.tip)) {
      const stored = this.#inspection.attempt(() => decodeTip(key, value, authorOfKey(key), crypto))
      const name = idOfKey(key)
      const tip = this.#tips.get(name)
      const right = tip?.author === authorOfKey(key) ? encodeTip(key, tip, crypto) : undefined
      if (right !== undefined) missing.delete(name)
      if (right !== undefined && equalBytes(value, right)) continue
      const what =
        stored === undefined
          ? 'its record is damaged'
          : right === undefined
            ? 'the log has no such tip'
            : 'it is not what the log says'
      await this.#inspection.mend(`the tip ${name}`, what, key, right)
    }
    for (const [name, tip] of missing) {
      const key = tipKey(tip.author, name)
      await this.#inspection.mend(
        `the tip ${name}`,
        'its record is missing',
        key,
        encodeTip(key, tip, crypto)
      )
    }
  }

  /** A signature at the end of a branch covers all of it, for each header holds the id of the one before. */
  async #covers(): Promise<void> {
    const { crypto } = this.#inspection.init
    const needed = new Set<string>()
    for (const { chain, seq, position, id, bare } of this.#ends.values()) {
      if (bare === undefined) {
        needed.add(chainText(chain))
        continue
      }
      let last = bare
      let broken: string | undefined
      if (bare.signature === undefined) {
        needed.add(chainText(chain))
        for (const next of (await this.#storedCover(chain)) ?? []) {
          if (next.header.previous !== last.id) broken = 'the headers that cover it do not follow'
          last = next
        }
      }
      const { signature, header, headerBytes } = last
      if (signature === undefined) broken ??= 'no signature covers it'
      else if (!(await crypto.verify(nameBytes(header.author), signedMessage(headerBytes), signature)))
        broken ??= 'the signature that covers it is not of its author'
      if (broken === undefined) continue
      // With a signature of its own that is wrong the batch was never its author's: nobody has another.
      if (bare.signature !== undefined) this.#inspection.fault(positionName(position), broken)
      else this.#inspection.holes.push({ kind: 'cover', ...chain, seq, position, id })
    }
    for await (const [key] of this.#inspection.entries(SPACE.cover)) {
      const chain = chainOfKey(key)
      if (!needed.has(chainText(chain)))
        await this.#inspection.mend(`the cover of ${chainText(chain)}`, 'nothing needs it', key, undefined)
    }
  }

  async #storedCover(chain: Chain): Promise<BareHeader[] | undefined> {
    const key = coverKey(chain)
    const value = await this.#inspection.get(key)
    return value && this.#inspection.attempt(() => decodeCover(key, value, this.#inspection.init.crypto))
  }
}

function authorOfKey(key: Uint8Array): number {
  return ((key[1]! << 24) | (key[2]! << 16) | (key[3]! << 8) | key[4]!) >>> 0
}

function idOfKey(key: Uint8Array): ShortId {
  let text = ''
  for (let i = 5; i < key.length; i++) text += key[i]!.toString(16).padStart(2, '0')
  return text as ShortId
}

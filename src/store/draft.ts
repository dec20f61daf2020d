/**
 * One commit while it is put together: what is durable, and on top of it what this commit adds. Nothing of it can be
 * seen from outside before `publish`, and a draft that fails is dropped.
 */
import type { Hashes } from '../base/index.js'
import { EMPTY_BYTES } from '../base/index.js'
import type { Disk, DiskWrite } from '../disk/index.js'
import type { Batch, ClientIdHash, HybridTime, Mark, ShortId, StateDigest } from '../log/index.js'
import { StateDigest as Digest, NO_BATCH, observeTime, shortId } from '../log/index.js'
import type { Strategy } from '../merge/index.js'
import { Arena } from './arena.js'
import { DraftCells } from './cells.js'
import type { ClientOp } from './client-ids.js'
import { ClientIds, encodeClientOps } from './client-ids.js'
import { Covers } from './covers.js'
import { DraftLineage } from './draft-lineage.js'
import type { ForkRecord } from './forks.js'
import { encodeFork, ForkTable } from './forks.js'
import type { AppliedBatch } from './index.js'
import type { Chain } from './keys.js'
import {
  branchKey,
  branchNameKey,
  clientIdKey,
  forkKey,
  historyKey,
  indexKey,
  logKey,
  META_KEY,
  tipKey
} from './keys.js'
import type { BranchCache, Place } from './lineage.js'
import { chainText } from './lineage.js'
import { encodeLog, nextCheck } from './log-record.js'
import type { RebuildCell } from './rebuild.js'
import type { BranchRecord, OwnDep, TipRecord } from './records.js'
import { encodeBranch, encodeBranchName, encodeIndex, encodeTip } from './records.js'
import type { Meta, OwnChain, State, Totals } from './state.js'
import { encodeMeta } from './state.js'

export interface DraftInit {
  readonly disk: Disk
  readonly hashes: Hashes
  readonly state: State
  readonly branches: BranchCache
  readonly strategy: (key: Uint8Array) => Strategy
  readonly nowMs: number
  readonly rebuild: RebuildCell
}

export class Draft {
  readonly init: DraftInit
  readonly write: DiskWrite
  readonly arena: Arena
  readonly cells: DraftCells
  readonly lineage: DraftLineage
  readonly covers: Covers
  readonly applied: AppliedBatch[] = []
  /** The ops that stand under client ids; undefined for an id that is not known. */
  readonly clientIds = new ClientIds()
  /** Client ids whose record is damaged: it stays as it is, and what they stand for is not known. */
  readonly lostIds = new Set<ClientIdHash>()
  /** Things to do when the commit is durable, before anybody is told. */
  readonly afterwards: (() => void)[] = []
  mark: Mark
  time: HybridTime
  own: OwnChain | undefined
  readonly totals: Totals
  /** Mark or totals were not what the log says: the meta record goes with this commit. */
  isMended = false
  /** Cells that were looked for on disk and are not there. */
  missed = 0
  readonly #digest: StateDigest
  readonly #changedIds = new Set<ClientIdHash>()
  readonly #forks = new ForkTable()
  readonly #tips = new Map<ShortId, TipRecord>()
  readonly #gone = new Map<ShortId, TipRecord>()

  constructor(init: DraftInit) {
    const { disk, hashes, state, branches, strategy } = init
    this.init = init
    this.write = disk.write()
    this.arena = new Arena(disk.durability !== 'memory')
    this.cells = new DraftCells({ hashes, names: state.authors, strategy })
    this.lineage = new DraftLineage(disk, hashes, branches)
    this.covers = new Covers(disk, hashes)
    this.mark = state.mark
    this.time = state.time
    this.own = state.own
    this.totals = { ...state.totals }
    this.#digest = new Digest(state.digest.bytes())
  }

  tip(id: ShortId): TipRecord | undefined {
    return this.#tips.get(id) ?? (this.#gone.has(id) ? undefined : this.init.state.tips.get(id))
  }

  /** Whether a batch with this id is a tip, was one before this commit, or came with it. */
  holds(id: ShortId): boolean {
    return this.init.state.tips.has(id) || this.lineage.placed.has(id)
  }

  /** Two batches of the epoch share this seq. */
  addFork(fork: ForkRecord): void {
    if (!this.init.state.forks.covers(fork)) this.#forks.add(fork)
  }

  /** Whether the place of a batch alone does not name it. */
  isForked(batch: ForkRecord): boolean {
    return this.init.state.forks.covers(batch) || this.#forks.covers(batch)
  }

  tipsOf(author: number): TipRecord[] {
    const tips: TipRecord[] = []
    for (const [id, tip] of this.init.state.tipsByAuthor.get(author) ?? [])
      if (!this.#gone.has(id) && !this.#tips.has(id)) tips.push(tip)
    for (const tip of this.#tips.values()) if (tip.author === author) tips.push(tip)
    return tips
  }

  /** Whether a batch of the branch is a tip: then what stands on the branch can be named by itself. */
  isVisible({ author, epoch, branch }: Chain): boolean {
    const own = this.init.state.tipsByAuthor.get(author)
    for (const [id, tip] of own ?? []) {
      if (tip.epoch === epoch && tip.branch === branch && !this.#gone.has(id)) return true
    }
    for (const tip of this.#tips.values()) {
      if (tip.author === author && tip.epoch === epoch && tip.branch === branch) return true
    }
    return false
  }

  /** Takes over the time of another node's batch, to no more than `driftMs` past the wall clock. */
  observe(time: HybridTime, driftMs: number): void {
    this.time = observeTime(this.time, time, this.init.nowMs, driftMs)
  }

  /** A batch by name and id: a tip costs nothing, anything older a read. */
  async find(
    author: number,
    chain: { epoch: Chain['epoch']; seq: number },
    id: ShortId
  ): Promise<Place | undefined> {
    const { epoch, seq } = chain
    const tip = this.tip(id)
    if (tip !== undefined) {
      return tip.author === author && tip.epoch === epoch && tip.seq === seq ? tip : undefined
    }
    const placed = this.lineage.placed.get(id)
    if (placed !== undefined) {
      return placed.author === author && placed.epoch === epoch && placed.seq === seq ? placed : undefined
    }
    return this.lineage.find(author, epoch, seq, id)
  }

  addClientOp(id: ClientIdHash, op: ClientOp): void {
    if (this.lostIds.has(id)) return
    this.clientIds.add(id, op)
    this.#changedIds.add(id)
  }

  setClientOps(id: ClientIdHash, ops: ClientOp[]): void {
    if (this.lostIds.has(id)) return
    this.clientIds.set(id, ops)
    this.#changedIds.add(id)
  }

  /** Takes a batch into the log at the next position. `ownDeps` are its deps on its own author, with their branches. */
  async append(
    given: Batch,
    chain: Chain,
    options: { local: boolean; begins: BranchRecord | undefined; ownDeps: readonly Place[] }
  ): Promise<Mark> {
    const { hashes, nowMs } = this.init
    const { header, id } = given
    const { seq } = header
    const batch = await this.#withKnownSignature(given, chain)
    const mark = { position: this.mark.position + 1, check: nextCheck(this.mark.check, id, hashes) }
    const signed = batch.signature !== undefined
    const place: Place = { ...chain, seq, id, position: mark.position }
    const { ops: opsBefore, bytes: bytesBefore } = this.totals
    const key = logKey(mark.position)
    const record = {
      batch,
      branch: chain.branch,
      check: mark.check,
      opsBefore,
      bytesBefore,
      arrivedMs: nowMs
    }
    const value = encodeLog(key, { ...record, local: options.local }, hashes)
    this.write.put(key, value)
    const slot = indexKey(chain, seq)
    const entry = { ...place, signed, bytes: value.length }
    this.write.put(slot, encodeIndex(slot, entry, hashes))
    this.lineage.add(place, entry)
    if (chain.branch > 0) {
      const name = branchNameKey(chain, seq, shortId(id))
      this.write.put(name, encodeBranchName(name, chain.branch, hashes))
    }
    await this.#branch(chain, seq, options)
    this.#moveTips(batch, place)
    this.totals.ops += header.opCount
    this.totals.bytes += header.bodyLength
    this.mark = mark
    this.applied.push({ batch, mark, local: options.local })
    return mark
  }

  addHistory(key: Uint8Array, position: number, index: number): void {
    this.write.put(historyKey(key, position, index, this.arena), EMPTY_BYTES)
  }

  async #branch(
    chain: Chain,
    seq: number,
    { begins, ownDeps }: { begins: BranchRecord | undefined; ownDeps: readonly Place[] }
  ): Promise<void> {
    if (begins === undefined && ownDeps.length === 0) return
    const record = begins ?? (await this.lineage.branch(chain))
    if (record === undefined) throw new Error(`no record of branch ${chainText(chain)}`)
    const named = ownDeps.map(dep => ({ atSeq: seq, epoch: dep.epoch, branch: dep.branch, seq: dep.seq }))
    this.#setBranch(chain, { ...record, deps: [...record.deps, ...named] satisfies OwnDep[] })
  }

  #setBranch(chain: Chain, record: BranchRecord): void {
    this.lineage.branches.set(chainText(chain), { chain, record })
  }

  /** The batches of its author that the header names are tips no more. Answers whether one was. */
  endTips(header: Batch['header']): boolean {
    const before = this.#gone.size
    if (header.previous !== NO_BATCH) this.#removeTip(shortId(header.previous))
    for (const dep of header.deps) if (dep.author === header.author) this.#removeTip(shortId(dep.id))
    return this.#gone.size > before
  }

  #moveTips({ header, signature }: Batch, place: Place): void {
    this.endTips(header)
    const { author, epoch, branch, seq, id, position } = place
    this.#tips.set(shortId(id), { author, epoch, branch, seq, id, position, signed: signature !== undefined })
  }

  async #withKnownSignature(batch: Batch, chain: Chain): Promise<Batch> {
    const { previous } = batch.header
    if (previous === NO_BATCH || this.tip(shortId(previous))?.signed === true) return batch
    return this.covers.follow(chain, batch, !this.lineage.placed.has(shortId(previous)))
  }

  /** The record of a tip is another one now. */
  renewTip(tip: TipRecord): void {
    this.#tips.set(shortId(tip.id), tip)
  }

  #removeTip(id: ShortId): void {
    this.#tips.delete(id)
    const tip = this.init.state.tips.get(id)
    if (tip !== undefined) this.#gone.set(id, tip)
  }

  /** Puts what follows from the batches into the write. */
  finish(identity: Pick<Meta, 'storeId' | 'database' | 'author'>): void {
    const { hashes, state } = this.init
    const { write } = this
    this.covers.writeTo(write)
    const isSame = this.applied.length === 0 && this.#tips.size === 0 && !this.isMended
    if (isSame && !this.cells.isTouched) return
    this.totals.keys += this.cells.writeTo(write, this.#digest, this.arena)
    const { made } = this.cells
    this.afterwards.push(
      state.keys.writeTo(write, { made, mark: this.mark, bytes: this.totals.bytes }, hashes)
    )
    for (const id of this.#changedIds) {
      const key = clientIdKey(id)
      write.put(key, encodeClientOps(key, this.clientIds.get(id)!, hashes))
    }
    for (const { chain, record } of this.lineage.branches.values()) {
      const key = branchKey(chain)
      write.put(key, encodeBranch(key, record, hashes))
    }
    for (const fork of this.#forks.values()) {
      const key = forkKey(fork)
      write.put(key, encodeFork(key, fork, hashes))
    }
    for (const [id, tip] of this.#gone) write.del(tipKey(tip.author, id))
    for (const [id, tip] of this.#tips) {
      const key = tipKey(tip.author, id)
      write.put(key, encodeTip(key, tip, hashes))
    }
    this.afterwards.push(state.authors.writeTo(write, hashes))
    const meta = {
      ...identity,
      mark: this.mark,
      totals: this.totals,
      digest: this.#digest.bytes(),
      time: this.time
    }
    write.put(META_KEY, encodeMeta(meta, hashes))
  }

  /** The commit is durable: memory follows. */
  publish(): void {
    const { state, branches } = this.init
    for (const tip of this.#gone.values()) state.removeTip(tip)
    for (const tip of this.#tips.values()) state.addTip(tip)
    for (const fork of this.#forks.values()) state.forks.add(fork)
    for (const { batch } of this.applied) state.frontier.apply(batch)
    for (const { chain, record } of this.lineage.branches.values()) branches.set(chain, record)
    state.mark = this.mark
    state.totals = this.totals
    state.digest = this.#digest
    state.time = this.time
    state.own = this.own
    for (const run of this.afterwards) run()
  }
}

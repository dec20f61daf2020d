/**
 * Local writes: queued writes become batches of this node's own log, as many of them in one batch as fit.
 *
 * Keeps: seq, previous id, time, `over`, conditions and client ids follow from durable state and what stands earlier in
 * the same commit; the ops of one write stand in one batch, whole; a write that is refused leaves nothing behind.
 * `over` names the heads as they are here, and the deps cover every version that it names outside the own epoch, or
 * the version is not named and stays a head.
 */

import { failpoint } from '../base/failpoints.js'
import type { Crypto, Limits, Random, Signer } from '../base/index.js'
import { FORMAT, fromUtf8, isNatterError, NatterError } from '../base/index.js'
import type { Author, Batch, BatchHeader, DatabaseId, Dep, Epoch, ShortId } from '../log/index.js'
import {
  compareDeps,
  encodeBody,
  makeBatch,
  mintEpoch,
  NO_BATCH,
  nextTime,
  shortId,
  signedMessage
} from '../log/index.js'
import type { Strategy } from '../merge/index.js'
import { isSameWrite } from './client-ids.js'
import type { Draft } from './draft.js'
import type { Head, IsForked } from './heads.js'
import { cellOf, isAt, Origin } from './heads.js'
import type { Committed } from './index.js'
import type { Chain } from './keys.js'
import { textOf } from './keys.js'
import type { Place } from './lineage.js'
import { chainText } from './lineage.js'
import type { PreparedWrite } from './local-write.js'
import { tooLarge } from './local-write.js'
import type { Need, OpenBatch, Plan } from './plan.js'
import { planWrite, raise, refOf } from './plan.js'
import { damaged } from './records.js'

export interface LocalInit {
  readonly database: DatabaseId
  readonly author: Author
  readonly signer: Signer
  readonly crypto: Crypto
  readonly random: Random
  readonly limits: Limits
  readonly strategy: (key: Uint8Array) => Strategy
}

const lostCell = 'it cannot be made again, since the log is damaged too'

/** Tips of the own log that the first batch of an epoch names. */
const namedTips = 64

/** What became of a queued write. */
export type LocalOutcome =
  | { readonly committed: Committed }
  /** The id was known: the ops of the first copy stand at these places. */
  | { readonly repeated: readonly { readonly position: number; readonly index: number }[] }
  | { readonly refused: NatterError }

/** Puts the local writes of one commit into batches. */
export class LocalWriter {
  readonly #init: LocalInit
  readonly #draft: Draft
  readonly #outcomes = new Map<PreparedWrite, LocalOutcome>()
  #open: OpenBatch | undefined

  constructor(init: LocalInit, draft: Draft) {
    this.#init = init
    this.#draft = draft
  }

  /** Takes one write, in queue order; its cells and id are loaded. */
  async add(prepared: PreparedWrite): Promise<void> {
    // Only what is decided before anything changes is a refusal; any other error ends the whole draft.
    const decided = this.#decide(prepared)
    if (decided === undefined) await this.#place(prepared)
    else this.#outcomes.set(prepared, decided)
  }

  /** Seals what is open and answers what became of each write. */
  async finish(): Promise<ReadonlyMap<PreparedWrite, LocalOutcome>> {
    await this.#seal()
    return this.#outcomes
  }

  #decide(prepared: PreparedWrite): LocalOutcome | undefined {
    try {
      const repeated = this.#known(prepared)
      if (repeated !== undefined) return { repeated }
      this.#checkReadable(prepared)
      this.#checkConditions(prepared)
      return undefined
    } catch (error) {
      if (isNatterError(error)) return { refused: error }
      throw error
    }
  }

  #known({ idHash, identities }: PreparedWrite): readonly { position: number; index: number }[] | undefined {
    if (idHash === undefined) return undefined
    if (this.#draft.lostIds.has(idHash)) throw damaged('the record of the client id')
    const known = this.#draft.clientIds.get(idHash)
    if (known === undefined) return undefined
    if (isSameWrite(known, identities)) return [...known].sort((a, b) => a.number - b.number)
    throw new NatterError('ID_REUSED', 'the id was used for a write with other content')
  }

  /** A write must name the versions it overwrites. Where those are not known it is refused, and alone. */
  #checkReadable({ write, texts }: PreparedWrite): void {
    for (const text of [...texts, ...(write.conditions ?? []).map(({ key }) => textOf(key))]) {
      const { key, lostAfter } = this.#draft.cells.get(text)
      if (lostAfter !== undefined) throw damaged(`the cell of key ${keyName(key)}`, new Error(lostCell))
    }
  }

  #checkConditions({ write }: PreparedWrite): void {
    const isForked: IsForked = origin => this.#draft.isForked(origin)
    for (const { key, at } of write.conditions ?? []) {
      const record = this.#draft.cells.get(textOf(key))
      const cell = cellOf(record, this.#init.strategy(key))
      const holds =
        at === null
          ? cell.winner === undefined && cell.unreadable === undefined
          : isAt(record, cell, at, isForked)
      if (!holds)
        throw new NatterError('PRECONDITION_FAILED', `the key ${keyName(key)} is at another version`)
    }
  }

  async #place(prepared: PreparedWrite): Promise<void> {
    const bytes = Math.min(this.#init.limits.groupBytes, FORMAT.bodyBytes)
    const open = this.#open
    if (open !== undefined) {
      const plan = planWrite(this.#draft, prepared, open, false)
      const ops = open.ops.length + prepared.ops.length
      if (plan !== undefined && ops <= FORMAT.batchOps && open.size + plan.size <= bytes) {
        this.#put(prepared, plan, open)
        return
      }
      await this.#seal()
    }
    const fresh = await this.#begin()
    const plan = planWrite(this.#draft, prepared, fresh, true)
    if (plan === undefined) {
      const refused = tooLarge(`ops over versions of more than ${FORMAT.deps} batches`)
      this.#outcomes.set(prepared, { refused })
      return
    }
    if (fresh.size + plan.size > FORMAT.bodyBytes) {
      this.#outcomes.set(prepared, { refused: tooLarge(`up to ${plan.size} bytes`) })
      return
    }
    this.#open = fresh
    this.#put(prepared, plan, fresh)
  }

  async #begin(): Promise<OpenBatch> {
    const draft = this.#draft
    const { limits, author } = this.#init
    const { nowMs, state } = draft.init
    const number = state.authors.intern(author)
    let { own } = draft
    let { time } = draft
    if (time.ms > nowMs + limits.clockDriftMs) {
      // Times only have to rise within an epoch, so a new epoch may come back to the wall clock.
      own = undefined
      time = { ms: nowMs - 1, counter: 0 }
    }
    const epoch = own?.epoch ?? (await this.#newEpoch(number))
    if (own === undefined) failpoint('store.epoch.minted')
    const chain = { author: number, epoch, branch: own?.branch ?? 0 }
    time = nextTime(time, nowMs)
    const origin = new Origin(chain, author, { seq: (own?.seq ?? 0) + 1, id: '' as ShortId, time })
    const needs = new Map<string, Need>()
    if (own === undefined) {
      for (const tip of newestTips(draft.tipsOf(number)))
        needs.set(chainText(tip), { chain: tip, seq: tip.seq })
    }
    const position = draft.mark.position + 1
    const previous = own?.id ?? NO_BATCH
    const begins = own === undefined
    return {
      chain,
      origin,
      time,
      position,
      previous,
      begins,
      ops: [],
      writes: [],
      needs,
      table: new Set(),
      size: 8
    }
  }

  /** A machine that was resumed twice from one snapshot may draw what its other life has drawn. */
  async #newEpoch(author: number): Promise<Epoch> {
    const { init, lineage } = this.#draft
    for (;;) {
      const epoch = mintEpoch(init.nowMs, this.#init.random.bytes(4))
      if ((await lineage.branch({ author, epoch, branch: 0 })) === undefined) return epoch
    }
  }

  #put(prepared: PreparedWrite, plan: Plan, open: OpenBatch): void {
    const { cells } = this.#draft
    const { origin, position } = open
    const first = open.ops.length
    const { texts, idHash, identities } = prepared
    let own: Map<string, Head> | undefined
    if (texts.length > 1) own = new Map()
    for (let i = 0; i < texts.length; i++) {
      const text = texts[i]!
      const op = prepared.ops[i]!
      const index = first + i
      const earlier = own?.get(text)
      const over = earlier === undefined ? plan.over[i]! : [earlier]
      open.ops.push(over.length === 0 ? op : { ...op, over: over.map(head => refOf(head, open)) })
      const identity = identities[i]
      const head: Head = { origin, index, kind: op.kind, value: op.value, identity, demoted: false }
      own?.set(text, head)
      cells.change(cells.get(text), over, head, position)
      this.#draft.addHistory(op.key, position, index)
    }
    if (idHash !== undefined) {
      const ops = identities.map((identity, number) => ({
        number,
        position,
        index: first + number,
        identity
      }))
      this.#draft.setClientOps(idHash, ops)
    }
    for (const need of plan.needs.values()) raise(open.needs, need)
    for (const id of plan.table) open.table.add(id)
    open.size += plan.size
    open.writes.push({ prepared, first })
  }

  async #seal(): Promise<void> {
    const open = this.#open
    if (open === undefined) return
    this.#open = undefined
    const { crypto, database, author } = this.#init
    const { chain, origin, time, position } = open
    const named: { dep: Dep; place: Place }[] = []
    for (const need of open.needs.values()) {
      const place = await this.#placeOf(need)
      const { epoch, seq, id } = place
      named.push({
        dep: { author: this.#draft.init.state.authors.nameOf(place.author), epoch, seq, id },
        place
      })
    }
    // The record of the branch lists them in the order of the header, as it would be had the batch been received.
    named.sort((a, b) => compareDeps(a.dep, b.dep))
    const deps = named.map(({ dep }) => dep)
    const places = named.map(({ place }) => place).filter(place => place.author === chain.author)
    const fields: Omit<BatchHeader, 'root' | 'bodyLength'> = {
      database,
      author,
      epoch: chain.epoch,
      seq: origin.seq,
      previous: open.previous,
      opCount: open.ops.length,
      time,
      deps,
      extensions: []
    }
    const batch = await this.#sign(makeBatch(fields, encodeBody(open.ops), crypto))
    origin.id = shortId(batch.id)
    const begins = open.begins ? { deps: [] } : undefined
    const mark = await this.#draft.append(batch, chain, { local: true, begins, ownDeps: places })
    if (mark.position !== position) throw new Error('a batch came between a local one and its place')
    this.#draft.own = { epoch: chain.epoch, branch: chain.branch, seq: origin.seq, id: batch.id }
    this.#draft.time = time
    for (const { prepared, first } of open.writes) {
      const { epoch } = chain
      const ops = prepared.ops.map((_, i) => ({ author, epoch, seq: origin.seq, index: first + i }))
      this.#outcomes.set(prepared, { committed: { ops, batch: batch.id, position, time, repeated: false } })
    }
  }

  async #placeOf({ chain, seq }: Need): Promise<Place> {
    const record = await this.#draft.lineage.at(chain, seq)
    if (record === undefined) {
      throw new NatterError(
        'STORE_DAMAGED',
        `batch ${chain.epoch}.${seq} that a head names is not in the index`
      )
    }
    const { author, epoch, branch } = chain
    return { author, epoch, branch, seq, id: record.id, position: record.position }
  }

  async #sign(batch: Batch): Promise<Batch> {
    const signature = await this.#init.signer.sign(signedMessage(batch.headerBytes))
    return { ...batch, signature: new Uint8Array(signature) }
  }
}

function newestTips<T extends Chain>(tips: readonly T[]): readonly T[] {
  if (tips.length <= namedTips) return tips
  return [...tips].sort((a, b) => (a.epoch < b.epoch ? 1 : -1)).slice(0, namedTips)
}

function keyName(key: Uint8Array): string {
  try {
    return JSON.stringify(fromUtf8(key))
  } catch {
    return 'of bytes'
  }
}

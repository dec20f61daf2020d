/**
 * Local writes: queued writes become batches of this node's own log, as many of them in one batch as fit.
 *
 * Keeps: seq, previous id, time, `over`, conditions and client ids follow from durable state and what stands earlier in
 * the same commit; the ops of one write stand in one batch, whole; a write that is refused leaves nothing behind.
 * `over` names the heads as they are here, and the deps cover every version that it names outside the own epoch, or
 * the version is not named and stays a head.
 */
import type { Crypto, Limits, Random, Signer } from '../base/index.js'
import { ByteWriter, FORMAT, fromUtf8, isNatterError, NatterError } from '../base/index.js'
import type {
  Author,
  Batch,
  BatchHeader,
  BatchId,
  ClientIdHash,
  DatabaseId,
  Dep,
  Extension,
  HybridTime,
  Identity,
  Op,
  OverRef,
  ShortId
} from '../log/index.js'
import {
  clientIdExtension,
  clientIdHash,
  compareDeps,
  encodeBody,
  formatTime,
  identityOf,
  makeBatch,
  mintEpoch,
  NO_BATCH,
  nextTime,
  OP_EXTENSION,
  OP_FLAG,
  OP_KIND,
  opSizeBound,
  shortId,
  signedMessage
} from '../log/index.js'
import type { Strategy } from '../merge/index.js'
import type { DraftCell } from './cells.js'
import { isSameWrite } from './client-ids.js'
import type { Draft } from './draft.js'
import type { Head } from './heads.js'
import { cellOf, isAt, Origin } from './heads.js'
import type { Committed, LocalOp, LocalWrite } from './index.js'
import type { Chain } from './keys.js'
import { textOf } from './keys.js'
import type { Place } from './lineage.js'
import { chainText } from './lineage.js'

export interface LocalInit {
  readonly database: DatabaseId
  readonly author: Author
  readonly signer: Signer
  readonly crypto: Crypto
  readonly random: Random
  readonly limits: Limits
  readonly strategy: (key: Uint8Array) => Strategy
}

/** A queued write with what follows from it alone. */
export interface PreparedWrite {
  readonly write: LocalWrite
  /** The keys as texts, one per op. */
  readonly texts: readonly string[]
  readonly idHash: ClientIdHash | undefined
  /** The ops without `over`. */
  readonly ops: readonly Op[]
  /** One per op where the write has an id. */
  readonly identities: readonly Identity[]
  /** Bytes that the ops take at most, without what they overwrite. */
  readonly size: number
}

/** Tips of the own log that the first batch of an epoch names. */
const namedTips = 64
/** Bytes that one entry of `over` takes at most, without its batch id in the table. */
const overBytes = 8
const idBytes = 16

/** Checks a write by itself: `BATCH_TOO_LARGE` and `KEY_TOO_LARGE` before anything is queued. */
export function prepareWrite(write: LocalWrite, crypto: Crypto): PreparedWrite {
  const { id } = write
  if (write.ops.length === 0) throw new NatterError('INVALID_ARGUMENT', 'a write without ops')
  if (write.ops.length > FORMAT.batchOps) throw tooLarge(`${write.ops.length} ops`)
  const ops: Op[] = []
  let size = 8
  for (let number = 0; number < write.ops.length; number++) {
    const op = localOp(write.ops[number]!, id, number, crypto)
    size += opSizeBound(op)
    ops.push(op)
  }
  if (size > FORMAT.bodyBytes) throw tooLarge(`up to ${size} bytes`)
  const texts = ops.map(op => textOf(op.key))
  if (id === undefined) return { write, texts, idHash: undefined, ops, identities: [], size }
  const idHash = clientIdHash(id, crypto)
  const identities = ops.map((op, number) => identityOf(op, { idHash, number }, crypto))
  return { write, texts, idHash, ops, identities, size }
}

function tooLarge(what: string): NatterError {
  return new NatterError('BATCH_TOO_LARGE', `the batch has ${what}: over the limits of the format`)
}

const NO_EXTENSIONS: readonly Extension[] = []

function localOp(op: LocalOp, id: string | undefined, number: number, crypto: Crypto): Op {
  const { kind, key, value, writerTimeMs } = op
  if (key.length > FORMAT.keyBytes) throw new NatterError('KEY_TOO_LARGE', `a key of ${key.length} bytes`)
  if ((kind === OP_KIND.put) !== (value !== undefined))
    throw new TypeError('a put has a value, a del has none')
  let extensions = NO_EXTENSIONS
  if (id !== undefined || writerTimeMs !== undefined) {
    const list: Extension[] = []
    if (id !== undefined) list.push(clientIdExtension(id, number, crypto))
    if (writerTimeMs !== undefined) {
      list.push({ type: OP_EXTENSION.writerTime, value: new ByteWriter(8).u48(writerTimeMs).finish() })
    }
    extensions = list
  }
  const over: readonly OverRef[] = []
  if (value === undefined) return { kind, flags: OP_FLAG.head, key, over, extensions }
  return { kind, flags: OP_FLAG.head | OP_FLAG.value, key, value, over, extensions }
}

/** What became of a queued write. */
export type LocalOutcome =
  | { readonly committed: Committed }
  /** The id was known: the ops of the first copy stand at these places. */
  | { readonly repeated: readonly { readonly position: number; readonly index: number }[] }
  | { readonly refused: NatterError }

/** A batch while writes are put into it. */
interface OpenBatch {
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

interface Need {
  readonly chain: Chain
  readonly seq: number
}

/** What one write overwrites, worked out before anything changes. */
interface Plan {
  readonly over: readonly (readonly Head[])[]
  readonly needs: ReadonlyMap<string, Need>
  readonly table: ReadonlySet<ShortId>
  readonly size: number
}

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
    try {
      const repeated = this.#known(prepared)
      if (repeated !== undefined) {
        this.#outcomes.set(prepared, { repeated })
        return
      }
      this.#checkConditions(prepared)
      await this.#place(prepared)
    } catch (error) {
      if (!isNatterError(error)) throw error
      this.#outcomes.set(prepared, { refused: error })
    }
  }

  /** Seals what is open and answers what became of each write. */
  async finish(): Promise<ReadonlyMap<PreparedWrite, LocalOutcome>> {
    await this.#seal()
    return this.#outcomes
  }

  #known({ idHash, identities }: PreparedWrite): readonly { position: number; index: number }[] | undefined {
    if (idHash === undefined) return undefined
    const known = this.#draft.clientIds.get(idHash)
    if (known === undefined) return undefined
    if (isSameWrite(known, identities)) return [...known].sort((a, b) => a.number - b.number)
    throw new NatterError('ID_REUSED', 'the id was used for a write with other content')
  }

  #checkConditions({ write }: PreparedWrite): void {
    for (const { key, at } of write.conditions ?? []) {
      const record = this.#draft.cells.get(textOf(key))
      const cell = cellOf(record, this.#init.strategy(key))
      const holds =
        at === null ? cell.winner === undefined && cell.unreadable === undefined : isAt(record, cell, at)
      if (!holds)
        throw new NatterError('PRECONDITION_FAILED', `the key ${keyName(key)} is at another version`)
    }
  }

  async #place(prepared: PreparedWrite): Promise<void> {
    const { limits } = this.#init
    const open = this.#open
    if (open !== undefined) {
      const plan = this.#plan(prepared, open, false)
      const ops = open.ops.length + prepared.ops.length
      if (plan !== undefined && ops <= FORMAT.batchOps && open.size + plan.size <= limits.groupBytes) {
        this.#put(prepared, plan, open)
        return
      }
      await this.#seal()
    }
    const fresh = this.#begin()
    const plan = this.#plan(prepared, fresh, true)!
    if (fresh.size + plan.size > FORMAT.bodyBytes) throw tooLarge(`up to ${plan.size} bytes`)
    this.#open = fresh
    this.#put(prepared, plan, fresh)
  }

  #begin(): OpenBatch {
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
    const epoch = own?.epoch ?? mintEpoch(nowMs, this.#init.random.bytes(4))
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

  /** What the write overwrites; undefined when its deps do not fit into the batch beside those that are there. */
  #plan(prepared: PreparedWrite, open: OpenBatch, mayTrim: boolean): Plan | undefined {
    const needs = new Map<string, Need>()
    const table = new Set<ShortId>()
    const over: (readonly Head[])[] = []
    const seen = prepared.texts.length === 1 ? undefined : new Set<string>()
    let { size } = prepared
    for (const text of prepared.texts) {
      // A later op on the same key overwrites the earlier one of this write, which is not there yet.
      if (seen?.has(text)) {
        over.push([])
        size += overBytes
        continue
      }
      seen?.add(text)
      const { heads } = this.#draft.cells.get(text)
      const named: Head[] = []
      for (const head of heads.length > 1 ? newestFirst(heads) : heads) {
        if (named.length >= FORMAT.over || !this.#need(head, open, needs, table)) {
          if (!mayTrim) return undefined
          continue
        }
        named.push(head)
      }
      over.push(named)
      size += named.length * overBytes
    }
    return { over, needs, table, size: size + table.size * idBytes }
  }

  /** Notes what naming this head takes; false when that does not fit. */
  #need(head: Head, open: OpenBatch, needs: Map<string, Need>, table: Set<ShortId>): boolean {
    const { origin } = head
    if (isOwn(origin, open)) return true
    const wanted: Need[] = []
    if (this.#draft.isVisible(origin)) wanted.push({ chain: origin, seq: origin.seq })
    else {
      for (const tip of this.#draft.tipsOf(origin.author)) {
        if (!isOwn(tip, open)) wanted.push({ chain: tip, seq: tip.seq })
      }
    }
    let added = 0
    for (const { chain } of wanted) {
      const text = chainText(chain)
      if (!needs.has(text) && !open.needs.has(text)) added++
    }
    if (added > 0) {
      let count = open.needs.size + added
      for (const text of needs.keys()) if (!open.needs.has(text)) count++
      if (count > FORMAT.deps) return false
    }
    for (const need of wanted) raise(needs, need)
    if (!open.table.has(origin.id)) table.add(origin.id)
    return true
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
      this.#change(cells.get(text), over, head, position)
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

  #change(cell: DraftCell, over: readonly Head[], head: Head, position: number): void {
    const isOver = over.length === 0 ? undefined : (other: Head) => over.includes(other)
    this.#draft.cells.change(cell, isOver, head, position)
  }

  async #seal(): Promise<void> {
    const open = this.#open
    if (open === undefined) return
    this.#open = undefined
    const { crypto, database, author } = this.#init
    const { chain, origin, time, position } = open
    const places: Place[] = []
    const deps: Dep[] = []
    for (const need of open.needs.values()) {
      const place = await this.#placeOf(need)
      deps.push({
        author: this.#draft.init.state.authors.nameOf(place.author),
        epoch: place.epoch,
        seq: place.seq,
        id: place.id
      })
      if (place.author === chain.author) places.push(place)
    }
    deps.sort(compareDeps)
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

function raise(needs: Map<string, Need>, need: Need): void {
  const text = chainText(need.chain)
  const known = needs.get(text)
  if (known === undefined || known.seq < need.seq) needs.set(text, need)
}

function isOwn(chain: Chain, open: OpenBatch): boolean {
  const own = open.chain
  return chain.author === own.author && chain.epoch === own.epoch && chain.branch === own.branch
}

function refOf({ origin, index }: Head, open: OpenBatch): OverRef {
  return isOwn(origin, open) ? { seq: origin.seq, index } : { batch: origin.id, index }
}

function newestFirst(heads: readonly Head[]): readonly Head[] {
  return [...heads].sort((a, b) => (formatTime(b.origin.time) < formatTime(a.origin.time) ? -1 : 1))
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

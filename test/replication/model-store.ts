/** A store as replication sees it, in a few lines: what is applied, in arrival order, in chain order and after its deps. */
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { toHex, utf8 } from '../../src/base/index.js'
import type {
  Author,
  Batch,
  BatchId,
  Dep,
  Epoch,
  Mark,
  ShortId,
  StoreId,
  Tip,
  Want
} from '../../src/log/index.js'
import { Frontier, makeBatch, NO_BATCH, shortId, tipOf } from '../../src/log/index.js'
import type { AppliedHere, Outcome } from '../../src/replication/index.js'
import { DATABASE, START_MS } from '../log/fixtures.js'

export class ModelStore {
  readonly author: Author
  storeId: StoreId
  readonly log: Batch[] = []
  readonly marks: Mark[] = [{ position: 0, check: '0'.repeat(16) }]
  readonly positions = new Map<ShortId, number>()
  frontier = new Frontier()
  #epoch: { name: Epoch; last: Batch | undefined } | undefined

  constructor(author: Author, storeId: StoreId) {
    this.author = author
    this.storeId = storeId
  }

  get mark(): Mark {
    return this.marks.at(-1)!
  }

  /** A copy of the first `count` arrivals: what a backup put back looks like. */
  restored(storeId: StoreId, count: number): ModelStore {
    const copy = new ModelStore(this.author, storeId)
    for (const batch of this.log.slice(0, count)) copy.#append(batch, false)
    return copy
  }

  /** Starts a new epoch, as a restart does. */
  mint(epoch: Epoch): void {
    this.#epoch = { name: epoch, last: undefined }
  }

  /** Makes `count` own batches stand on the same predecessor: what a lie or a resumed snapshot does. */
  draft(text: string, onto: Batch | undefined, deps: readonly Batch[] = []): Batch {
    const epoch = this.#epoch!.name
    const named = [...deps]
    if (onto === undefined) named.push(...this.frontier.of(this.author).map(tip => this.batchOf(tip.id)!))
    const fields = {
      database: DATABASE,
      author: this.author,
      epoch,
      seq: (onto?.header.seq ?? 0) + 1,
      previous: (onto?.id ?? NO_BATCH) as BatchId,
      opCount: 1,
      time: { ms: START_MS, counter: 0 },
      deps: [...new Map(named.map(dep => [dep.id, dep])).values()]
        .map(({ id, header }) => ({ author: header.author, epoch: header.epoch, seq: header.seq, id }))
        .sort((a, b) =>
          a.author + a.epoch < b.author + b.epoch
            ? -1
            : a.author + a.epoch > b.author + b.epoch
              ? 1
              : a.seq - b.seq
        ),
      extensions: []
    }
    return makeBatch(fields, utf8(text), nodeCrypto)
  }

  write(text: string, deps: readonly Batch[] = []): AppliedHere {
    const batch = this.draft(text, this.#epoch!.last, deps)
    this.#epoch!.last = batch
    return this.#append(batch, true)
  }

  batchOf(id: ShortId): Batch | undefined {
    const position = this.positions.get(id)
    return position === undefined ? undefined : this.log[position - 1]
  }

  has(id: ShortId): boolean {
    return this.positions.has(id)
  }

  #append(batch: Batch, local: boolean): AppliedHere {
    this.log.push(batch)
    const check = toHex(nodeCrypto.sha256(utf8(this.mark.check + batch.id))).slice(0, 16)
    const mark = { position: this.log.length, check }
    this.marks.push(mark)
    this.positions.set(shortId(batch.id), mark.position)
    this.frontier.apply(batch)
    return { batch, mark, local }
  }

  apply(batches: readonly Batch[]): { outcomes: Outcome[]; applied: AppliedHere[] } {
    const outcomes: Outcome[] = []
    const applied: AppliedHere[] = []
    for (const batch of batches) {
      if (this.has(shortId(batch.id))) {
        outcomes.push({ batch, status: 'duplicate' })
        continue
      }
      const { previous, deps, author, epoch, seq } = batch.header
      const missing: Tip[] = []
      if (previous !== NO_BATCH && !this.has(shortId(previous))) {
        missing.push({ author, epoch, seq: seq - 1, id: shortId(previous) })
      }
      for (const dep of deps) {
        if (!this.#hasDep(dep)) missing.push({ ...dep, id: shortId(dep.id) })
      }
      if (missing.length > 0) outcomes.push({ batch, status: 'missing', missing })
      else {
        applied.push(this.#append(batch, false))
        outcomes.push({ batch, status: 'applied' })
      }
    }
    return { outcomes, applied }
  }

  /** Exactly the batch that is named, as the store judges it. */
  #hasDep({ author, epoch, seq, id }: Dep): boolean {
    const found = this.batchOf(shortId(id))
    if (found === undefined || found.id !== id) return false
    const { header } = found
    return header.author === author && header.epoch === epoch && header.seq === seq
  }

  tipsSince(position: number): Tip[] {
    return [...this.frontier].filter(tip => this.positions.get(tip.id)! > position)
  }

  /** Positions of what answers a WANT: the author's log behind the tip, back to what is held; undefined for NO_COMMON. */
  answer(want: Want): number[] | undefined {
    const held = want.have.filter(tip => this.has(tip.id))
    if (want.have.length > 0 && held.length === 0) return undefined
    const behind = new Set<ShortId>()
    for (const tip of held) this.#walk(tip.id, want.tip.author, behind)
    const wanted = new Set<ShortId>()
    this.#walk(want.tip.id, want.tip.author, wanted, behind)
    return [...wanted].map(id => this.positions.get(id)!)
  }

  #walk(from: ShortId, author: Author, into: Set<ShortId>, stopAt: ReadonlySet<ShortId> = new Set()): void {
    const stack = [from]
    while (stack.length > 0) {
      const id = stack.pop()!
      const batch = this.batchOf(id)
      if (batch === undefined || into.has(id) || stopAt.has(id)) continue
      into.add(id)
      if (batch.header.previous !== NO_BATCH) stack.push(shortId(batch.header.previous))
      for (const dep of batch.header.deps) if (dep.author === author) stack.push(shortId(dep.id))
    }
  }
}

/** Applied batches 1, 2, 4, … before those at the ends of the log of the epoch of `tip`. */
export function back(store: ModelStore, { author, epoch }: Tip): Tip[] {
  const have = new Map<ShortId, Tip>()
  const ends = store.frontier.of(author).filter(end => end.epoch === epoch)
  for (const end of ends) {
    for (let step = 1; step < end.seq; step *= 2) {
      for (const batch of store.log) {
        const { header } = batch
        if (header.author !== author || header.epoch !== epoch || header.seq !== end.seq - step) continue
        have.set(shortId(batch.id), tipOf(batch))
      }
    }
  }
  return [...have.values()]
}

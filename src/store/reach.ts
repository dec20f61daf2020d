/**
 * What the writer of a batch can have seen, by the batch's own deps and chain, and so which heads its ops overwrite.
 *
 * Keeps: the verdict on an entry of `over` is a function of the log alone, and it costs what the batch names: each
 * batch behind it is looked up once, and on a crowded key each entry finds its head by its name.
 */
import type { OverRef, ShortId } from '../log/index.js'
import type { Crowd, DraftCell } from './draft-cell.js'
import { slotText } from './draft-cell.js'
import type { Head, Origin } from './heads.js'
import type { Chain } from './keys.js'
import type { Ancestry, ChainEnd, Lineage, Place } from './lineage.js'
import { covers } from './lineage.js'

export interface ReachInit {
  readonly lineage: Lineage
  /** Where the batch stands. */
  readonly chain: Chain
  readonly seq: number
  readonly deps: readonly Place[]
}

export class Reach {
  readonly #lineage: Lineage
  readonly #chain: Chain
  readonly #seq: number
  readonly #deps: readonly Place[]
  readonly #authors: ReadonlySet<number>
  /** Batches behind this one, and those on its own line, as far as looked up. */
  readonly #behind = new Map<ShortId, boolean>()
  readonly #onLine = new Map<ShortId, boolean>()
  /** What stands behind the batch in the log of an author. */
  readonly #ancestries = new Map<number, Ancestry>()
  /** The branches that the own line came along, from the newest, each with the first seq on it, as far as walked. */
  readonly #line: { readonly branch: number; readonly from: number }[] = []
  readonly #slots = new Map<number, string>()

  constructor({ lineage, chain, seq, deps }: ReachInit) {
    this.#lineage = lineage
    this.#chain = chain
    this.#seq = seq
    this.#deps = deps
    this.#authors = new Set([chain.author, ...deps.map(dep => dep.author)])
  }

  /** The heads of a cell that the entries of `over` of the op `index` remove. Almost always it is known at once. */
  overwritten(
    over: readonly OverRef[],
    cell: DraftCell,
    index: number
  ): readonly Head[] | Promise<readonly Head[]> {
    if (cell.isCrowded) return this.#amongMany(over, cell.crowd, index)
    return this.#amongFew(over, cell.heads, index) ?? this.#learned(over, cell.heads, index)
  }

  /** Undefined when it takes a look at the log. */
  #amongFew(over: readonly OverRef[], heads: readonly Head[], index: number): readonly Head[] | undefined {
    const gone: Head[] = []
    for (const ref of over) {
      for (const head of heads) {
        if (head.index !== ref.index || gone.includes(head)) continue
        const verdict =
          'batch' in ref
            ? head.origin.id === ref.batch && this.#isKnownBehind(head.origin)
            : this.#isKnownOnLine(head, ref.seq, index)
        if (verdict === undefined) return undefined
        if (verdict) gone.push(head)
      }
    }
    return gone
  }

  async #learned(over: readonly OverRef[], heads: readonly Head[], index: number): Promise<readonly Head[]> {
    for (const { origin } of heads) {
      await this.#isBehind(origin)
      if (this.#isSameEpoch(origin) && !this.#onLine.has(origin.id) && origin.seq < this.#seq) {
        this.#onLine.set(origin.id, (await this.#branchAt(origin.seq)) === origin.branch)
      }
    }
    return this.#amongFew(over, heads, index)!
  }

  /** Each entry finds its head by name: to compare it with all of them is quadratic. */
  async #amongMany(over: readonly OverRef[], crowd: Crowd, index: number): Promise<readonly Head[]> {
    const gone = new Set<Head>()
    for (const ref of over) {
      if ('batch' in ref) {
        const head = crowd.of(ref.batch, ref.index)
        if (head === undefined) continue
        if (this.#isKnownBehind(head.origin) ?? (await this.#isBehind(head.origin))) gone.add(head)
      } else if (ref.seq < this.#seq || (ref.seq === this.#seq && ref.index < index)) {
        const slot = this.#slots.get(ref.seq) ?? (await this.#slotAt(ref.seq))
        const head = crowd.at(slot, ref.index)
        if (head !== undefined) gone.add(head)
      }
    }
    return [...gone]
  }

  /** Whether a batch is one of the deps or behind one; undefined when it takes a look at the log. */
  #isKnownBehind(origin: Origin): boolean | undefined {
    const known = this.#behind.get(origin.id)
    if (known !== undefined) return known
    let behind: boolean | undefined = this.#authors.has(origin.author) ? undefined : false
    for (const dep of this.#deps) if (isSameChain(dep, origin) && dep.seq >= origin.seq) behind = true
    if (behind !== undefined) this.#behind.set(origin.id, behind)
    return behind
  }

  async #isBehind(origin: Origin): Promise<boolean> {
    const known = this.#isKnownBehind(origin)
    if (known !== undefined) return known
    const behind = covers(await this.#ancestryOf(origin.author), origin, origin.seq)
    this.#behind.set(origin.id, behind)
    return behind
  }

  /** Whether a head is the op `seq` on the batch's own line; undefined when it takes a look at the log. */
  #isKnownOnLine({ origin, index }: Head, seq: number, ownIndex: number): boolean | undefined {
    if (origin.seq !== seq || !this.#isSameEpoch(origin)) return false
    const own = origin.branch === this.#chain.branch
    if (seq === this.#seq) return own && index < ownIndex
    if (seq > this.#seq) return false
    return own || this.#onLine.get(origin.id)
  }

  #isSameEpoch({ author, epoch }: Origin): boolean {
    return author === this.#chain.author && epoch === this.#chain.epoch
  }

  async #slotAt(seq: number): Promise<string> {
    const slot = slotText({ ...this.#chain, branch: await this.#branchAt(seq) }, seq)
    this.#slots.set(seq, slot)
    return slot
  }

  /** The branch on which the own line has this seq. */
  async #branchAt(seq: number): Promise<number> {
    const line = this.#line
    for (let last = line.at(-1); last === undefined || last.from > seq; last = line.at(-1)) {
      const branch = last === undefined ? this.#chain.branch : await this.#parentOf(last.branch)
      const record = await this.#lineage.branch({ ...this.#chain, branch })
      line.push({ branch, from: (record?.parent?.seq ?? 0) + 1 })
    }
    let [low, high] = [0, line.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (line[middle]!.from <= seq) high = middle
      else low = middle + 1
    }
    return line[low]!.branch
  }

  async #parentOf(branch: number): Promise<number> {
    return (await this.#lineage.branch({ ...this.#chain, branch }))!.parent!.branch
  }

  async #ancestryOf(author: number): Promise<Ancestry> {
    let ancestry = this.#ancestries.get(author)
    if (ancestry === undefined) {
      const ends: ChainEnd[] = this.#deps
        .filter(dep => dep.author === author)
        .map(dep => ({ chain: dep, seq: dep.seq }))
      if (author === this.#chain.author) ends.push({ chain: this.#chain, seq: this.#seq })
      ancestry = await this.#lineage.ancestry(ends)
      this.#ancestries.set(author, ancestry)
    }
    return ancestry
  }
}

function isSameChain(a: Chain, b: Chain): boolean {
  return a.author === b.author && a.epoch === b.epoch && a.branch === b.branch
}

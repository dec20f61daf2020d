/** Where batches stand while a commit is put together: on disk, and on top of it what this commit places. */
import type { ShortId } from '../log/index.js'
import { shortId } from '../log/index.js'
import type { Chain } from './keys.js'
import type { Place } from './lineage.js'
import { chainText, Lineage } from './lineage.js'
import type { BranchRecord, IndexRecord } from './records.js'

export class DraftLineage extends Lineage {
  readonly placed = new Map<ShortId, Place>()
  readonly slots = new Map<string, IndexRecord>()
  readonly branches = new Map<string, { chain: Chain; record: BranchRecord }>()
  /** The greatest seq of each branch among the slots. */
  readonly #last = new Map<string, number>()
  /** Batches that are not on the first branch, by author, epoch and seq. */
  readonly #forked = new Map<string, Place[]>()

  override async at(chain: Chain, seq: number): Promise<IndexRecord | undefined> {
    return this.slots.get(`${chainText(chain)}/${seq}`) ?? super.at(chain, seq)
  }

  override async hasLater(chain: Chain, seq: number): Promise<boolean> {
    return (this.#last.get(chainText(chain)) ?? 0) > seq || super.hasLater(chain, seq)
  }

  setSlot(chain: Chain, seq: number, entry: IndexRecord): void {
    const text = chainText(chain)
    this.slots.set(`${text}/${seq}`, entry)
    if (seq > (this.#last.get(text) ?? 0)) this.#last.set(text, seq)
  }

  override async branch(chain: Chain): Promise<BranchRecord | undefined> {
    return this.branches.get(chainText(chain))?.record ?? super.branch(chain)
  }

  add(place: Place, entry: IndexRecord): void {
    this.placed.set(shortId(place.id), place)
    this.setSlot(place, place.seq, entry)
    if (place.branch === 0) return
    const name = `${place.author}/${place.epoch}/${place.seq}`
    const others = this.#forked.get(name)
    if (others === undefined) this.#forked.set(name, [place])
    else others.push(place)
  }

  protected override async branchOf(first: Chain, seq: number, id: ShortId): Promise<number | undefined> {
    const place = this.placed.get(id)
    if (
      place !== undefined &&
      place.author === first.author &&
      place.epoch === first.epoch &&
      place.seq === seq
    )
      return place.branch
    return super.branchOf(first, seq, id)
  }

  protected override async *branchesAt(first: Chain, seq: number): AsyncGenerator<Chain> {
    yield* this.#forked.get(`${first.author}/${first.epoch}/${seq}`) ?? []
    yield* super.branchesAt(first, seq)
  }
}

/**
 * Where batches stand: by author, epoch, branch and seq; and what lies behind a batch in its author's log.
 *
 * A batch lies behind another of the same author when it can be reached through `previous` and through deps on the
 * same author. That is a fact of the log, the same on every node, though branch numbers are this store's own.
 */
import type { Hashes } from '../base/index.js'
import type { Disk } from '../disk/index.js'
import type { BatchId, Epoch, ShortId } from '../log/index.js'
import type { Chain } from './keys.js'
import { branchKey, branchNameKey, branchNameRange, indexKey } from './keys.js'
import type { BranchRecord, IndexRecord } from './records.js'
import { damaged, decodeBranch, decodeBranchName, decodeIndex } from './records.js'

/** A batch and where it stands. */
export interface Place extends Chain {
  readonly seq: number
  readonly id: BatchId
  readonly position: number
}

/** A branch up to a seq. */
export interface ChainEnd {
  readonly chain: Chain
  readonly seq: number
}

/** For each branch, by `chainText`, up to which seq it is covered. */
export type Ancestry = ReadonlyMap<string, ChainEnd>

const LAST_SEQ = 2 ** 48 - 1
/** Branch records kept in memory: a hundred bytes each, and walks touch the same ones again. */
const CACHED_BRANCHES = 4096

export function chainText(chain: Chain): string {
  return `${chain.author}/${chain.epoch}/${chain.branch}`
}

/** Branch records that were read or written lately; null for one that is known not to exist. */
export class BranchCache {
  readonly #records = new Map<string, BranchRecord | null>()

  get(chain: Chain): BranchRecord | null | undefined {
    return this.#records.get(chainText(chain))
  }

  set(chain: Chain, record: BranchRecord | null): void {
    if (this.#records.size >= CACHED_BRANCHES) this.#records.delete(this.#records.keys().next().value!)
    this.#records.set(chainText(chain), record)
  }

  clear(): void {
    this.#records.clear()
  }
}

export class Lineage {
  readonly #disk: Disk
  readonly #hashes: Hashes
  readonly #cache: BranchCache

  constructor(disk: Disk, hashes: Hashes, cache: BranchCache) {
    this.#disk = disk
    this.#hashes = hashes
    this.#cache = cache
  }

  /** The batch with this seq on a branch; those below where the branch begins stand on its parent. */
  async at(chain: Chain, seq: number): Promise<IndexRecord | undefined> {
    if (seq > LAST_SEQ) return undefined
    const key = indexKey(chain, seq)
    const value = await this.#disk.get(key)
    return value === undefined ? undefined : decodeIndex(key, value, this.#hashes)
  }

  /** Whether batches behind this seq are known on the branch; the one right behind it may be missing. */
  async hasLater(chain: Chain, seq: number): Promise<boolean> {
    const range = { gt: indexKey(chain, seq), lte: indexKey(chain, LAST_SEQ) }
    const iterator = this.#disk.iterate({ ...range, limit: 1 })
    try {
      return (await iterator.next(1)).length > 0
    } finally {
      await iterator.close()
    }
  }

  async branch(chain: Chain): Promise<BranchRecord | undefined> {
    const cached = this.#cache.get(chain)
    if (cached !== undefined) return cached ?? undefined
    const key = branchKey(chain)
    const value = await this.#disk.get(key)
    const record = value === undefined ? undefined : decodeBranch(key, value, this.#hashes)
    // A commit may have put a newer one there while this one was read.
    if (this.#cache.get(chain) === undefined) this.#cache.set(chain, record ?? null)
    return record
  }

  /** Batches with this seq of an epoch, up to so many: more than one where it is forked. */
  async findAll(
    author: number,
    epoch: Epoch,
    seq: number,
    limit = Number.POSITIVE_INFINITY
  ): Promise<Place[]> {
    const first = { author, epoch, branch: 0 }
    const record = await this.at(first, seq)
    const places: Place[] = record === undefined ? [] : [{ ...first, seq, ...record }]
    if (!(await this.#isForked(first))) return places
    for await (const chain of this.branchesAt(first, seq)) {
      if (places.length >= limit) break
      const other = await this.at(chain, seq)
      if (other !== undefined) places.push({ ...chain, seq, ...other })
    }
    return places
  }

  /** It costs a few reads, however many branches the epoch has. */
  async find(author: number, epoch: Epoch, seq: number, id: ShortId): Promise<Place | undefined> {
    const first = { author, epoch, branch: 0 }
    const record = await this.at(first, seq)
    if (record?.id.startsWith(id)) return { ...first, seq, ...record }
    const branch = (await this.#isForked(first)) ? await this.branchOf(first, seq, id) : undefined
    if (branch === undefined) return undefined
    const chain = { author, epoch, branch }
    const other = await this.at(chain, seq)
    return other?.id.startsWith(id) ? { ...chain, seq, ...other } : undefined
  }

  /** The number for the next branch of an epoch. They have no gaps, so halving finds the end. */
  async nextBranch(author: number, epoch: Epoch): Promise<number> {
    const has = async (branch: number): Promise<boolean> =>
      (await this.branch({ author, epoch, branch })) !== undefined
    let [free, taken] = [0, -1]
    while (await has(free)) [free, taken] = [2 * free + 1, free]
    while (free - taken > 1) {
      const middle = Math.floor((free + taken) / 2)
      if (await has(middle)) taken = middle
      else free = middle
    }
    return free
  }

  async #isForked({ author, epoch }: Chain): Promise<boolean> {
    return (await this.branch({ author, epoch, branch: 1 })) !== undefined
  }

  /** On which branch after the first a batch stands. */
  protected async branchOf(first: Chain, seq: number, id: ShortId): Promise<number | undefined> {
    const key = branchNameKey(first, seq, id)
    const value = await this.#disk.get(key)
    return value === undefined ? undefined : decodeBranchName(key, value, this.#hashes)
  }

  /** The branches after the first that have this seq. */
  protected async *branchesAt({ author, epoch }: Chain, seq: number): AsyncGenerator<Chain> {
    const iterator = this.#disk.iterate(branchNameRange({ author, epoch }, seq))
    try {
      for (let page = await iterator.next(64); page.length > 0; page = await iterator.next(64)) {
        for (const [key, value] of page)
          yield { author, epoch, branch: decodeBranchName(key, value, this.#hashes) }
      }
    } finally {
      await iterator.close()
    }
  }

  /** What these batches of one author and everything behind them in its log cover. */
  async ancestry(ends: readonly ChainEnd[]): Promise<Ancestry> {
    const covered = new Map<string, ChainEnd>()
    const open = [...ends]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const text = chainText(next.chain)
      const known = covered.get(text)
      if (known !== undefined && known.seq >= next.seq) continue
      covered.set(text, next)
      const record = await this.branch(next.chain)
      if (record === undefined) throw damaged(`branch ${text}`, new Error('its record is missing'))
      const { author, epoch } = next.chain
      const { parent } = record
      if (parent !== undefined)
        open.push({ chain: { author, epoch, branch: parent.branch }, seq: parent.seq })
      for (const dep of record.deps) {
        if (dep.atSeq <= next.seq)
          open.push({ chain: { author, epoch: dep.epoch, branch: dep.branch }, seq: dep.seq })
      }
    }
    return covered
  }
}

export function covers(ancestry: Ancestry, chain: Chain, seq: number): boolean {
  const entry = ancestry.get(chainText(chain))
  return entry !== undefined && entry.seq >= seq
}

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
import { branchKey, indexKey } from './keys.js'
import type { BranchRecord, IndexRecord } from './records.js'
import { damaged, decodeBranch, decodeIndex } from './records.js'

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

  /** All batches with this seq of an epoch: more than one where it is forked. */
  async findAll(author: number, epoch: Epoch, seq: number): Promise<Place[]> {
    const places: Place[] = []
    for (let branch = 0; ; branch++) {
      const chain = { author, epoch, branch }
      if ((await this.branch(chain)) === undefined) return places
      const record = await this.at(chain, seq)
      if (record !== undefined) places.push({ ...chain, seq, ...record })
    }
  }

  async find(author: number, epoch: Epoch, seq: number, id: ShortId): Promise<Place | undefined> {
    for (let branch = 0; ; branch++) {
      const chain = { author, epoch, branch }
      if ((await this.branch(chain)) === undefined) return undefined
      const record = await this.at(chain, seq)
      if (record?.id.startsWith(id)) return { ...chain, seq, ...record }
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

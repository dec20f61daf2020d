/**
 * The frontier: the set of tips. A tip is an applied batch that no applied batch of the same author names, as previous
 * or in its deps. Batches are applied in chain order, so the frontier is the applied-id set: what it covers is applied.
 */

import type { Hashes } from '../base/index.js'
import { concatBytes, fromHex, toHex, utf8 } from '../base/index.js'
import type { BatchHeader } from './batch.js'
import { compareNames, NO_BATCH, tipOf } from './batch.js'
import type { Author, BatchId, ShortId, Tip } from './ids.js'
import { shortId } from './ids.js'

const DIGEST_DOMAIN = utf8('natter/frontier/1\0')

export interface FrontierChange {
  readonly added: Tip
  readonly removed: readonly Tip[]
}

export class Frontier {
  readonly #tips = new Map<Author, Map<ShortId, Tip>>()
  #size = 0

  constructor(tips: Iterable<Tip> = []) {
    for (const tip of tips) this.#add(tip)
  }

  get size(): number {
    return this.#size
  }

  *[Symbol.iterator](): IterableIterator<Tip> {
    for (const tips of this.#tips.values()) yield* tips.values()
  }

  authors(): IterableIterator<Author> {
    return this.#tips.keys()
  }

  /** The tips of one author, oldest epoch first. */
  of(author: Author): Tip[] {
    const tips = [...(this.#tips.get(author)?.values() ?? [])]
    return tips.sort((a, b) => compareNames(a, b) || (a.id < b.id ? -1 : 1))
  }

  has(author: Author, id: ShortId): boolean {
    return this.#tips.get(author)?.has(id) ?? false
  }

  /** Takes an applied batch in: it becomes a tip, and what it names of its own author no longer is one. */
  apply(batch: { readonly header: BatchHeader; readonly id: BatchId }): FrontierChange {
    const { author, previous, deps } = batch.header
    const removed: Tip[] = []
    if (previous !== NO_BATCH) this.#remove(author, shortId(previous), removed)
    for (const dep of deps) if (dep.author === author) this.#remove(author, shortId(dep.id), removed)
    const added = tipOf(batch)
    this.#add(added)
    return { added, removed }
  }

  #add(tip: Tip): void {
    let tips = this.#tips.get(tip.author)
    if (tips === undefined) {
      tips = new Map()
      this.#tips.set(tip.author, tips)
    }
    if (!tips.has(tip.id)) this.#size++
    tips.set(tip.id, tip)
  }

  #remove(author: Author, id: ShortId, removed: Tip[]): void {
    const tips = this.#tips.get(author)
    const tip = tips?.get(id)
    if (tips === undefined || tip === undefined) return
    tips.delete(id)
    if (tips.size === 0) this.#tips.delete(author)
    this.#size--
    removed.push(tip)
  }

  /** 32 hex digits: the first 16 bytes of SHA-256 over a domain string and the sorted 16-byte ids of all tips. */
  digest(hashes: Hashes): string {
    const ids = [...this].map(tip => tip.id).sort()
    return toHex(hashes.sha256(concatBytes(DIGEST_DOMAIN, fromHex(ids.join('')))).subarray(0, 16))
  }
}

/**
 * One cell of a commit, with its heads in the order in which they came.
 *
 * Keeps: what an op does to a crowded key costs what the op names, not what stands there; otherwise a batch of many
 * versions of one key, and one that overwrites them one by one, would hold every node up for minutes. Almost all keys
 * have one head, and for those there is a list and nothing else.
 */
import type { Identity, ShortId } from '../log/index.js'
import type { CellRecord, Head } from './heads.js'
import type { Chain } from './keys.js'
import { chainText } from './lineage.js'

/** Heads of a key from which on they are looked up in an index, and each op counts as a change of what is shown. */
export const crowdedHeads = 64

/** What a commit begins with. One is made for every op: each has all its fields, in this order, for the engine's sake. */
export interface FoundCell extends CellRecord {
  /** The heads as they are on disk. */
  readonly before: readonly Head[]
  readonly lostAfter: number | undefined
  readonly touched: boolean
  /** Its record was found on disk, and intact. */
  readonly stands: boolean
}

export class DraftCell implements CellRecord {
  readonly key: Uint8Array
  readonly diskKey: Uint8Array
  readonly before: readonly Head[]
  readonly present: boolean
  readonly lostAfter: number | undefined
  readonly stands: boolean
  changedAt: number
  touched: boolean
  #heads: Head[]
  #crowd: Crowd | undefined
  /** Heads of the list that were removed; they go from it when somebody looks. */
  #gone: Set<Head> | undefined

  constructor(key: Uint8Array, diskKey: Uint8Array, found: FoundCell) {
    this.key = key
    this.diskKey = diskKey
    this.before = found.before
    this.present = found.present
    this.lostAfter = found.lostAfter
    this.stands = found.stands
    this.changedAt = found.changedAt
    this.touched = found.touched
    this.#heads = found.heads.slice()
  }

  get heads(): readonly Head[] {
    const gone = this.#gone
    if (gone !== undefined) {
      this.#heads = this.#heads.filter(head => !gone.has(head))
      this.#gone = undefined
    }
    return this.#heads
  }

  get size(): number {
    return this.#heads.length - (this.#gone?.size ?? 0)
  }

  get isCrowded(): boolean {
    return this.size >= crowdedHeads
  }

  /** The index of the heads; it costs a walk over them the first time. */
  get crowd(): Crowd {
    this.#crowd ??= new Crowd(this.heads)
    return this.#crowd
  }

  /** Puts these heads in place of all. */
  replace(heads: Head[]): void {
    this.#heads = heads
    this.#gone = undefined
    this.#crowd = undefined
  }

  add(head: Head): void {
    this.#heads.push(head)
    this.#crowd?.add(head)
  }

  /** Removes heads that stand here, each named once. */
  remove(gone: readonly Head[]): void {
    if (this.#crowd === undefined && !this.isCrowded) {
      this.#heads = this.#heads.filter(head => !gone.includes(head))
      return
    }
    const { crowd } = this
    this.#gone ??= new Set()
    for (const head of gone) {
      crowd.remove(head)
      this.#gone.add(head)
    }
  }

  /** The heads of one client's op. */
  copies(identity: Identity): Iterable<Head> {
    if (this.#crowd !== undefined) return this.#crowd.copies(identity)
    return this.heads.filter(head => head.identity === identity)
  }
}

type OfBatch = Map<number, Head>

/** The place of a batch in this store, as a text. */
export function slotText(chain: Chain, seq: number): string {
  return `${chainText(chain)}/${seq}`
}

/** The heads of one key by batch and op index, and by the identity of the client's op. */
export class Crowd {
  readonly #byId = new Map<ShortId, OfBatch>()
  readonly #bySlot = new Map<string, OfBatch>()
  readonly #byIdentity = new Map<Identity, Set<Head>>()

  constructor(heads: readonly Head[]) {
    for (const head of heads) this.add(head)
  }

  of(id: ShortId, index: number): Head | undefined {
    return this.#byId.get(id)?.get(index)
  }

  at(slot: string, index: number): Head | undefined {
    return this.#bySlot.get(slot)?.get(index)
  }

  copies(identity: Identity): Iterable<Head> {
    return this.#byIdentity.get(identity) ?? []
  }

  add(head: Head): void {
    const { origin, index, identity } = head
    let batch = this.#byId.get(origin.id)
    if (batch === undefined) {
      batch = new Map()
      this.#byId.set(origin.id, batch)
      this.#bySlot.set(slotText(origin, origin.seq), batch)
    }
    batch.set(index, head)
    if (identity === undefined) return
    const copies = this.#byIdentity.get(identity)
    if (copies === undefined) this.#byIdentity.set(identity, new Set([head]))
    else copies.add(head)
  }

  remove(head: Head): void {
    const { origin, index, identity } = head
    this.#byId.get(origin.id)?.delete(index)
    if (identity !== undefined) this.#byIdentity.get(identity)?.delete(head)
  }
}

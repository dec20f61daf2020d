/**
 * The cells that a commit touches: read once, changed op by op, written once.
 *
 * Keeps the rule of heads: what an op overwrites goes, its own version comes if it has the bit. Keeps that a client's
 * op takes effect once: when a copy is overwritten the others in the cell are demoted, and one that comes later is
 * demoted at once. Keeps `changedAt`, the counts and the digest in step with the heads.
 */
import type { Hashes } from '../base/index.js'
import { EMPTY_BYTES, equalBytes } from '../base/index.js'
import type { DiskWrite } from '../disk/index.js'
import type { Identity, ShortId, StateDigest } from '../log/index.js'
import { stateHash } from '../log/index.js'
import type { Strategy } from '../merge/index.js'
import { distinct } from '../merge/index.js'
import type { Arena } from './arena.js'
import type { AuthorNames } from './authors.js'
import { decodeCell, encodeCell } from './cell-record.js'
import type { FoundCell } from './draft-cell.js'
import { DraftCell } from './draft-cell.js'
import type { Head } from './heads.js'
import { cellOf, isKnownKind, NO_HEADS, versionOf } from './heads.js'
import { keyHash } from './key-filter.js'
import { conflictKey, overwrittenKey } from './keys.js'
import type { RebuiltCell } from './rebuild.js'

/** What is told about a cell after the commit. */
export interface CellNote {
  readonly key: Uint8Array
  readonly versions: number
  readonly reason: 'conflict' | 'unreadable'
  readonly text: string
}

export interface DraftCellsInit {
  readonly hashes: Hashes
  readonly names: AuthorNames
  readonly strategy: (key: Uint8Array) => Strategy
}

/** There is no record of the cell. */
const NOTHING: FoundCell = {
  before: NO_HEADS,
  heads: NO_HEADS,
  changedAt: 0,
  present: false,
  lostAfter: undefined,
  touched: false,
  stands: false
}

export class DraftCells {
  readonly notes: CellNote[] = []
  readonly #init: DraftCellsInit
  readonly #cells = new Map<string, DraftCell>()
  /** Identities of which a copy was overwritten, as far as looked up. */
  readonly #overwritten = new Map<Identity, boolean>()
  readonly #newlyOverwritten = new Set<Identity>()
  /** Hashes of the keys that get a cell, or may get one, by `writeTo`. */
  readonly made: number[] = []

  constructor(init: DraftCellsInit) {
    this.#init = init
  }

  has(text: string): boolean {
    return this.#cells.has(text)
  }

  /** The cell of a key that was loaded. */
  get(text: string): DraftCell {
    return this.#cells.get(text)!
  }

  values(): IterableIterator<DraftCell> {
    return this.#cells.values()
  }

  isOverwritten(identity: Identity): boolean {
    return this.#overwritten.get(identity) === true
  }

  /** Takes in a cell as it is on disk. Throws `STORE_DAMAGED`; answers false for one whose heads are not known. */
  load(text: string, key: Uint8Array, diskKey: Uint8Array, value: Uint8Array | undefined): boolean {
    const { hashes, names } = this.#init
    if (value === undefined) {
      this.#cells.set(text, new DraftCell(key, diskKey, NOTHING))
      return true
    }
    const { heads, changedAt, present, lostAfter } = decodeCell(diskKey, value, hashes, names)
    const found = { before: heads, heads, changedAt, present, lostAfter, touched: false, stands: true }
    this.#cells.set(text, new DraftCell(key, diskKey, found))
    return lostAfter === undefined
  }

  /** Takes in a cell that was made again from the log; it goes to disk with this commit. */
  loadRebuilt(text: string, key: Uint8Array, diskKey: Uint8Array, cell: RebuiltCell): void {
    const { heads, changedAt, accounted, overwritten } = cell
    const { heads: before, present } = accounted
    const made = { before, heads, changedAt, present, lostAfter: undefined, touched: true, stands: false }
    this.#cells.set(text, new DraftCell(key, diskKey, made))
    for (const identity of overwritten) {
      this.#overwritten.set(identity, true)
      this.#newlyOverwritten.add(identity)
    }
  }

  /** Puts what the log gives in place of what a loaded cell holds; it goes to disk with this commit. */
  replace(text: string, { heads, changedAt, overwritten }: RebuiltCell): void {
    const cell = this.get(text)
    cell.replace(heads.slice())
    cell.changedAt = changedAt
    cell.touched = true
    for (const identity of overwritten) {
      this.#overwritten.set(identity, true)
      this.#newlyOverwritten.add(identity)
    }
  }

  /** Takes in a cell that cannot be made again now: ops on it are logged, and its heads stay unknown. */
  loadLost(text: string, key: Uint8Array, diskKey: Uint8Array, lostAfter: number, reason: string): void {
    this.#cells.set(text, new DraftCell(key, diskKey, { ...NOTHING, lostAfter }))
    this.notes.push({ key, versions: 0, reason: 'unreadable', text: reason })
  }

  /** Whether something is to be written. */
  get isTouched(): boolean {
    for (const cell of this.#cells.values()) if (cell.touched) return true
    return false
  }

  knowOverwritten(identity: Identity, overwritten: boolean): void {
    if (!this.#overwritten.has(identity)) this.#overwritten.set(identity, overwritten)
  }

  /** `heads(key) := heads(key) \ over`, and `own` if there is one. `gone` are the heads of the cell that `over` names. */
  change(cell: DraftCell, gone: readonly Head[], own: Head | undefined, position: number): void {
    cell.touched = true
    if (cell.lostAfter !== undefined) return
    const { size } = cell
    if (own !== undefined && size === gone.length && size < 2) {
      const [only] = gone
      if (only?.identity !== undefined) this.#overwrite(only.identity, [])
      if (own.identity !== undefined) this.#enter(own)
      if (only?.value !== undefined || own.value !== undefined) cell.changedAt = position
      cell.replace([own])
      return
    }
    // To look at all of them for each op is quadratic: a batch of 65,536 versions of one key would take minutes everywhere.
    const crowded = cell.isCrowded
    const shown = crowded ? undefined : this.#shown(cell)
    if (gone.length > 0) cell.remove(gone)
    for (const { identity } of gone) {
      if (identity !== undefined) this.#overwrite(identity, cell.copies(identity))
    }
    if (own !== undefined) {
      if (own.identity !== undefined) this.#enter(own)
      cell.add(own)
    }
    if (crowded || !sameShown(shown, this.#shown(cell))) cell.changedAt = position
  }

  #enter(own: Head): void {
    if (this.#overwritten.get(own.identity!) === true) own.demoted = true
  }

  #overwrite(identity: Identity, copies: Iterable<Head>): void {
    if (this.#overwritten.get(identity) !== true) this.#newlyOverwritten.add(identity)
    this.#overwritten.set(identity, true)
    for (const head of copies) head.demoted = true
  }

  #shown(cell: DraftCell): Shown {
    return cellOf(cell, this.#init.strategy(cell.key)).winner
  }

  /** Puts the touched cells into the commit; answers by how many the count of present keys changed. */
  writeTo(write: DiskWrite, digest: StateDigest, arena: Arena): number {
    let keys = 0
    for (const identity of this.#newlyOverwritten) write.put(overwrittenKey(identity), EMPTY_BYTES)
    for (const cell of this.#cells.values()) {
      if (!cell.touched) continue
      if (!cell.stands) this.made.push(keyHash(cell.key))
      if (cell.lostAfter !== undefined) {
        write.put(cell.diskKey, encodeCell(cell.diskKey, cell, this.#init.hashes, arena))
        continue
      }
      const present = this.#settle(cell, write)
      if (present !== cell.present) keys += present ? 1 : -1
      this.#digest(cell, digest)
      const { heads, changedAt, diskKey } = cell
      write.put(diskKey, encodeCell(diskKey, { heads, changedAt, present }, this.#init.hashes, arena))
    }
    return keys
  }

  /** Keeps the index of conflicts and notes what is worth telling; answers whether a read shows a value. */
  #settle(cell: DraftCell, write: DiskWrite): boolean {
    const { heads, before, key } = cell
    const only = heads[0]
    if (heads.length === 1 && before.length < 2 && isKnownKind(only!.kind)) return only!.value !== undefined
    const versions = countOf(heads)
    const versionsBefore = countOf(before)
    if (versions > 1 && versionsBefore < 2) write.put(conflictKey(key), EMPTY_BYTES)
    if (versions < 2 && versionsBefore > 1) write.del(conflictKey(key))
    if (versions > 1 && versions > versionsBefore) {
      this.notes.push({ key, versions, reason: 'conflict', text: 'concurrent' })
    }
    const { winner, unreadable } = cellOf(cell, this.#init.strategy(key))
    if (unreadable !== undefined) this.notes.push({ key, versions, reason: 'unreadable', text: unreadable })
    return winner !== undefined
  }

  #digest(cell: DraftCell, digest: StateDigest): void {
    const { key, before, heads } = cell
    const { hashes } = this.#init
    if (before.length === 0 && heads.length === 1) {
      const { origin, index } = heads[0]!
      digest.add(stateHash(key, origin.id, index, hashes))
      return
    }
    for (const { origin, index } of without(before, heads))
      digest.remove(stateHash(key, origin.id, index, hashes))
    for (const { origin, index } of without(heads, before))
      digest.add(stateHash(key, origin.id, index, hashes))
  }
}

type Shown =
  | { readonly id: ShortId; readonly seq: number; readonly index: number; readonly value?: Uint8Array }
  | undefined

function sameShown(a: Shown, b: Shown): boolean {
  if (a === undefined || b === undefined) return a === b
  if (a.id !== b.id || a.seq !== b.seq || a.index !== b.index) return false
  return (
    a.value === b.value || (a.value !== undefined && b.value !== undefined && equalBytes(a.value, b.value))
  )
}

function without(heads: readonly Head[], others: readonly Head[]): readonly Head[] {
  if (others.length === 0) return heads
  if (others.length < 8) return heads.filter(head => !others.includes(head))
  const set = new Set(others)
  return heads.filter(head => !set.has(head))
}

function countOf(heads: readonly Head[]): number {
  return heads.length < 2 ? heads.length : distinct(heads.map(head => versionOf(head))).length
}

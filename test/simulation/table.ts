/** A sorted map of bytes that is cheap to copy: what stands in it is never changed, and lists are shared until written. */
import { textOf } from '../../src/store/keys.js'

export interface TableEntry {
  /** The key as text, one code unit a byte: sorts as the bytes do. */
  readonly name: string
  readonly key: Uint8Array
  readonly value: Uint8Array
}

export interface Change {
  readonly name: string
  readonly key: Uint8Array
  /** Absent for a deletion. */
  readonly value: Uint8Array | undefined
}

export class Table {
  #entries: TableEntry[]
  #shared: boolean

  constructor(entries: TableEntry[] = []) {
    this.#entries = entries
    this.#shared = entries.length > 0
  }

  get size(): number {
    return this.#entries.length
  }

  /** Everything as it is now; never changes afterwards. */
  frozen(): readonly TableEntry[] {
    this.#shared = true
    return this.#entries
  }

  copy(): Table {
    this.#shared = true
    return new Table(this.#entries)
  }

  get(name: string): TableEntry | undefined {
    return find(this.#entries, name)
  }

  apply(changes: readonly Change[]): void {
    if (this.#shared) {
      this.#entries = this.#entries.slice()
      this.#shared = false
    }
    const entries = this.#entries
    for (const { name, key, value } of changes) {
      const at = lowerBound(entries, name)
      const isThere = entries[at]?.name === name
      if (value === undefined) {
        if (isThere) entries.splice(at, 1)
      } else if (isThere) entries[at] = { name, key, value }
      else entries.splice(at, 0, { name, key, value })
    }
  }
}

/** The first place whose name is not below `name`. */
export function lowerBound(entries: readonly TableEntry[], name: string): number {
  let from = 0
  let to = entries.length
  while (from < to) {
    const middle = (from + to) >> 1
    if (entries[middle]!.name < name) from = middle + 1
    else to = middle
  }
  return from
}

export function find(entries: readonly TableEntry[], name: string): TableEntry | undefined {
  const entry = entries[lowerBound(entries, name)]
  return entry?.name === name ? entry : undefined
}

export function changeOf(key: Uint8Array, value: Uint8Array | undefined): Change {
  return { name: textOf(key), key, value }
}

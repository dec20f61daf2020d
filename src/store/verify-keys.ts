/** The part of an inspection that looks at the lists of keys: a key that they lack would be taken for a new one. */
import { toHex } from '../base/index.js'
import { BloomFilter } from './bloom-filter.js'
import type { Inspection } from './inspection.js'
import { keyHash } from './key-filter.js'
import { decodeKeyList, readKeyLists } from './key-lists.js'
import { keyListKey, readUint, SPACE } from './keys.js'

/** What a filter made from the lists, and from the log behind them, would hold. */
export class KeyCover {
  /** The lists hold up to here. */
  readonly #position: number
  readonly #filter: BloomFilter
  #isTold = false

  constructor(position: number, filter: BloomFilter) {
    this.#position = position
    this.#filter = filter
  }

  /** A batch at the position has an op on the key. */
  add(key: Uint8Array, position: number): void {
    if (position > this.#position) this.#filter.add(keyHash(key))
  }

  /** The key has a cell. */
  async inspect(inspection: Inspection, key: Uint8Array): Promise<void> {
    if (this.#isTold || this.#filter.mayHold(keyHash(key))) return
    this.#isTold = true
    const what = `key ${toHex(key)} has a cell and is in none: they are made again`
    await inspection.mend('the lists of keys', what, keyListKey(0), undefined)
  }
}

/** Looks at each list by itself; answers what they cover, or undefined where they hold for no end of the log. */
export async function inspectKeyLists(inspection: Inspection): Promise<KeyCover | undefined> {
  const { crypto } = inspection.init
  for await (const [key, value] of inspection.entries(SPACE.keyList, 16)) {
    const number = readUint(key, 1, 4)
    if (inspection.attempt(() => decodeKeyList(number, value, crypto)) !== undefined) continue
    await inspection.mend(`list ${number} of the keys`, 'its checksum does not fit', key, undefined)
  }
  const filter = new BloomFilter()
  const source = {
    get: (key: Uint8Array) => inspection.get(key),
    hashes: crypto,
    checkAt: async (position: number) => (await inspection.record(position))?.check
  }
  const standing = await readKeyLists(source, hash => filter.add(hash))
  if (standing === undefined) return undefined
  const { position } = standing.mark
  const isHole = [...inspection.bad.keys()].some(bad => bad > position)
  return isHole ? undefined : new KeyCover(position, filter)
}

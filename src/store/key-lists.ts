/**
 * The lists of keys on disk, from which the filter of known keys is made at an opening. Layout: protocols/storage.md.
 *
 * A list says: whoever holds the log up to my position with my check, and all lists before me, finds here the hash of
 * every key that an op of it has a cell for. So it stays true whatever happens to the rest of the disk: after a repair, a
 * restore or an older program the check at that position is another one, or the lists simply end before the log does.
 */
import type { Hashes } from '../base/index.js'
import { toHex } from '../base/index.js'
import type { Mark } from '../log/index.js'
import { isDamage } from './damage.js'
import { keyListKey, putHex } from './keys.js'
import { readRecord, writeRecord } from './records.js'

export interface KeyList {
  readonly number: number
  /** The position up to which the list before it goes; 0 for the first. */
  readonly from: number
  /** The end of the log when it was written. */
  readonly mark: Mark
  /** Of the keys, as `keyHash` gives them; some may come twice. */
  readonly keys: readonly number[]
}

export function encodeKeyList({ number, from, mark, keys }: KeyList, hashes: Hashes): Uint8Array {
  const check = new Uint8Array(8)
  putHex(check, 0, mark.check)
  return writeRecord(
    keyListKey(number),
    hashes,
    writer => {
      writer.u48(from).u48(mark.position).bytes(check)
      for (const key of keys) writer.u32(key >>> 0)
    },
    32 + 4 * keys.length
  )
}

export function decodeKeyList(number: number, value: Uint8Array, hashes: Hashes): KeyList {
  return readRecord(keyListKey(number), value, hashes, `list ${number} of the keys`, reader => {
    const from = reader.u48()
    const mark = { position: reader.u48(), check: toHex(reader.bytes(8)) }
    const keys: number[] = []
    while (reader.remaining > 0) keys.push(reader.u32() | 0)
    return { number, from, mark, keys }
  })
}

export interface KeyListSource {
  /** Reads a key of the disk. */
  readonly get: (key: Uint8Array) => Promise<Uint8Array | undefined>
  readonly hashes: Hashes
  /** The running check of the log at a position; undefined where there is none to trust. */
  readonly checkAt: (position: number) => Promise<string | undefined>
}

/** The last list that holds for the log. Its keys are given where it is the last of all, and so may be filled up. */
export type StandingList = Omit<KeyList, 'keys'> & { readonly keys: readonly number[] | undefined }

/** Hands the keys of all lists to `take`, and answers the last that holds; undefined where none does. */
export async function readKeyLists(
  { get, hashes, checkAt }: KeyListSource,
  take: (key: number) => void
): Promise<StandingList | undefined> {
  const ends: StandingList[] = []
  let last: KeyList | undefined
  for await (const list of keyLists(get, hashes)) {
    for (const key of list.keys) take(key)
    if (last !== undefined) ends.push({ ...last, keys: undefined })
    last = list
  }
  if (last !== undefined) ends.push(last)
  for (let end = ends.pop(); end !== undefined; end = ends.pop())
    if ((await checkAt(end.mark.position)) === end.mark.check) return end
  return undefined
}

/** The lists from the first on, as long as each follows from the one before it. */
async function* keyLists(
  get: (key: Uint8Array) => Promise<Uint8Array | undefined>,
  hashes: Hashes
): AsyncGenerator<KeyList> {
  let from = 0
  for (let number = 0; ; number++) {
    let list: KeyList
    try {
      const value = await get(keyListKey(number))
      if (value === undefined) return
      list = decodeKeyList(number, value, hashes)
    } catch (error) {
      if (isDamage(error)) return
      throw error
    }
    if (list.from !== from) return
    yield list
    from = list.mark.position
  }
}

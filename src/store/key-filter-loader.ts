/**
 * Makes the filter of known keys when writes to new keys begin to come: from the lists on disk, and from the log behind
 * them. Commits go on meanwhile, and look for their cells on disk as before.
 *
 * Where the lists are gone or speak of another log, the log is read from where they hold, and they are written again on
 * the way. A log with damage in it cannot say what was written, so there the filter waits until the damage is mended.
 */
import type { Hashes } from '../base/index.js'
import type { Disk } from '../disk/index.js'
import { isDamage } from './damage.js'
import type { LogReader } from './history.js'
import { keyHash } from './key-filter.js'
import type { KeyList } from './key-lists.js'
import { encodeKeyList, readKeyLists } from './key-lists.js'
import { keyListKey } from './keys.js'
import { opsOf } from './prepare.js'
import type { UpkeepRequest } from './requests.js'
import type { State } from './state.js'

export interface KeyFilterLoaderInit {
  readonly disk: Disk
  readonly hashes: Hashes
  readonly state: () => State
  readonly log: LogReader
  readonly commit: (run: UpkeepRequest['run']) => Promise<void>
}

export class KeyFilterLoader {
  readonly #init: KeyFilterLoaderInit
  #missed = 0
  /** At so many the filter is made. */
  #due: number
  #working: Promise<void> | undefined
  #closed = false

  constructor(init: KeyFilterLoaderInit) {
    this.#init = init
    this.#due = init.state().keys.bounds.missed
  }

  /** A commit looked for so many cells that are not there. */
  missed(count: number): void {
    if (this.#init.state().keys.isComplete) return
    this.#missed += count
    if (this.#missed < this.#due || this.#working !== undefined || this.#closed) return
    this.#due = this.#missed * 2 // should it come to nothing
    this.#working = this.#load(this.#init.state())
      .catch(() => undefined) // tried again when more were missed
      .finally(() => {
        this.#working = undefined
      })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#working
  }

  async #load(state: State): Promise<void> {
    const { keys } = state
    const { listKeys, listBytes } = keys.bounds
    let { number, from, position, open } = await this.#listed(state)
    let bytes = 0
    const isOver = (): boolean => this.#closed || this.#init.state() !== state
    while (position < state.mark.position) {
      const end = state.mark.position
      for await (const { position: at, record } of this.#init.log.records(position)) {
        if (isOver()) return
        position = at
        bytes += record.batch.body.length
        for (const { key } of opsOf(record.batch)) {
          const hash = keyHash(key)
          keys.add(hash)
          open.add(hash)
        }
        const isFull = open.size >= listKeys
        if (!isFull && bytes < listBytes) continue
        await this.#write({ number, from, mark: { position, check: record.check }, keys: [...open] })
        bytes = 0
        if (!isFull) continue
        number++
        from = position
        open = new Set()
      }
      if (isOver()) return
      position = Math.max(position, end) // there may be nothing at the last positions
    }
    keys.complete({ number, from, keys: [...open], listedBytes: state.totals.bytes - bytes })
  }

  #write(list: KeyList): Promise<void> {
    const { hashes, commit } = this.#init
    return commit(draft => {
      draft.write.put(keyListKey(list.number), encodeKeyList(list, hashes))
    })
  }

  /** Takes in the lists; answers up to which position they hold, and the list that goes on there. */
  async #listed({
    keys
  }: State): Promise<{ number: number; from: number; position: number; open: Set<number> }> {
    const { disk, hashes } = this.#init
    const checkAt = (position: number): Promise<string | undefined> => this.#checkAt(position)
    const source = { get: (key: Uint8Array) => disk.get(key), hashes, checkAt }
    const standing = await readKeyLists(source, hash => keys.add(hash))
    if (standing === undefined) return { number: 0, from: 0, position: 0, open: new Set() }
    const { number, from, mark, keys: listed } = standing
    const { position } = mark
    if (listed !== undefined && listed.length < keys.bounds.listKeys)
      return { number, from, position, open: new Set(listed) }
    return { number: number + 1, from: position, position, open: new Set() }
  }

  async #checkAt(position: number): Promise<string | undefined> {
    try {
      return (await this.#init.log.record(position))?.check
    } catch (error) {
      if (isDamage(error)) return undefined
      throw error
    }
  }
}

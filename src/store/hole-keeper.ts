/**
 * Whoever runs into a damaged record of the log tells it here by its position alone; this finds out which batch stood
 * there, keeps the note on disk, and says so. In the background: a read that met damage does not wait for it.
 *
 * The batch is told by the tips, else by the index; a walk over the index finds all that are looked for at once.
 */
import type { Hashes, NatterError } from '../base/index.js'
import { isNatterError } from '../base/index.js'
import type { Disk } from '../disk/index.js'
import type { Tip } from '../log/index.js'
import { shortId } from '../log/index.js'
import type { DamageReports } from './damage.js'
import { isDamage } from './damage.js'
import type { Hole, HoleTable } from './holes.js'
import { putHole } from './holes.js'
import type { MissingHere } from './index.js'
import { chainOfKey, holeKey, INDEX_KEY_BYTES, logKey, readUint, SPACE, spaceRange } from './keys.js'
import type { Lineage, Place } from './lineage.js'
import { decodeLog } from './log-record.js'
import { decodeIndex } from './records.js'
import type { UpkeepRequest } from './requests.js'
import type { State } from './state.js'

/** Index entries of one read while batches are looked for by position. */
const pageEntries = 1024
/** Batches before a hole that are tried, nearest first, for one that a WANT can name as held. */
const namedBack = 64
/** Positions that wait for their batch to be found; more are found when these are, or by the next scrub. */
const openPositions = 65_536

export interface HoleKeeperInit {
  readonly disk: Disk
  readonly hashes: Hashes
  readonly state: () => State
  readonly lineage: Lineage
  readonly table: HoleTable
  readonly damage: DamageReports
  readonly commit: (run: UpkeepRequest['run']) => Promise<void>
}

export class HoleKeeper {
  readonly #init: HoleKeeperInit
  readonly #open = new Set<number>()
  #working: Promise<void> | undefined
  #closed = false

  constructor(init: HoleKeeperInit) {
    this.#init = init
  }

  /** A record of the log cannot be read. */
  note(position: number, error: NatterError): void {
    if (this.#closed || this.#init.table.at(position) !== undefined || this.#open.has(position)) return
    if (position < 1 || this.#open.size >= openPositions || this.#init.table.vacant.has(position)) return
    this.#init.damage.tell(error, 'a peer that has the batch is asked for it')
    this.#open.add(position)
    this.#working ??= this.#work()
  }

  /** Looks again at what was noted before: a record that is whole by now is no hole. */
  async recheck(): Promise<void> {
    const { table } = this.#init
    const whole: Hole[] = []
    for (const hole of table.values()) {
      if (hole.kind === 'record' && (await this.#isWhole(hole.position))) whole.push(hole)
    }
    if (whole.length === 0) return
    await this.#init.commit(({ write }) => {
      for (const { position } of whole) write.del(holeKey(position))
    })
    for (const hole of whole) table.remove(hole)
    table.changed()
  }

  async close(): Promise<void> {
    this.#closed = true
    while (this.#working !== undefined) await this.#working
  }

  /** What a WANT for each hole says; the first `limit` by position. */
  async missing(limit: number): Promise<MissingHere[]> {
    const { table, state } = this.#init
    const found: MissingHere[] = []
    for (const hole of table.values().slice(0, limit)) {
      const { authors } = state()
      if (hole.author >= authors.size) continue
      const author = authors.nameOf(hole.author)
      const tip: Tip = { author, epoch: hole.epoch, seq: hole.seq, id: shortId(hole.id) }
      const have = await this.#before(hole)
      const { id: batch, position } = hole
      found.push({ tip, batch, position, have, nobody: table.isUnanswered(batch) })
    }
    return found
  }

  async #work(): Promise<void> {
    await undefined // what one reader meets in one turn is looked up together
    try {
      while (this.#open.size > 0 && !this.#closed) {
        const positions = [...this.#open]
        this.#open.clear()
        await this.#find(positions)
      }
    } catch (error) {
      // Nobody waits for this: what a full or closing disk did not take is found again by whoever reads there next.
      if (!isNatterError(error)) throw error
    } finally {
      this.#working = undefined
    }
  }

  async #find(positions: readonly number[]): Promise<void> {
    const { state, table, commit, hashes } = this.#init
    const wanted = new Set<number>()
    for (const position of positions) if (!(await this.#isWhole(position))) wanted.add(position)
    const found: Hole[] = []
    for (const { author, epoch, branch, seq, id, position } of state().tips.values()) {
      if (wanted.delete(position)) found.push({ kind: 'record', author, epoch, branch, seq, id, position })
    }
    if (wanted.size > 0) found.push(...(await this.#inIndex(wanted)))
    for (const position of wanted) table.open.add(position)
    if (found.length === 0) return
    for (const hole of found) table.add(hole)
    table.changed()
    await commit(({ write }) => {
      for (const hole of found) if (table.at(hole.position) === hole) putHole(write, hole, hashes)
    })
  }

  async #isWhole(position: number): Promise<boolean> {
    const { disk, hashes } = this.#init
    try {
      const key = logKey(position)
      const value = await disk.get(key)
      if (value === undefined) return false
      decodeLog(key, value, position, hashes)
      return true
    } catch (error) {
      if (!isDamage(error)) throw error
      return false
    }
  }

  async #inIndex(wanted: Set<number>): Promise<Hole[]> {
    const { disk, hashes } = this.#init
    const found: Hole[] = []
    const iterator = disk.iterate(spaceRange(SPACE.index))
    try {
      for (
        let page = await iterator.next(pageEntries);
        page.length > 0 && wanted.size > 0 && !this.#closed;
        page = await iterator.next(pageEntries)
      ) {
        for (const [key, value] of page) {
          const entry = readIndex(key, value, hashes)
          if (entry !== undefined && wanted.delete(entry.position)) found.push({ kind: 'record', ...entry })
        }
      }
      return found
    } finally {
      await iterator.close()
    }
  }

  /** Batches right before the hole in its author's log, so that an answer holds little more than the hole. */
  async #before(hole: Place): Promise<Tip[]> {
    const { lineage, state } = this.#init
    const have: Tip[] = []
    const name = async (branch: number, epoch: Place['epoch'], seq: number): Promise<boolean> => {
      const { author } = hole
      const record = await intact(lineage.at({ author, epoch, branch }, seq))
      if (record === undefined) return false
      have.push({ author: state().authors.nameOf(author), epoch, seq, id: shortId(record.id) })
      return true
    }
    const branch = await intact(lineage.branch(hole))
    const parent = branch?.parent
    for (let seq = hole.seq - 1; seq >= 1 && seq >= hole.seq - namedBack; seq--) {
      const on = parent !== undefined && seq <= parent.seq ? parent.branch : hole.branch
      if (await name(on, hole.epoch, seq)) break
    }
    for (const dep of branch?.deps ?? []) {
      if (dep.atSeq === hole.seq) await name(dep.branch, dep.epoch, dep.seq)
    }
    return have
  }
}

/** What reads as damaged counts as not there. */
async function intact<T>(read: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await read
  } catch (error) {
    if (!isDamage(error)) throw error
    return undefined
  }
}

/** The place that an index entry names; undefined for a damaged one. */
export function readIndex(key: Uint8Array, value: Uint8Array, hashes: Hashes): Place | undefined {
  try {
    const { id, position } = decodeIndex(key, value, hashes)
    return { ...chainOfKey(key), seq: readUint(key, INDEX_KEY_BYTES - 6, 6), id, position }
  } catch (error) {
    if (!isDamage(error)) throw error
    return undefined
  }
}

/** The words of the event that a hole was filled. */
export function filledText({ id, position }: Hole): string {
  return `batch ${id.slice(0, 16)} at position ${position} of the log is whole again`
}

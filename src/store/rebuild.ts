/**
 * A cell made again from the log: its history index names the ops, the ops give the heads, as when they were applied.
 *
 * Keeps: what it answers is what the log says, or it throws `STORE_DAMAGED`; each batch of the history is read whole and
 * has to have exactly the ops on the key that the index names. Rests on the keys of the history index, which LevelDB
 * checks, and on the places of batches. Used where a cell does not verify: one damaged record then costs a walk over the
 * history of one key, and nothing is lost.
 */
import type { Hashes } from '../base/index.js'
import type { Disk, DiskSnapshot } from '../disk/index.js'
import type { Identity } from '../log/index.js'
import { shortId } from '../log/index.js'
import type { Strategy } from '../merge/index.js'
import type { OpTarget } from './apply.js'
import { applyOps } from './apply.js'
import type { AuthorTable } from './authors.js'
import { DraftCells } from './cells.js'
import { ClientIds } from './client-ids.js'
import type { CellRecord } from './heads.js'
import { cellOf } from './heads.js'
import type { LogReader } from './history.js'
import { cellKey, historyRange, placeOfKey, textOf } from './keys.js'
import type { Lineage, Place } from './lineage.js'
import type { LogRecord } from './log-record.js'
import type { RemoteOp } from './prepare.js'
import { remoteOps } from './prepare.js'
import { damaged } from './records.js'

export interface RebuildInit {
  readonly disk: Disk
  readonly hashes: Hashes
  readonly authors: () => AuthorTable
  readonly strategy: (key: Uint8Array) => Strategy
  readonly log: LogReader
  readonly lineage: Lineage
}

/** A cell as the log gives it. */
export interface RebuiltCell extends CellRecord {
  /** As it was at the position up to which digest and counts hold what this key is at. */
  readonly accounted: CellRecord
  /** Identities of which a copy was overwritten. */
  readonly overwritten: readonly Identity[]
}

/** The cell of a key; undefined when no op of the log is on it. */
export type RebuildCell = (
  key: Uint8Array,
  options?: {
    readonly snapshot?: DiskSnapshot | undefined
    /** Position up to which digest and counts hold what this key is at. @default all */
    readonly accountedTo?: number | undefined
  }
) => Promise<RebuiltCell | undefined>

export function cellRebuilder(init: RebuildInit): RebuildCell {
  return async (key, { snapshot, accountedTo = Number.POSITIVE_INFINITY } = {}) => {
    const replay = new Replay(init, key)
    let accounted: CellRecord | undefined
    for await (const [position, indexes] of historyOf(init.disk, key, snapshot)) {
      if (accounted === undefined && position > accountedTo) accounted = replay.cell()
      await replay.apply(position, indexes)
    }
    if (replay.isEmpty) return undefined
    const cell = replay.cell()
    return { ...cell, accounted: accounted ?? cell, overwritten: replay.overwritten() }
  }
}

/** The ops on a key as the history index names them: positions in order, each with the indexes of its ops. */
async function* historyOf(
  disk: Disk,
  key: Uint8Array,
  snapshot: DiskSnapshot | undefined
): AsyncGenerator<[position: number, indexes: number[]]> {
  const iterator = disk.iterate(historyRange(key), { snapshot })
  try {
    let last: [position: number, indexes: number[]] | undefined
    for (let page = await iterator.next(256); page.length > 0; page = await iterator.next(256)) {
      for (const [entry] of page) {
        const { position, index } = placeOfKey(entry)
        if (last?.[0] === position) last[1].push(index)
        else {
          if (last !== undefined) yield last
          last = [position, [index]]
        }
      }
    }
    if (last !== undefined) yield last
  } finally {
    await iterator.close()
  }
}

/** One key while the ops on it are applied anew. */
class Replay implements OpTarget {
  readonly cells: DraftCells
  readonly lineage: Lineage
  readonly clientIds = new ClientIds()
  readonly #init: RebuildInit
  readonly #key: Uint8Array
  readonly #text: string
  readonly #identities = new Set<Identity>()
  #applied = false

  constructor(init: RebuildInit, key: Uint8Array) {
    const { hashes, authors, strategy, lineage } = init
    this.#init = init
    this.#key = key
    this.#text = textOf(key)
    this.lineage = lineage
    this.cells = new DraftCells({ hashes, names: authors(), strategy })
    this.cells.load(this.#text, key, cellKey(key), undefined)
  }

  get isEmpty(): boolean {
    return !this.#applied
  }

  cell(): CellRecord {
    const { heads, changedAt } = this.cells.get(this.#text)
    const record = { heads: heads.slice(), changedAt, present: false }
    return { ...record, present: cellOf(record, this.#init.strategy(this.#key)).winner !== undefined }
  }

  overwritten(): Identity[] {
    return [...this.#identities].filter(identity => this.cells.isOverwritten(identity))
  }

  async apply(position: number, indexes: readonly number[]): Promise<void> {
    const { log, hashes, authors } = this.#init
    const record = await log.require(position)
    const { batch, branch } = record
    const ops: (RemoteOp | undefined)[] = remoteOps(batch, hashes).map(entry =>
      entry.text === this.#text ? detached(entry) : undefined
    )
    const found = ops.flatMap((entry, index) => (entry === undefined ? [] : [index]))
    if (found.join() !== indexes.join()) {
      throw damaged('the history of a key', new Error(`it does not fit position ${position} of the log`))
    }
    for (const entry of ops) if (entry?.client) this.#identities.add(entry.client.identity)
    const author = authors().numberOf(batch.header.author)
    if (author === undefined)
      throw damaged('the table of authors', new Error('an author of the log is missing'))
    const chain = { author, epoch: batch.header.epoch, branch }
    const deps = ops.some(entry => entry && entry.op.over.length > 0) ? await this.#depsOf(record) : []
    await applyOps(this, batch, { chain, deps }, ops, position)
    this.#applied = true
  }

  async #depsOf({ batch }: LogRecord): Promise<Place[]> {
    const places: Place[] = []
    for (const { author, epoch, seq, id } of batch.header.deps) {
      const number = this.#init.authors().numberOf(author)
      const place =
        number === undefined ? undefined : await this.lineage.find(number, epoch, seq, shortId(id))
      if (place === undefined) throw damaged('the index', new Error(`a dep of batch ${batch.id} is missing`))
      places.push(place)
    }
    return places
  }

  addClientOp(): void {
    // Which copy of an id was first is kept by its own record.
  }

  addHistory(): void {
    // It is what is read here.
  }
}

/** Without the rest of its body, since it may be held for the whole walk. */
function detached({ op, text, client }: RemoteOp): RemoteOp {
  const kept = { ...op, key: op.key.slice(), ...(op.value !== undefined && { value: op.value.slice() }) }
  return client === undefined ? { op: kept, text } : { op: kept, text, client }
}

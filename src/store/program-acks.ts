/**
 * What programs acknowledged. A program says which ops it has one by one, in any order: all up to its position are in its
 * account, what it has above stands as single marks until they join up.
 *
 * Keeps: an acknowledgement is on disk before it is told, and memory follows the disk; one of a program costs what it
 * brings, not what stands. Marks are bounded: above `keptMarks` only those at the first batch that is not complete are
 * taken, so that the position can always go on, and the others stay unacknowledged until they come again.
 */
import { EMPTY_BYTES, NatterError, utf8 } from '../base/index.js'
import type { ByteRange, Disk } from '../disk/index.js'
import type { OpName } from '../log/index.js'
import { formatOpId } from '../log/index.js'
import { isDamage } from './damage.js'
import type { Draft } from './draft.js'
import type { LogReader } from './history.js'
import type { PeerRecord } from './index.js'
import { programAckKey, programAckRange } from './keys.js'
import type { Lineage, Place } from './lineage.js'
import type { PeerTable } from './peers.js'
import type { UpkeepRequest } from './requests.js'
import type { State } from './state.js'

/** Marks of one program: as many as a batch has ops, 5 MB on disk with a short name. */
export const keptMarks = 65_536
/** Positions that one acknowledgement joins up at most; the rest follows with the next. */
const joinedPositions = 1024
/** Positions of which the number of ops is remembered. */
const countedPositions = 1024

const NEW_PROGRAM: PeerRecord = {
  acked: 0,
  ackedAtMs: 0,
  durable: true,
  kind: 'program',
  blocked: false,
  addrs: []
}

/** Ops by position, in order. */
type Places = readonly (readonly [position: number, indexes: ReadonlySet<number>])[]

/** What is known of a program's marks. */
interface Front {
  /** All marks. */
  readonly total: number
  /** Marks at the position behind `acked`; undefined where they were not counted. */
  readonly next: number | undefined
  readonly acked: number
}

export interface ProgramAcksInit {
  readonly disk: Disk
  readonly log: LogReader
  readonly lineage: Lineage
  readonly peers: PeerTable
  readonly state: () => State
  /** Has `run` take part in a commit; resolves when that is durable. */
  readonly commit: (run: UpkeepRequest['run']) => Promise<void>
}

export class ProgramAcks {
  readonly #init: ProgramAcksInit
  readonly #fronts = new Map<string, Front>()
  readonly #counts = new Map<number, number>()
  /** One change at a time: each begins with what the one before it made durable. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(init: ProgramAcksInit) {
    this.#init = init
  }

  /** What is remembered may not have been made: it is read again. */
  clear(): void {
    this.#fronts.clear()
    this.#counts.clear()
  }

  /** Marks ops as delivered to a program; those that are not known here are ignored. */
  async ack(from: string, names: readonly OpName[]): Promise<void> {
    const places = await this.#placesOf(names)
    await this.#inTurn(() => this.#init.commit(draft => this.#join(draft, from, places)))
  }

  /** Forgets a program or a peer, and all it acknowledged. */
  async forget(from: string): Promise<void> {
    const { disk, peers, commit } = this.#init
    await this.#inTurn(() =>
      commit(async draft => {
        for await (const key of marksOf(disk, programAckRange(utf8(from)))) draft.write.del(key)
        const forgotten = peers.forget(from, draft.write)
        draft.afterwards.push(forgotten, () => this.#fronts.delete(from))
      })
    )
  }

  /** Whether the program acknowledged the op. */
  async has(from: string, name: OpName): Promise<boolean> {
    const [place] = await this.#placesOf([name])
    if (place === undefined) return false
    const [position] = place
    if (position <= (this.#init.peers.get(from)?.acked ?? 0)) return true
    return (await this.#init.disk.get(programAckKey(utf8(from), position, name.index))) !== undefined
  }

  #inTurn(run: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(run)
    this.#turn = turn.catch(() => undefined) // told to its caller
    return turn
  }

  /** Where the ops stand that are known here, by position in order; each batch is looked at once. */
  async #placesOf(names: readonly OpName[]): Promise<Places> {
    const batches = new Map<string, { name: OpName; places: Place[] }>()
    const found = new Map<number, Set<number>>()
    for (const name of names) {
      const { author, epoch, seq, index, branch } = name
      const text = `${author}/${epoch}/${seq}`
      let batch = batches.get(text)
      if (batch === undefined) {
        const number = this.#init.state().authors.numberOf(author)
        const places = number === undefined ? [] : await this.#init.lineage.findAll(number, epoch, seq)
        batch = { name, places }
        batches.set(text, batch)
      }
      const fitting: Place[] = []
      for (const place of batch.places) {
        if (branch !== undefined && !place.id.startsWith(branch)) continue
        if (index < (await this.#opCount(place.position))) fitting.push(place)
      }
      if (fitting.length > 1) throw ambiguous(name, fitting)
      for (const { position } of fitting) {
        const indexes = found.get(position)
        if (indexes === undefined) found.set(position, new Set([index]))
        else indexes.add(index)
      }
    }
    return [...found].sort(([a], [b]) => a - b)
  }

  async #opCount(position: number): Promise<number> {
    let count = this.#counts.get(position)
    if (count === undefined) {
      count = (await this.#init.log.decoded(position)).ops.length
      if (this.#counts.size >= countedPositions) this.#counts.delete(this.#counts.keys().next().value!)
      this.#counts.set(position, count)
    }
    return count
  }

  async #join(draft: Draft, from: string, places: Places): Promise<void> {
    const { disk, peers } = this.#init
    const { write, init } = draft
    const name = utf8(from)
    const record = peers.get(from)
    let { acked, total, next } = await this.#frontOf(name, from, record?.acked ?? 0)
    const fresh = await unmarked(disk, name, places, acked)
    for (let steps = 0; acked < init.state.mark.position && steps < joinedPositions; steps++) {
      const position = acked + 1
      next ??= await this.#countAt(name, position)
      const count = await this.#completeAt(position)
      if (next + (fresh.get(position)?.length ?? 0) < count) break
      if (next > 0)
        for (let index = 0; index < count; index++) write.del(programAckKey(name, position, index))
      fresh.delete(position)
      total -= next
      next = undefined
      acked = position
    }
    for (const [position, indexes] of fresh) {
      const isNext = position === acked + 1
      for (const index of indexes) {
        if (!isNext && total >= keptMarks) break
        write.put(programAckKey(name, position, index), EMPTY_BYTES)
        total++
        if (isNext && next !== undefined) next++
      }
    }
    const ackedAtMs = init.nowMs
    const account = peers.put(from, before => ({ ...(before ?? NEW_PROGRAM), acked, ackedAtMs }), write)
    draft.afterwards.push(account, () => this.#fronts.set(from, { total, next, acked }))
  }

  async #frontOf(name: Uint8Array, from: string, acked: number): Promise<Front> {
    const known = this.#fronts.get(from)
    if (known?.acked === acked) return known
    let total = 0
    for await (const _ of marksOf(this.#init.disk, programAckRange(name))) total++
    return { acked, total, next: undefined }
  }

  async #countAt(name: Uint8Array, position: number): Promise<number> {
    const range = { gte: programAckKey(name, position, 0), lte: programAckKey(name, position, 0xffff) }
    let count = 0
    for await (const _ of marksOf(this.#init.disk, range)) count++
    return count
  }

  /** Marks that make a position complete; what cannot be read is never complete. */
  async #completeAt(position: number): Promise<number> {
    try {
      return await this.#opCount(position)
    } catch (error) {
      if (isDamage(error)) return Number.POSITIVE_INFINITY
      throw error
    }
  }
}

/** Those of `places` above `acked` that carry no mark yet, in order of position. */
async function unmarked(
  disk: Disk,
  name: Uint8Array,
  places: Places,
  acked: number
): Promise<Map<number, number[]>> {
  const above = places.filter(([position]) => position > acked)
  const pairs = above.flatMap(([position, indexes]) => [...indexes].map(index => [position, index] as const))
  const marks = await disk.getMany(pairs.map(([position, index]) => programAckKey(name, position, index)))
  const fresh = new Map<number, number[]>()
  for (let i = 0; i < pairs.length; i++) {
    if (marks[i] !== undefined) continue
    const [position, index] = pairs[i]!
    const indexes = fresh.get(position)
    if (indexes === undefined) fresh.set(position, [index])
    else indexes.push(index)
  }
  return fresh
}

function ambiguous(name: OpName, places: readonly Place[]): NatterError {
  const ids = places.map(({ id }) => formatOpId({ ...name, branch: id.slice(0, 8) }))
  return new NatterError('AMBIGUOUS_OP_ID', `more than one op fits: ${ids.join(', ')}`, { details: { ids } })
}

/** The keys of a program's marks, in order of position. */
async function* marksOf(disk: Disk, range: ByteRange): AsyncGenerator<Uint8Array> {
  const iterator = disk.iterate(range)
  try {
    for (let page = await iterator.next(1024); page.length > 0; page = await iterator.next(1024)) {
      for (const [key] of page) yield key
    }
  } finally {
    await iterator.close()
  }
}

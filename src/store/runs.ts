/**
 * Answering WANTs: the batches behind the wanted tips in their authors' logs, without those behind what is held there,
 * across epochs and branches, merged in arrival order so that nothing needs parking at the other side.
 *
 * Memory holds one page of index entries per branch, and of batches what was asked for or a single one, however long
 * the answer is. Where a record is damaged the rest of its branch is left out and the others are answered.
 */
import type { Hashes } from '../base/index.js'
import type { Disk } from '../disk/index.js'
import type { Batch, Want } from '../log/index.js'
import type { DamageReports } from './damage.js'
import { isDamage, readIntact } from './damage.js'
import type { LogReader } from './history.js'
import type { RunReader } from './index.js'
import type { Chain } from './keys.js'
import { INDEX_KEY_BYTES, indexKey, logKey, readUint } from './keys.js'
import type { Lineage } from './lineage.js'
import { chainText } from './lineage.js'
import type { LogRecord } from './log-record.js'
import { damaged, decodeIndex } from './records.js'
import type { End } from './run-proof.js'
import { proveRun } from './run-proof.js'

/** Index entries that one range holds: bounded also when there are thousands of ranges. */
const pageEntries = 64
/** Batches of one read of the log at most. */
const pageBatches = 64

interface Entry {
  readonly seq: number
  readonly position: number
  /** Bytes of its record in the log. */
  readonly bytes: number
}

interface Stop extends Entry {
  readonly chain: Chain
}

/** A stretch of one branch. */
class Range {
  readonly chain: Chain
  readonly #disk: Disk
  readonly #hashes: Hashes
  readonly #to: number
  #from: number
  #page: Entry[] = []
  #at = 0

  constructor(disk: Disk, hashes: Hashes, chain: Chain, from: number, to: number) {
    this.#disk = disk
    this.#hashes = hashes
    this.chain = chain
    this.#from = from
    this.#to = to
  }

  get head(): Entry | undefined {
    return this.#page[this.#at]
  }

  /** Goes on to the next entry; answers false at the end. */
  async advance(): Promise<boolean> {
    if (this.#at + 1 < this.#page.length) {
      this.#at++
      return true
    }
    if (this.#from > this.#to) return false
    this.#page = await this.#read()
    this.#at = 0
    this.#from += this.#page.length
    return true
  }

  async #read(): Promise<Entry[]> {
    const { chain } = this
    const count = Math.min(pageEntries, this.#to - this.#from + 1)
    const gte = indexKey(chain, this.#from)
    const iterator = this.#disk.iterate({ gte, lte: indexKey(chain, this.#to), limit: count })
    try {
      const entries: Entry[] = []
      while (entries.length < count) {
        const page = await iterator.next(count - entries.length)
        if (page.length === 0) break
        for (const [key, value] of page) {
          const { position, bytes } = decodeIndex(key, value, this.#hashes)
          entries.push({ seq: readUint(key, INDEX_KEY_BYTES - 6, 6), position, bytes })
        }
      }
      if (entries.length < count) throw damaged(`the index of ${chainText(chain)}`, new Error('it has a gap'))
      return entries
    } finally {
      await iterator.close()
    }
  }
}

type Piece = Awaited<ReturnType<RunReader['next']>>

export interface RunInit {
  readonly disk: Disk
  readonly hashes: Hashes
  readonly log: LogReader
  readonly lineage: Lineage
  readonly damage: DamageReports
}

export class Run implements RunReader {
  readonly #init: RunInit
  /** A heap by position. */
  readonly #ranges: Range[] = []
  /** What of each branch was taken into this walk. */
  readonly #taken = new Map<string, { from: number; to: number }>()
  /** The last batch of each branch that was given. */
  readonly #ends = new Map<string, End>()
  /** From which seq on a branch is left out: a record of it is damaged. */
  readonly #cut = new Map<string, number>()
  #read: { chain: Chain; record: LogRecord }[] = []

  constructor(init: RunInit) {
    this.#init = init
  }

  async add(want: Want): Promise<boolean> {
    try {
      return await this.#add(want)
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#init.damage.tell(error, 'what is behind a wanted tip cannot be told, so it is not sent')
      return true
    }
  }

  async #add(want: Want): Promise<boolean> {
    const { log, lineage } = this.#init
    const tip = await log.place(want.tip)
    const have = await Promise.all(want.have.map(held => log.place(held)))
    if (have.length > 0 && have.every(place => place === undefined)) return false
    if (tip === undefined) return true
    const ends = have.flatMap(place => (place === undefined ? [] : [{ chain: place, seq: place.seq }]))
    const held = await lineage.ancestry(ends)
    for (const [text, { chain, seq }] of await lineage.ancestry([{ chain: tip, seq: tip.seq }])) {
      const begins = (await lineage.branch(chain))?.parent?.seq ?? 0
      await this.#take(chain, Math.max(begins, held.get(text)?.seq ?? 0) + 1, seq)
    }
    return true
  }

  async next(maxBytes: number): Promise<Piece> {
    let piece = await this.#piece(maxBytes)
    while (piece.batches.length === 0 && !piece.done) piece = await this.#piece(maxBytes)
    return piece
  }

  async #piece(maxBytes: number): Promise<Piece> {
    const batches: Batch[] = []
    let bytes = 0
    while (bytes < maxBytes || batches.length === 0) {
      if (this.#read.length === 0) await this.#readMore(maxBytes - bytes)
      const entry = this.#read.shift()
      if (entry === undefined) break
      const { chain, record } = entry
      const { batch } = record
      // Headers count as well: of the smallest batches there would be thousands otherwise.
      const taken = batch.headerBytes.length + batch.body.length
      if (batches.length > 0 && bytes + taken > maxBytes) {
        this.#read.unshift(entry)
        break
      }
      bytes += taken
      batches.push(batch)
      this.#ends.set(chainText(chain), { chain, batch })
    }
    const done = this.#read.length === 0 && this.#ranges.length === 0
    const { sent, proof, cut } = await proveRun(this.#init, batches, this.#ends.values())
    this.#ends.clear()
    for (const [text, seq] of cut) this.#cut.set(text, seq)
    return { batches: sent, proof, done }
  }

  async close(): Promise<void> {
    this.#ranges.length = 0
    this.#read = []
  }

  /** Takes in what of a stretch is not part of the walk yet. */
  async #take(chain: Chain, from: number, to: number): Promise<void> {
    if (from > to) return
    const text = chainText(chain)
    const taken = this.#taken.get(text)
    if (taken === undefined) {
      this.#taken.set(text, { from, to })
      await this.#push(chain, from, to)
      return
    }
    this.#taken.set(text, { from: Math.min(from, taken.from), to: Math.max(to, taken.to) })
    if (from < taken.from) await this.#push(chain, from, taken.from - 1)
    if (to > taken.to) await this.#push(chain, taken.to + 1, to)
  }

  async #push(chain: Chain, from: number, to: number): Promise<void> {
    const range = new Range(this.#init.disk, this.#init.hashes, chain, from, to)
    if (!(await this.#advance(range))) return
    const heap = this.#ranges
    let at = heap.push(range) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (positionOf(heap[parent]!) <= positionOf(range)) break
      heap[at] = heap[parent]!
      heap[parent] = range
      at = parent
    }
  }

  /** Whether the range goes on: not where its index is damaged, nor where its branch is left out. */
  async #advance(range: Range): Promise<boolean> {
    try {
      return (await range.advance()) && !this.#isCut({ chain: range.chain, ...range.head! })
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#init.damage.tell(error, 'the rest of that branch is not sent')
      return false
    }
  }

  #isCut({ chain, seq }: Pick<Stop, 'chain' | 'seq'>): boolean {
    return this.#cut.size > 0 && seq >= (this.#cut.get(chainText(chain)) ?? Number.POSITIVE_INFINITY)
  }

  /** The next place in arrival order, unless its record takes more than `bytes`. */
  async #pop(bytes: number): Promise<Stop | undefined> {
    const heap = this.#ranges
    const range = heap[0]
    if (range === undefined || range.head!.bytes > bytes) return undefined
    const stop = { chain: range.chain, ...range.head! }
    if (!(await this.#advance(range))) {
      const last = heap.pop()!
      if (heap.length > 0) heap[0] = last
    }
    this.#sink()
    return stop
  }

  #sink(): void {
    const heap = this.#ranges
    for (let at = 0; ; ) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && positionOf(heap[child]!) < positionOf(heap[least]!)) least = child
      }
      if (least === at) return
      const range = heap[at]!
      heap[at] = heap[least]!
      heap[least] = range
      at = least
    }
  }

  /** Reads on, records of `bytes` in all, or one that alone is larger. */
  async #readMore(bytes: number): Promise<void> {
    while (this.#read.length === 0 && this.#ranges.length > 0) {
      const stops: Stop[] = []
      for (let left = bytes; stops.length < pageBatches; ) {
        const stop = await this.#pop(stops.length === 0 ? Number.POSITIVE_INFINITY : left)
        if (stop === undefined) break
        if (!this.#isCut(stop)) stops.push(stop)
        left -= stop.bytes
      }
      const values = await readIntact(
        this.#init.disk,
        stops.map(({ position }) => logKey(position))
      )
      for (let i = 0; i < stops.length; i++) await this.#decode(stops[i]!, values[i])
    }
  }

  async #decode(stop: Stop, value: Uint8Array | undefined): Promise<void> {
    if (this.#isCut(stop)) return
    const { chain, seq, position } = stop
    try {
      const record = value === undefined ? undefined : this.#init.log.decode(logKey(position), value)
      this.#read.push({ chain, record: record ?? (await this.#init.log.require(position)) })
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#cut.set(chainText(chain), seq)
      this.#init.damage.tell(error, 'it and what follows it on its branch are not sent')
    }
  }
}

function positionOf(range: Range): number {
  return range.head!.position
}

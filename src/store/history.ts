/** Reading the log: a batch, an op, the history of a key, everything from a position on, and what changed since. */
import type { Hashes } from '../base/index.js'
import { ByteReader, equalBytes, NatterError } from '../base/index.js'
import type { Disk } from '../disk/index.js'
import type { Batch, ClientIdHash, Op, OpName, Tip } from '../log/index.js'
import { clientMarkOf, findExtension, formatOpId, OP_EXTENSION } from '../log/index.js'
import type { ClientOp } from './client-ids.js'
import { decodeClientOps } from './client-ids.js'
import { isDamage } from './damage.js'
import type { AppliedBatch, Cell, Committed, LoggedOp } from './index.js'
import { clientIdKey, historyRange, logKey, placeOfKey, positionOfKey, textOf } from './keys.js'
import type { Lineage, Place } from './lineage.js'
import type { LogRecord } from './log-record.js'
import { decodeLog } from './log-record.js'
import { opsOf } from './prepare.js'
import type { CellReader } from './reads.js'
import { damaged } from './records.js'
import type { State } from './state.js'

export interface LogReaderInit {
  readonly disk: Disk
  readonly hashes: Hashes
  readonly state: () => State
  readonly lineage: Lineage
  readonly cells: CellReader
  /** A record cannot be read, or is not there although the log goes on behind it. */
  readonly onDamage: (position: number, error: NatterError) => void
  /** Whether the position holds nothing and is known to. */
  readonly isVacant: (position: number) => boolean
}

/** Batches of one read of the disk: large enough to amortise it, small enough for 8 MiB bodies. */
const pageBatches = 4

/** Bytes of bodies that are kept: what is asked for op by op is mostly of one batch, and what follows the log of the newest. */
const keptBytes = 1024 * 1024

/** A batch with its ops, which are decoded when somebody asks for them. */
class DecodedBatch {
  readonly position: number
  readonly batch: Batch
  #ops: readonly Op[] | undefined

  constructor(position: number, batch: Batch) {
    this.position = position
    this.batch = batch
  }

  get ops(): readonly Op[] {
    this.#ops ??= opsOf(this.batch)
    return this.#ops
  }
}

export class LogReader {
  readonly #init: LogReaderInit
  /** The one read last. */
  #last: DecodedBatch | undefined
  /** What the newest commit applied, as far as it is small. */
  #newest: readonly DecodedBatch[] = []

  constructor(init: LogReaderInit) {
    this.#init = init
  }

  /** The batch at a position; undefined when there is none. `STORE_DAMAGED` when it cannot be trusted. */
  async record(position: number): Promise<LogRecord | undefined> {
    const { disk, state } = this.#init
    const key = logKey(position)
    let value: Uint8Array | undefined
    try {
      value = await disk.get(key)
    } catch (error) {
      if (isDamage(error)) this.#init.onDamage(position, error)
      throw error
    }
    if (value !== undefined) return this.decode(key, value)
    if (position > 0 && position < state().mark.position && !this.#init.isVacant(position))
      this.#lacks(position)
    return undefined
  }

  async require(position: number): Promise<LogRecord> {
    return (await this.record(position)) ?? this.#lacks(position)
  }

  /** Reads a record of the log; one that is damaged is noted, and thrown as `STORE_DAMAGED`. */
  decode(key: Uint8Array, value: Uint8Array): LogRecord {
    const position = positionOfKey(key)
    try {
      return decodeLog(key, value, position, this.#init.hashes)
    } catch (error) {
      if (isDamage(error)) this.#init.onDamage(position, error)
      throw error
    }
  }

  #lacks(position: number): never {
    const error = damaged(`position ${position} of the log`, new Error('it is missing'))
    this.#init.onDamage(position, error)
    throw error
  }

  /** The batch at a position and its ops. The one read last is kept, and so is what came last. */
  async decoded(position: number): Promise<DecodedBatch> {
    if (this.#last?.position === position) return this.#last
    const kept = this.#newest.find(one => one.position === position)
    if (kept !== undefined) return kept
    const { batch } = await this.require(position)
    const decoded = new DecodedBatch(position, batch)
    if (batch.body.length <= keptBytes) this.#last = decoded
    return decoded
  }

  /** Whoever follows the log asks next for what was just applied: a disk would be a way to a thread and back. */
  keep(applied: readonly AppliedBatch[]): void {
    if (applied.length === 0) return
    let bytes = 0
    for (const { batch } of applied) bytes += batch.body.length
    this.#newest =
      bytes <= keptBytes ? applied.map(({ batch, mark }) => new DecodedBatch(mark.position, batch)) : []
  }

  /** What is kept may not have been made. */
  clear(): void {
    this.#last = undefined
    this.#newest = []
  }

  /** Batches above `from`, in order. A damaged one ends the walk, or is left out where `onDamage` is given. */
  async *records(
    from: number,
    onDamage?: (error: NatterError) => void
  ): AsyncGenerator<{ position: number; record: LogRecord }> {
    const { disk, state } = this.#init
    const upTo = state().mark.position
    const iterator = disk.iterate({ gt: logKey(from), lte: logKey(2 ** 48 - 1) })
    let expected = from + 1
    const lacks = (before: number): void => {
      for (; expected < before && expected <= upTo; expected++) {
        if (this.#init.isVacant(expected)) continue
        try {
          this.#lacks(expected)
        } catch (error) {
          if (onDamage === undefined || !isDamage(error)) throw error
          onDamage(error)
        }
      }
    }
    try {
      for (
        let page = await iterator.next(pageBatches);
        page.length > 0;
        page = await iterator.next(pageBatches)
      ) {
        for (const [key, value] of page) {
          const position = positionOfKey(key)
          lacks(position)
          expected = position + 1
          let record: LogRecord
          try {
            record = this.decode(key, value)
          } catch (error) {
            if (onDamage === undefined || !isDamage(error)) throw error
            onDamage(error)
            continue
          }
          yield { position, record }
        }
      }
      lacks(upTo + 1)
    } finally {
      await iterator.close()
    }
  }

  async *history(key: Uint8Array): AsyncIterable<LoggedOp> {
    const { disk } = this.#init
    const iterator = disk.iterate({ ...historyRange(key), reverse: true })
    try {
      for (let page = await iterator.next(64); page.length > 0; page = await iterator.next(64)) {
        for (const [entry] of page) {
          const { position, index } = placeOfKey(entry)
          const { batch, ops } = await this.decoded(position)
          const op = ops[index]
          if (op === undefined || !equalBytes(op.key, key))
            throw damaged('the history of a key', new Error('it names another op'))
          yield this.#logged(batch, position, op, index)
        }
      }
    } finally {
      await iterator.close()
    }
  }

  async *replay(from: number): AsyncIterable<LoggedOp> {
    for await (const { position, record } of this.records(from)) {
      const ops = opsOf(record.batch)
      for (let index = 0; index < ops.length; index++) {
        yield this.#logged(record.batch, position, ops[index]!, index)
      }
    }
  }

  async changesAfter(
    from: number,
    count: number
  ): Promise<{ upTo: number; keys: { key: Uint8Array; op: LoggedOp; cell: Cell }[] }> {
    const newest = this.#init.state().mark.position
    const upTo = Math.min(newest, from + count)
    const keys: { key: Uint8Array; op: LoggedOp; cell: Cell }[] = []
    for (let position = from + 1; position <= upTo; position++) {
      if (this.#init.isVacant(position)) continue
      const { batch, ops } = await this.decoded(position)
      const last = new Map<string, number>()
      for (let index = 0; index < ops.length; index++) last.set(textOf(ops[index]!.key), index)
      const indexes = [...last.values()].sort((a, b) => a - b)
      const cells = await this.#init.cells.getMany(indexes.map(index => ops[index]!.key))
      for (let i = 0; i < indexes.length; i++) {
        const cell = cells[i]
        const index = indexes[i]!
        const op = ops[index]!
        if (cell?.changedAt !== position) continue
        keys.push({ key: op.key, op: this.#logged(batch, position, op, index), cell })
      }
    }
    return { upTo: Math.max(upTo, from), keys }
  }

  /** Where a batch of exactly this name and id stands. */
  async place(tip: Tip): Promise<Place | undefined> {
    const state = this.#init.state()
    const number = state.authors.numberOf(tip.author)
    if (number === undefined) return undefined
    const known = state.tips.get(tip.id)
    if (known?.author === number && known.epoch === tip.epoch && known.seq === tip.seq) return known
    return this.#init.lineage.find(number, tip.epoch, tip.seq, tip.id)
  }

  async findOp(name: OpName): Promise<LoggedOp | undefined> {
    const number = this.#init.state().authors.numberOf(name.author)
    if (number === undefined) return undefined
    const all = await this.#init.lineage.findAll(number, name.epoch, name.seq)
    const { branch } = name
    const places = branch === undefined ? all : all.filter(({ id }) => id.startsWith(branch))
    const found: LoggedOp[] = []
    for (const { position } of places) {
      const op = await this.#opAt(position, name.index)
      if (op !== undefined) found.push(op)
    }
    if (found.length > 1) {
      const ids = found.map(({ batch }) => formatOpId({ ...name, branch: batch.slice(0, 8) }))
      throw new NatterError('AMBIGUOUS_OP_ID', `more than one op fits: ${ids.join(', ')}`, {
        details: { ids }
      })
    }
    return found[0]
  }

  async findClientId(hash: ClientIdHash): Promise<LoggedOp[] | undefined> {
    const { disk, hashes } = this.#init
    const key = clientIdKey(hash)
    const value = await disk.get(key)
    if (value === undefined) return undefined
    const ops: ClientOp[] = decodeClientOps(key, value, hashes)
    return this.opsAt([...ops].sort((a, b) => a.number - b.number))
  }

  async opsAt(places: readonly { position: number; index: number }[]): Promise<LoggedOp[]> {
    const found: LoggedOp[] = []
    for (const { position, index } of places) {
      const { batch, ops } = await this.decoded(position)
      const op = ops[index]
      if (op === undefined)
        throw damaged(`position ${position} of the log`, new Error(`it has no op ${index}`))
      found.push(this.#logged(batch, position, op, index))
    }
    return found
  }

  /** The answer to a write whose id was known. */
  async repeated(places: readonly { position: number; index: number }[]): Promise<Committed> {
    const ops = await this.opsAt(places)
    const { batch, position, time } = ops[0]!
    return { ops: ops.map(op => op.name), batch, position, time, repeated: true }
  }

  async #opAt(position: number, index: number): Promise<LoggedOp | undefined> {
    const { batch, ops } = await this.decoded(position)
    const op = ops[index]
    return op === undefined ? undefined : this.#logged(batch, position, op, index)
  }

  #logged({ id, header }: Batch, position: number, op: Op, index: number): LoggedOp {
    const { author, epoch, seq, time } = header
    const { authors, forks } = this.#init.state()
    const number = authors.numberOf(author)
    const isForked = number !== undefined && forks.covers({ author: number, epoch, seq })
    const name = { author, epoch, seq, index, ...(isForked && { branch: id.slice(0, 8) }) }
    const { kind, key, value } = op
    const writerTimeMs = writerTimeOf(op)
    const clientId = clientMarkOf(op, this.#init.hashes)?.id
    return {
      name,
      batch: id,
      position,
      time,
      kind,
      key,
      ...(value !== undefined && { value }),
      ...(writerTimeMs !== undefined && { writerTimeMs }),
      ...(clientId !== undefined && { clientId })
    }
  }
}

function writerTimeOf(op: Op): number | undefined {
  if (op.extensions.length === 0) return undefined
  const block = findExtension(op.extensions, OP_EXTENSION.writerTime)
  return block?.length === 6 ? new ByteReader(block).u48() : undefined
}

/**
 * What the store holds in memory: authors, tips, mark, totals, digest and time. Nothing for each epoch, batch or op, and of
 * keys a filter of bounded size.
 * It is what the newest durable commit says, and is loaded from disk at open and after a fence.
 */
import type { Hashes, KeyFilterBounds } from '../base/index.js'
import { type ByteReader, isNatterError, NatterError, toHex } from '../base/index.js'
import type { Disk } from '../disk/index.js'
import type {
  Author,
  BatchId,
  DatabaseId,
  Epoch,
  HybridTime,
  Mark,
  ShortId,
  StoreId,
  Tip
} from '../log/index.js'
import { Frontier, StateDigest, shortId, ZERO_TIME } from '../log/index.js'
import { AuthorTable } from './authors.js'
import { readRenewal } from './checks.js'
import { decodeFork, ForkTable } from './forks.js'
import { KeyFilter } from './key-filter.js'
import { logKey, META_KEY, positionOfKey, putHex, readUint, SPACE, spaceRange } from './keys.js'
import type { LogRecord } from './log-record.js'
import { decodeLog, NO_CHECK, nextCheck } from './log-record.js'
import type { TipRecord } from './records.js'
import { carriesChecksum, damaged, decodeTip, RECORD_VERSION, readRecord, writeRecord } from './records.js'

export interface Totals {
  ops: number
  keys: number
  bytes: number
}

/** Where this node's own log goes on. */
export interface OwnChain {
  readonly epoch: Epoch
  readonly branch: number
  readonly seq: number
  readonly id: BatchId
}

/** What the meta record says. */
export interface Meta {
  readonly storeId: StoreId
  readonly database: DatabaseId
  readonly author: Author
  readonly mark: Mark
  readonly totals: Totals
  readonly digest: Uint8Array
  /** The greatest hybrid time used or taken over here. */
  readonly time: HybridTime
}

export class State {
  readonly authors = new AuthorTable()
  readonly tips = new Map<ShortId, TipRecord>()
  readonly tipsByAuthor = new Map<number, Map<ShortId, TipRecord>>()
  readonly forks = new ForkTable()
  readonly keys: KeyFilter
  frontier = new Frontier()
  mark: Mark = { position: 0, check: NO_CHECK }
  totals: Totals = { ops: 0, keys: 0, bytes: 0 }
  digest = new StateDigest()
  time: HybridTime = ZERO_TIME
  /** Undefined until the first write after an open, a fence, or a fork of the epoch. */
  own: OwnChain | undefined

  constructor(keyFilter: KeyFilterBounds) {
    this.keys = new KeyFilter(keyFilter)
  }

  addTip(tip: TipRecord): void {
    const id = shortId(tip.id)
    this.tips.set(id, tip)
    let tips = this.tipsByAuthor.get(tip.author)
    if (tips === undefined) {
      tips = new Map()
      this.tipsByAuthor.set(tip.author, tips)
    }
    tips.set(id, tip)
  }

  removeTip(tip: TipRecord): void {
    const id = shortId(tip.id)
    this.tips.delete(id)
    const tips = this.tipsByAuthor.get(tip.author)
    tips?.delete(id)
    if (tips?.size === 0) this.tipsByAuthor.delete(tip.author)
  }

  tipName(tip: TipRecord): Tip {
    return { author: this.authors.nameOf(tip.author), epoch: tip.epoch, seq: tip.seq, id: shortId(tip.id) }
  }
}

export function encodeMeta(meta: Meta, hashes: Hashes): Uint8Array {
  const names = new Uint8Array(8 + 32 + 32 + 8)
  putHex(names, 0, meta.storeId)
  putHex(names, 8, meta.database)
  putHex(names, 40, meta.author)
  putHex(names, 72, meta.mark.check)
  return writeRecord(
    META_KEY,
    hashes,
    writer => {
      writer.bytes(names).u48(meta.mark.position)
      writer.u48(meta.totals.ops).u48(meta.totals.keys).u48(meta.totals.bytes)
      writer.bytes(meta.digest).u48(meta.time.ms).u16(meta.time.counter)
    },
    160
  )
}

export function decodeMeta(value: Uint8Array, hashes: Hashes): Meta {
  const version = value[0]!
  // With a checksum that does not fit, the version is what is damaged.
  if (version > RECORD_VERSION && carriesChecksum(META_KEY, value, hashes)) {
    throw new NatterError(
      'FORMAT_UNKNOWN',
      `the store has format ${version}, this natter knows ${RECORD_VERSION}`
    )
  }
  return readRecord(META_KEY, value, hashes, 'the meta record', (reader: ByteReader) => {
    const storeId = toHex(reader.bytes(8)) as StoreId
    const database = toHex(reader.bytes(32)) as DatabaseId
    const author = toHex(reader.bytes(32)) as Author
    const check = toHex(reader.bytes(8))
    const mark = { position: reader.u48(), check }
    const totals = { ops: reader.u48(), keys: reader.u48(), bytes: reader.u48() }
    const digest = reader.bytes(16).slice()
    return {
      storeId,
      database,
      author,
      mark,
      totals,
      digest,
      time: { ms: reader.u48(), counter: reader.u16() }
    }
  })
}

export interface StateSource {
  readonly disk: Disk
  readonly meta: Meta | undefined
  readonly hashes: Hashes
  readonly keyFilter: KeyFilterBounds
  /** Takes positions at the end whose records are damaged, and that tips and mark name all the same: they are fetched again. */
  readonly lost: number[]
  /** Whether no batch is known at the position. */
  readonly isGap: (position: number) => boolean
}

/** Reads everything that memory holds, and checks the end of the log. No replay. */
export async function loadState({ disk, meta, hashes, keyFilter, lost, isGap }: StateSource): Promise<State> {
  const state = new State(keyFilter)
  await each(disk, SPACE.author, (key, value) => state.authors.load(key, value, hashes))
  await each(disk, SPACE.tip, (key, value) => {
    state.addTip(decodeTip(key, value, readUint(key, 1, 4), hashes))
  })
  await each(disk, SPACE.fork, (key, value) => state.forks.add(decodeFork(key, value, hashes)))
  state.frontier = new Frontier([...state.tips.values()].map(tip => state.tipName(tip)))
  if (meta !== undefined) {
    state.mark = meta.mark
    state.totals = { ...meta.totals }
    state.digest = new StateDigest(meta.digest)
    state.time = meta.time
  }
  await checkTail(disk, state, { hashes, lost, isGap })
  if (state.mark.position === 0) state.keys.complete({ number: 0, from: 0, keys: [], listedBytes: 0 })
  return state
}

export async function each(
  disk: Disk,
  space: number,
  take: (key: Uint8Array, value: Uint8Array) => unknown
): Promise<void> {
  const iterator = disk.iterate(spaceRange(space))
  try {
    for (let page = await iterator.next(256); page.length > 0; page = await iterator.next(256)) {
      for (const [key, value] of page) take(key, value)
    }
  } finally {
    await iterator.close()
  }
}

/** The newest batch stands at the mark, carries its check, and is a tip. */
async function checkTail(
  disk: Disk,
  state: State,
  { hashes, lost, isGap }: { hashes: Hashes; lost: number[]; isGap: (position: number) => boolean }
): Promise<void> {
  const { position, check } = state.mark
  const end = await endOfLog(disk)
  if (end > position) throw damaged(`position ${position} of the log`, new Error(`the log ends at ${end}`))
  if (position === 0) return
  const last = await recordAt(disk, position, hashes)
  const before = position === 1 ? NO_CHECK : (await recordAt(disk, position - 1, hashes))?.check
  const tip = [...state.tips.values()].find(other => other.position === position)
  // A repair found nothing that tells which batch stood at the end: its own record says so.
  if (last === undefined && tip === undefined && isGap(position)) return
  if (tip === undefined) {
    throw damaged(`position ${position} of the log`, new Error('the newest batch is no tip'))
  }
  if (last === undefined) lost.push(position)
  if (before === undefined) lost.push(position - 1)
  const isOther = last !== undefined && last.batch.id !== tip.id
  const carries = last === undefined || last.check === check
  const follows = before === undefined || nextCheck(before, tip.id, hashes) === check
  // Where it is known not to fit, that is put right behind the opening.
  if (isOther || (!(carries && follows) && typeof (await readRenewal(disk, hashes)) !== 'number')) {
    throw damaged(`position ${position} of the log`, new Error('the running check does not fit'))
  }
}

/** The last position of which there is a record, damaged or not; 0 for an empty log. */
async function endOfLog(disk: Disk): Promise<number> {
  const iterator = disk.iterate({ gte: logKey(0), lte: logKey(2 ** 48 - 1), reverse: true, limit: 1 })
  try {
    const [entry] = await iterator.next(1)
    return entry === undefined ? 0 : positionOfKey(entry[0])
  } finally {
    await iterator.close()
  }
}

/** Undefined for one that is damaged or missing. */
async function recordAt(disk: Disk, position: number, hashes: Hashes): Promise<LogRecord | undefined> {
  const key = logKey(position)
  const value = await disk.get(key)
  if (value === undefined) return undefined
  try {
    return decodeLog(key, value, position, hashes)
  } catch (error) {
    if (!isNatterError(error, 'STORE_DAMAGED')) throw error
    return undefined
  }
}

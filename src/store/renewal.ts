/**
 * Makes the running checks fit again behind batches that came back in another order than they were lost in: from the
 * position that the note names up to the end of the log, a piece at a time, with commits of writes between the pieces.
 *
 * Each piece is one synced commit with the note of where to go on, so a renewal that is cut goes on there; the last one
 * takes the mark along. Cursors of peers that rest on a check of old are void by themselves.
 */
import type { Hashes } from '../base/index.js'
import { isNatterError } from '../base/index.js'
import type { Disk, DiskWrite } from '../disk/index.js'
import { CheckChain, encodeRenewal, readRenewal } from './checks.js'
import type { Committer } from './commit.js'
import { isDamage } from './damage.js'
import type { LogReader } from './history.js'
import type { HoleTable } from './holes.js'
import { logKey, META_KEY, positionOfKey, RENEWAL_KEY } from './keys.js'
import type { LogRecord } from './log-record.js'
import { decodeLog, encodeLog } from './log-record.js'
import type { State } from './state.js'
import { decodeMeta, encodeMeta } from './state.js'

/** Records of one read: few, since each may have a body of 8 MiB. */
const pageRecords = 8
/** Bytes of records that one piece looks at, and records: what is written waits for so long. */
const pieceBytes = 4 * 1024 * 1024
const pieceRecords = 1000

export interface RenewalInit {
  readonly disk: Disk
  readonly hashes: Hashes
  readonly state: () => State
  readonly holes: HoleTable
  /** Holds commits back while a piece is made. */
  readonly committer: Pick<Committer, 'exclusive'>
  /** Keeps a record of the log now and then. */
  readonly log: Pick<LogReader, 'clear'>
}

export class Renewal {
  readonly #init: RenewalInit
  #working: Promise<void> | undefined
  /** A note may have come since the last one was read. */
  #again = false
  #closed = false

  constructor(init: RenewalInit) {
    this.#init = init
  }

  /** As `run`, for whoever does not wait: what goes wrong is tried again. */
  start(): void {
    this.run().catch(() => undefined)
  }

  /**
   * Makes what is due; resolves when the checks fit. What the disk did not take is told by the disk, and stays due: by the
   * note, until this is called again.
   */
  run(): Promise<void> {
    this.#again = true
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined
    })
    return this.#working
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#working?.catch(() => undefined)
  }

  async #work(): Promise<void> {
    const { committer, disk } = this.#init
    try {
      while (!this.#closed && disk.state === 'open' && this.#again) {
        this.#again = false
        if (await committer.exclusive(() => this.#piece())) this.#again = true
      }
    } catch (error) {
      if (!isNatterError(error)) throw error
    }
  }

  /** Answers whether there is more. */
  async #piece(): Promise<boolean> {
    const { disk, hashes, holes, state, log } = this.#init
    const from = await readRenewal(disk, hashes)
    if (from === undefined || from === 'made') return false
    const { mark } = state()
    const write = disk.write()
    const chain = await this.#chainBefore(from)
    const next = await this.#walk(chain, write)
    if (next !== undefined) write.put(RENEWAL_KEY, encodeRenewal(next, hashes))
    else {
      for (const hole of holes.values()) if (hole.position > chain.last) chain.hole(hole.position, hole.id)
      write.put(RENEWAL_KEY, encodeRenewal('made', hashes))
    }
    const check = next === undefined && chain.last === mark.position ? chain.check : undefined
    const isOther = check !== undefined && check !== mark.check
    if (isOther) await this.#putMark(write, check)
    await disk.commit(write)
    if (isOther) state().mark = { position: mark.position, check }
    log.clear()
    return next !== undefined
  }

  /** The chain as it is right before a position. */
  async #chainBefore(from: number): Promise<CheckChain> {
    const { hashes, holes } = this.#init
    const isUnknown = (position: number): boolean =>
      holes.at(position) === undefined && !holes.vacant.has(position)
    let at = from - 1
    let nearest: LogRecord | undefined
    for (; at > 0 && nearest === undefined; at--) nearest = await this.#recordAt(at)
    const known = nearest === undefined ? undefined : { last: at + 1, check: nearest.check }
    return new CheckChain(hashes, isUnknown, known)
  }

  /** Puts checks that do not fit into `write`; answers where to go on, undefined at the end of the log. */
  async #walk(chain: CheckChain, write: DiskWrite): Promise<number | undefined> {
    const { disk, hashes, state, holes } = this.#init
    const range = { gte: logKey(chain.last + 1), lte: logKey(state().mark.position) }
    const missing = holes.values().filter(({ kind, position }) => kind === 'record' && position > chain.last)
    const iterator = disk.iterate(range)
    let bytes = 0
    let looked = 0
    try {
      for (let page = await iterator.next(pageRecords); page.length > 0; ) {
        for (const [key, value] of page) {
          const position = positionOfKey(key)
          const record = readable(key, value, position, hashes)
          if (record === undefined) continue
          while (missing.length > 0 && missing[0]!.position < position) {
            const hole = missing.shift()!
            if (hole.position > chain.last) chain.hole(hole.position, hole.id)
          }
          const check = chain.expected(position, record.batch.id, record.check)
          if (check !== record.check) write.put(key.slice(), encodeLog(key, { ...record, check }, hashes))
          chain.take(position, check)
          bytes += value.length
          looked++
          if (bytes >= pieceBytes || looked >= pieceRecords) return position + 1
        }
        page = await iterator.next(pageRecords)
      }
      return undefined
    } finally {
      await iterator.close()
    }
  }

  async #putMark(write: DiskWrite, check: string): Promise<void> {
    const { disk, hashes } = this.#init
    const value = await disk.get(META_KEY)
    if (value === undefined) return
    const meta = decodeMeta(value, hashes)
    write.put(META_KEY, encodeMeta({ ...meta, mark: { ...meta.mark, check } }, hashes))
  }

  async #recordAt(position: number): Promise<LogRecord | undefined> {
    const key = logKey(position)
    const value = await this.#init.disk.get(key)
    return value && readable(key, value, position, this.#init.hashes)
  }
}

function readable(
  key: Uint8Array,
  value: Uint8Array,
  position: number,
  hashes: RenewalInit['hashes']
): LogRecord | undefined {
  try {
    return decodeLog(key, value, position, hashes)
  } catch (error) {
    if (!isDamage(error)) throw error
    return undefined
  }
}

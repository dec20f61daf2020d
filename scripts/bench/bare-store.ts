/**
 * The yardstick: what a program would write by hand on the same LevelDB. A record of the log under a rising number, the
 * state under the key, a cursor; everything of one batch in one synced chained batch.
 */
import { ClassicLevel } from 'classic-level'
import type { Entry } from './records.js'

/** Bytes beside key and value in a log record: author, sequence, time, length. */
const RECORD_HEAD = Buffer.alloc(56, 7)
const LOG = 0
const STATE = 1
const CURSOR = Buffer.from([2])
/** Key length, value length. */
const FRAME_HEAD_BYTES = 6

export interface BareRecord {
  key: Buffer
  value: Buffer
}

export class BareStore {
  readonly #db: ClassicLevel<Buffer, Buffer>
  #position: number

  private constructor(db: ClassicLevel<Buffer, Buffer>, position: number) {
    this.#db = db
    this.#position = position
  }

  /** With the same buffer and the same tables as natter opens it. */
  static async open(location: string): Promise<BareStore> {
    const db = new ClassicLevel<Buffer, Buffer>(location, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      writeBufferSize: 16 * 1024 * 1024,
      maxFileSize: 16 * 1024 * 1024
    })
    await db.open()
    const cursor = await db.get(CURSOR)
    return new BareStore(db, cursor === undefined ? 0 : Number(cursor.readBigUInt64BE()))
  }

  /** Records of the log. */
  get length(): number {
    return this.#position
  }

  /** Writes a batch. */
  async write(records: readonly BareRecord[], sync = true): Promise<void> {
    const batch = this.#db.batch()
    for (const { key, value } of records) {
      batch.put(logKey(++this.#position), Buffer.concat([RECORD_HEAD, numberOf(key.length, 2), key, value]))
      batch.put(Buffer.concat([Buffer.from([STATE]), key]), value)
    }
    const cursor = Buffer.alloc(8)
    cursor.writeBigUInt64BE(BigInt(this.#position))
    batch.put(CURSOR, cursor)
    await batch.write({ sync })
  }

  /** The log from its beginning, `count` records at a time. */
  async *log(count: number): AsyncGenerator<BareRecord[]> {
    const iterator = this.#db.values({ gte: logKey(0), lt: Buffer.from([LOG + 1]) })
    try {
      for (;;) {
        const page = await iterator.nextv(count)
        if (page.length === 0) return
        yield page.map(recordOf)
      }
    } finally {
      await iterator.close()
    }
  }

  close(): Promise<void> {
    return this.#db.close()
  }
}

function logKey(position: number): Buffer {
  const key = Buffer.alloc(9, LOG)
  key.writeBigUInt64BE(BigInt(position), 1)
  return key
}

function numberOf(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntBE(value, 0, bytes)
  return buffer
}

function recordOf(stored: Buffer): BareRecord {
  const at = RECORD_HEAD.length + 2
  const end = at + stored.readUInt16BE(RECORD_HEAD.length)
  return { key: stored.subarray(at, end), value: stored.subarray(end) }
}

export function bareRecords(list: readonly Entry[]): BareRecord[] {
  return list.map(({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(JSON.stringify(value)) }))
}

/** The records of a batch as one frame, and back. */
export function encodeFrame(records: readonly BareRecord[]): Buffer {
  const parts: Buffer[] = []
  for (const { key, value } of records)
    parts.push(numberOf(key.length, 2), numberOf(value.length, 4), key, value)
  return Buffer.concat(parts)
}

export function decodeFrame(frame: Buffer): BareRecord[] {
  const records: BareRecord[] = []
  for (let at = 0; at < frame.length; ) {
    const keyAt = at + FRAME_HEAD_BYTES
    const keyEnd = keyAt + frame.readUInt16BE(at)
    const valueEnd = keyEnd + frame.readUInt32BE(at + 2)
    records.push({ key: frame.subarray(keyAt, keyEnd), value: frame.subarray(keyEnd, valueEnd) })
    at = valueEnd
  }
  return records
}

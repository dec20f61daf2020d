/**
 * The yardstick: what a program would write by hand on the same LevelDB. A record of the log under a rising number, the
 * state under the key, a cursor; everything of one batch in one synced chained batch.
 */
import { ClassicLevel } from 'classic-level'
import type { Entry } from './harness.js'

/** Bytes beside key and value in a log record: author, sequence, time, length. */
const RECORD_HEAD = Buffer.alloc(56, 7)
const CURSOR = Buffer.from([2])

export class BareStore {
  readonly #db: ClassicLevel<Buffer, Buffer>
  #position = 0

  private constructor(db: ClassicLevel<Buffer, Buffer>) {
    this.#db = db
  }

  static async open(location: string): Promise<BareStore> {
    const db = new ClassicLevel<Buffer, Buffer>(location, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      writeBufferSize: 16 * 1024 * 1024,
      maxFileSize: 16 * 1024 * 1024
    })
    await db.open()
    return new BareStore(db)
  }

  /** Writes a batch, synced. */
  async write(records: readonly { key: Buffer; value: Buffer }[]): Promise<void> {
    const batch = this.#db.batch()
    for (const { key, value } of records) {
      const position = Buffer.alloc(9)
      position[0] = 0
      position.writeBigUInt64BE(BigInt(++this.#position), 1)
      batch.put(position, Buffer.concat([RECORD_HEAD, key, value]))
      batch.put(Buffer.concat([Buffer.from([1]), key]), value)
    }
    const cursor = Buffer.alloc(8)
    cursor.writeBigUInt64BE(BigInt(this.#position))
    batch.put(CURSOR, cursor)
    await batch.write({ sync: true })
  }

  close(): Promise<void> {
    return this.#db.close()
  }
}

export function bareRecords(list: readonly Entry[]): { key: Buffer; value: Buffer }[] {
  return list.map(({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(JSON.stringify(value)) }))
}

/** The records of a batch as one frame, and back. */
export function encodeFrame(records: readonly { key: Buffer; value: Buffer }[]): Buffer {
  const parts: Buffer[] = []
  for (const { key, value } of records) {
    const head = Buffer.alloc(6)
    head.writeUInt16BE(key.length)
    head.writeUInt32BE(value.length, 2)
    parts.push(head, key, value)
  }
  return Buffer.concat(parts)
}

export function decodeFrame(frame: Buffer): { key: Buffer; value: Buffer }[] {
  const records: { key: Buffer; value: Buffer }[] = []
  for (let at = 0; at < frame.length; ) {
    const keyEnd = at + 6 + frame.readUInt16BE(at)
    const valueEnd = keyEnd + frame.readUInt32BE(at + 2)
    records.push({ key: frame.subarray(at + 6, keyEnd), value: frame.subarray(keyEnd, valueEnd) })
    at = valueEnd
  }
  return records
}

/** The MANIFEST: which tables and logs make up the database. A log of edits; the last word counts. */
import { Cursor, FileDamage } from './bytes.js'

export interface TableName {
  readonly number: number
  readonly size: number
  readonly level: number
}

export interface DatabaseVersion {
  /** Logs of this number and above are read at open. */
  readonly logNumber: number
  readonly previousLog: number
  readonly tables: ReadonlyMap<number, TableName>
}

const COMPARATOR = 1
const LOG_NUMBER = 2
const NEXT_FILE = 3
const LAST_SEQUENCE = 4
const COMPACT_POINTER = 5
const DELETED_FILE = 6
const NEW_FILE = 7
const PREVIOUS_LOG = 9

/** Throws `FileDamage` for an edit that is none. */
export function versionOf(edits: readonly Uint8Array[]): DatabaseVersion {
  const tables = new Map<number, TableName>()
  let logNumber: number | undefined
  let previousLog = 0
  for (const edit of edits) {
    const cursor = new Cursor(edit)
    const added: TableName[] = []
    while (cursor.left > 0) {
      const tag = cursor.varint()
      if (tag === COMPARATOR) cursor.block()
      else if (tag === LOG_NUMBER) logNumber = cursor.varint()
      else if (tag === PREVIOUS_LOG) previousLog = cursor.varint()
      else if (tag === NEXT_FILE || tag === LAST_SEQUENCE) skipNumber(cursor)
      else if (tag === COMPACT_POINTER) {
        cursor.varint()
        cursor.block()
      } else if (tag === DELETED_FILE) {
        cursor.varint()
        tables.delete(cursor.varint())
      } else if (tag === NEW_FILE) {
        const level = cursor.varint()
        const number = cursor.varint()
        const size = cursor.varint()
        cursor.block()
        cursor.block()
        added.push({ number, size, level })
      } else throw new FileDamage(`an edit has the unknown field ${tag}`)
    }
    for (const table of added) tables.set(table.number, table)
  }
  if (logNumber === undefined) throw new FileDamage('it names no log')
  return { logNumber, previousLog, tables }
}

/** The last sequence number may take 56 bits: its size does not matter here. */
function skipNumber(cursor: Cursor): void {
  while (cursor.take(1)[0]! >= 0x80) {
    // The bytes of a varint but the last.
  }
}

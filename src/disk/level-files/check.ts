/**
 * Checking the files of a LevelDB before LevelDB is let at them, and while it has them open. LevelDB drops what a bad
 * fragment of its write-ahead log held without a word, makes an empty database where CURRENT is missing, never checks
 * the blocks of its tables, and may end the process on what it finds in them.
 *
 * The quick check reads CURRENT, MANIFEST, the write-ahead logs, and of each table the index and the filter; the full
 * one every block.
 */
import type { FileHandle } from 'node:fs/promises'
import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isErrno } from '../files.js'
import { FileDamage } from './bytes.js'
import { readLogFile } from './log-file.js'
import type { ReadAt } from './table-file.js'
import { checkBlock, checkIndex, readIndex } from './table-file.js'
import type { DatabaseVersion, TableName } from './version.js'
import { versionOf } from './version.js'

/** A file of the database that is not what it must be. */
export interface FileFault {
  readonly file: string
  readonly what: string
}

export interface CheckOptions {
  /** Every block of every table. */
  readonly full: boolean
  /** Called between two pieces of about 64 KiB: to leave others their share, or to give up by throwing. */
  readonly pace?: (bytes: number) => Promise<void> | void
}

/** Faults that one report lists. */
const listedFaults = 100

export async function checkDatabase(location: string, options: CheckOptions): Promise<FileFault[]> {
  const faults: FileFault[] = []
  const version = await readVersion(location, faults)
  if (version === undefined) return faults
  await checkLogs(location, version, faults)
  const buffer = new Uint8Array(options.full ? aheadBytes : endBytes)
  for (const table of version.tables.values()) {
    if (faults.length < listedFaults) await checkTable(location, table, { ...options, buffer }, faults)
  }
  return faults
}

/**
 * The full check while LevelDB has the files open: one that a compaction took away meanwhile is no fault, so what is found
 * counts only when it is found again.
 */
export async function checkOpenDatabase(
  location: string,
  pace: (bytes: number) => Promise<void> | void
): Promise<FileFault[]> {
  const first = await checkDatabase(location, { full: true, pace })
  if (first.length === 0) return first
  const known = new Set(first.map(({ file, what }) => `${file}/${what}`))
  const second = await checkDatabase(location, { full: true, pace })
  return second.filter(({ file, what }) => known.has(`${file}/${what}`))
}

/** What CURRENT and MANIFEST say; undefined where they cannot be read, and `faults` says why. */
export async function readVersion(
  location: string,
  faults: FileFault[]
): Promise<DatabaseVersion | undefined> {
  let file = 'CURRENT'
  try {
    const current = await readFile(join(location, file), 'latin1')
    if (!/^MANIFEST-[0-9]{6,}\n$/.test(current)) throw new FileDamage('it names no MANIFEST')
    file = current.trim()
    const { records, damaged, brokenEnd } = readLogFile(await readFile(join(location, file)))
    const at = damaged[0] ?? brokenEnd
    if (at !== undefined) throw new FileDamage(`the record at ${at} does not verify`)
    return versionOf(records)
  } catch (error) {
    faults.push({ file, what: reasonOf(error) })
    return undefined
  }
}

/** The logs that are read at open, oldest first. */
export async function logsOf(location: string, version: DatabaseVersion | undefined): Promise<string[]> {
  const logs: { name: string; number: number }[] = []
  for (const name of await readdir(location)) {
    const number = Number(/^([0-9]+)\.log$/.exec(name)?.[1] ?? Number.NaN)
    if (Number.isNaN(number)) continue
    if (version === undefined || number >= version.logNumber || number === version.previousLog)
      logs.push({ name, number })
  }
  return logs.sort((a, b) => a.number - b.number).map(({ name }) => name)
}

async function checkLogs(location: string, version: DatabaseVersion, faults: FileFault[]): Promise<void> {
  const logs = await logsOf(location, version)
  const first = `${String(version.logNumber).padStart(6, '0')}.log`
  if (version.logNumber > 0 && !logs.includes(first)) faults.push({ file: first, what: 'it is missing' })
  for (const file of logs) {
    try {
      const { damaged } = readLogFile(await readFile(join(location, file)), false)
      for (const at of damaged) faults.push({ file, what: `what was written at ${at} does not verify` })
    } catch (error) {
      faults.push({ file, what: reasonOf(error) })
    }
  }
}

async function checkTable(
  location: string,
  table: TableName,
  { full, pace, buffer }: CheckOptions & { buffer: Uint8Array },
  faults: FileFault[]
): Promise<void> {
  const opened = await openTable(location, table.number)
  if (opened === undefined) {
    faults.push({ file: `${String(table.number).padStart(6, '0')}.ldb`, what: 'it is missing' })
    return
  }
  const { file, name, size } = opened
  try {
    if (size !== table.size) throw new FileDamage(`it has ${size} bytes instead of ${table.size}`)
    if (!full) {
      await checkIndex(await endOf(file, size, buffer), size)
      return
    }
    const read = readerOf(file, buffer)
    for (const handle of await readIndex(read, size)) {
      try {
        await checkBlock(read, handle)
      } catch (error) {
        faults.push({ file: name, what: reasonOf(error) })
        if (faults.length >= listedFaults) return
      }
      await pace?.(handle.size)
    }
  } catch (error) {
    faults.push({ file: name, what: reasonOf(error) })
  } finally {
    await file.close()
  }
}

/** A table under either of the names that LevelDB gives; undefined when there is none. */
export async function openTable(
  location: string,
  number: number
): Promise<{ file: FileHandle; name: string; size: number } | undefined> {
  for (const ending of ['ldb', 'sst']) {
    const name = `${String(number).padStart(6, '0')}.${ending}`
    try {
      const file = await open(join(location, name), 'r')
      return { file, name, size: (await file.stat()).size }
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error
    }
  }
  return undefined
}

/**
 * Reads ahead: blocks are small, and stand one behind the other. With a `buffer` to read into, what a read answered is good
 * until the next one.
 */
export function readerOf(file: FileHandle, buffer?: Uint8Array): ReadAt {
  let held: Uint8Array = new Uint8Array(0)
  let from = 0
  return async (offset, length) => {
    if (offset < from || offset + length > from + held.length) {
      const isRoom = buffer !== undefined && length <= buffer.length
      const room = isRoom ? buffer : new Uint8Array(Math.max(length, aheadBytes))
      const { bytesRead } = await file.read(room, 0, room.length, offset)
      held = room.subarray(0, bytesRead)
      from = offset
    }
    const at = offset - from
    if (at + length > held.length) throw new FileDamage('it is cut short')
    return held.subarray(at, at + length)
  }
}

const aheadBytes = 64 * 1024

/** Reads that begin near the end of a file: all from there on is taken at once, for footer and index stand there. */
async function endOf(file: FileHandle, size: number, buffer: Uint8Array): Promise<ReadAt> {
  const read = readerOf(file, buffer)
  const from = Math.max(0, size - buffer.length)
  await read(from, size - from)
  return read
}

/** More than the index of a table of 16 MiB takes. */
const endBytes = 256 * 1024

/** What makes a file unusable is told; what keeps it from being read at all is thrown. */
export function reasonOf(error: unknown): string {
  if (error instanceof FileDamage) return error.message
  if (isErrno(error, 'ENOENT')) return 'it is missing'
  if (isErrno(error, 'EISDIR', 'EIO')) return `it cannot be read: ${error.message}`
  throw error
}

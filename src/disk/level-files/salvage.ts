/**
 * Making a new database from what can be read of a damaged one: every block and every record of a log that verifies, the
 * newest version of each key by LevelDB's own sequence numbers.
 *
 * The new one stands beside and is whole and synced before it takes the place; the damaged one is kept under another
 * name. What is lost with a bad block is for the store to find: each of its records can be told from an older one.
 */
import { readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { NatterError } from '../../base/index.js'
import { classicLevel, createDatabase } from '../classic-disk.js'
import { fsyncPath } from '../files.js'
import type { BytesLevel } from '../level-reads.js'
import { plainBytes } from '../level-reads.js'
import { Cursor, FileDamage, uint32 } from './bytes.js'
import type { FileFault } from './check.js'
import { logsOf, openTable, readerOf, readVersion, reasonOf } from './check.js'
import { readLogFile } from './log-file.js'
import type { TableEntry } from './table-file.js'
import { readBlock, readIndex, tableEntriesOf } from './table-file.js'
import type { DatabaseVersion } from './version.js'

export interface Salvaged {
  readonly entries: number
  /** What could not be read. */
  readonly faults: readonly FileFault[]
  /** Where the damaged database is kept. */
  readonly kept: string
}

export interface SalvageOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((what: string) => void) | undefined
}

/** Entries of one write: each key is looked up before it is written. */
const pageEntries = 1000
/** Room needed beside the damaged database, as a multiple of its size. */
const roomFactor = 2.2
const prefixBytes = 8

/** Puts a new database in the place of the damaged one at `location`. Rejects with `DISK_FULL` where there is no room. */
export async function salvageDatabase(location: string, options: SalvageOptions = {}): Promise<Salvaged> {
  const folder = dirname(location)
  const kept = await keepName(location)
  const source = (await isThere(location)) ? location : await lastKept(location)
  if (source === undefined)
    throw new NatterError('STORE_DAMAGED', `there is no database in ${folder} to save anything from`)
  await requireRoom(source, folder)
  const beside = `${location}.new`
  await rm(beside, { recursive: true, force: true })
  await createDatabase(beside)
  const level = classicLevel(beside)
  await level.open()
  const faults: FileFault[] = []
  let entries: number
  try {
    await copyAll(source, level, faults, options)
    entries = await strip(level, options)
  } finally {
    await level.close()
  }
  for (const name of await readdir(beside)) await fsyncPath(join(beside, name))
  await fsyncPath(beside)
  if (source === location) await rename(location, kept)
  await rename(beside, location)
  await fsyncPath(folder)
  return { entries, faults, kept: source === location ? kept : source }
}

async function copyAll(
  source: string,
  level: BytesLevel,
  faults: FileFault[],
  { signal, onProgress }: SalvageOptions
): Promise<void> {
  const version = await readVersion(source, faults)
  const writer = new NewestOnly(level)
  const numbers = await tableNumbers(source, version)
  let done = 0
  for (const number of numbers) {
    signal?.throwIfAborted()
    onProgress?.(`table ${++done} of ${numbers.length}`)
    await copyTable(source, number, writer, faults)
  }
  for (const file of await logsOf(source, version)) {
    signal?.throwIfAborted()
    onProgress?.(`log ${file}`)
    const { records, damaged, brokenEnd } = readLogFile(await readFile(join(source, file)))
    for (const at of [...damaged, ...(brokenEnd === undefined ? [] : [brokenEnd])])
      faults.push({ file, what: `what was written at ${at} does not verify` })
    for (const record of records) {
      try {
        for (const entry of batchEntriesOf(record)) await writer.add(entry)
      } catch (error) {
        faults.push({ file, what: reasonOf(error) })
      }
    }
  }
  await writer.flush()
}

/** The tables of the database; all that are there, where it is not known which belong to it. */
async function tableNumbers(source: string, version: DatabaseVersion | undefined): Promise<number[]> {
  if (version !== undefined) return [...version.tables.keys()]
  const numbers = new Set<number>()
  for (const name of await readdir(source)) {
    const number = /^([0-9]+)\.(ldb|sst)$/.exec(name)?.[1]
    if (number !== undefined) numbers.add(Number(number))
  }
  return [...numbers]
}

async function copyTable(
  source: string,
  number: number,
  writer: NewestOnly,
  faults: FileFault[]
): Promise<void> {
  const opened = await openTable(source, number)
  if (opened === undefined) {
    faults.push({ file: `${String(number).padStart(6, '0')}.ldb`, what: 'it is missing' })
    return
  }
  const { file, name, size } = opened
  try {
    const read = readerOf(file)
    for (const handle of await readIndex(read, size)) {
      try {
        const block = await readBlock(read, handle)
        for (const entry of tableEntriesOf(block)) await writer.add(entry)
      } catch (error) {
        faults.push({ file: name, what: reasonOf(error) })
      }
    }
  } catch (error) {
    faults.push({ file: name, what: reasonOf(error) })
  } finally {
    await file.close()
  }
}

/** The entries of one write as the write-ahead log has it. */
function* batchEntriesOf(record: Uint8Array): Generator<TableEntry> {
  if (record.length < 12) throw new FileDamage('a write is cut short')
  let sequence = uint32(record, 0) + uint32(record, 4) * 2 ** 32
  const cursor = new Cursor(record, 12)
  for (let left = uint32(record, 8); left > 0; left--) {
    const kind = cursor.take(1)[0]!
    if (kind > 1) throw new FileDamage('an entry is of an unknown kind')
    const key = cursor.block()
    yield { key, sequence: sequence++, value: kind === 0 ? undefined : cursor.block() }
  }
}

/** Writes entries in any order so that the newest of each key stays: with its number before the value, for now. */
class NewestOnly {
  readonly #level: BytesLevel
  #page = new Map<string, TableEntry>()

  constructor(level: BytesLevel) {
    this.#level = level
  }

  async add(entry: TableEntry): Promise<void> {
    const text = Buffer.from(entry.key.buffer, entry.key.byteOffset, entry.key.length).toString('latin1')
    const known = this.#page.get(text)
    if (known !== undefined && known.sequence >= entry.sequence) return
    this.#page.set(text, { ...entry, key: entry.key.slice(), value: entry.value?.slice() })
    if (this.#page.size >= pageEntries) await this.flush()
  }

  async flush(): Promise<void> {
    const page = [...this.#page.values()]
    this.#page = new Map()
    const known = await this.#level.getMany(page.map(({ key }) => key))
    const batch = this.#level.batch()
    for (let i = 0; i < page.length; i++) {
      const { key, sequence, value } = page[i]!
      const before = known[i]
      if (before !== undefined && sequenceOf(before) >= sequence) continue
      batch.put(key, prefixed(sequence, value))
    }
    await batch.write()
  }
}

/** Takes the numbers off again, and the deletions out. */
async function strip(level: BytesLevel, { signal, onProgress }: SalvageOptions): Promise<number> {
  let entries = 0
  const iterator = level.iterator()
  try {
    for (
      let page = await iterator.nextv(pageEntries);
      page.length > 0;
      page = await iterator.nextv(pageEntries)
    ) {
      signal?.throwIfAborted()
      const batch = level.batch()
      for (const [key, value] of page) {
        const plain = plainBytes(value)
        if (plain[0] === 0) batch.del(key)
        else {
          batch.put(key, plain.subarray(prefixBytes))
          entries++
        }
      }
      await batch.write()
      onProgress?.(`${entries} records`)
    }
    return entries
  } finally {
    await iterator.close()
  }
}

/** `1 or 0 for a deletion ‖ sequence number 7 ‖ value` */
function prefixed(sequence: number, value: Uint8Array | undefined): Uint8Array {
  const made = new Uint8Array(prefixBytes + (value?.length ?? 0))
  made[0] = value === undefined ? 0 : 1
  for (let i = prefixBytes - 1; i > 0; i--) {
    made[i] = sequence % 256
    sequence = Math.floor(sequence / 256)
  }
  if (value !== undefined) made.set(value, prefixBytes)
  return made
}

function sequenceOf(bytes: Uint8Array): number {
  let sequence = 0
  for (let i = 1; i < prefixBytes; i++) sequence = sequence * 256 + bytes[i]!
  return sequence
}

async function requireRoom(source: string, folder: string): Promise<void> {
  let bytes = 0
  for (const name of await readdir(source)) bytes += (await stat(join(source, name))).size
  const { bavail, bsize } = await statfs(folder)
  const needed = Math.ceil(bytes * roomFactor) + 2 ** 20
  if (bavail * bsize >= needed) return
  const mib = (count: number): number => Math.ceil(count / 2 ** 20)
  throw new NatterError(
    'DISK_FULL',
    `a new database beside ${source} needs ${mib(needed)} MiB, and ${mib(bavail * bsize)} MiB are free`,
    { remedy: 'Free space, or copy the whole directory to a larger disk and repair it there.' }
  )
}

async function keepName(location: string): Promise<string> {
  for (let number = 1; ; number++) {
    const name = `${location}.damaged-${number}`
    if (!(await isThere(name))) return name
  }
}

/** A salvage that was cut between its two renames has left only this. */
async function lastKept(location: string): Promise<string | undefined> {
  const before = `${basename(location)}.damaged-`
  const numbers = (await readdir(dirname(location)))
    .filter(name => name.startsWith(before))
    .map(name => Number(name.slice(before.length)))
    .filter(number => Number.isInteger(number))
  return numbers.length === 0 ? undefined : `${location}.damaged-${Math.max(...numbers)}`
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}

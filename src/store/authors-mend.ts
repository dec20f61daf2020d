/**
 * The numbers of authors, as far as their records can be read, and the others by what stands under them: the index names
 * positions and batches under a number, and the batch there, or one that has it among its deps, names its author.
 */
import type { Author, BatchId } from '../log/index.js'
import { authorOf } from '../log/index.js'
import { AuthorTable } from './authors.js'
import { readIndex } from './hole-keeper.js'
import type { Inspection } from './inspection.js'
import { authorKey, putHex, readUint, SPACE } from './keys.js'
import type { Place } from './lineage.js'
import { readRecord, writeRecord } from './records.js'
import type { Scan } from './scan-log.js'

/** Index entries of one author that are tried until one leads to its author. */
const triedEntries = 4096

/** Reads the table of authors into the inspection, and mends it. */
export async function mendAuthors(inspection: Inspection, scan: Scan): Promise<void> {
  const { crypto } = inspection.init
  const names = new Map<number, Author>()
  const broken = new Set<number>()
  for await (const [key, value] of inspection.entries(SPACE.author)) {
    const number = readUint(key, 1, 4)
    const name = inspection.attempt(() =>
      readRecord(key, value, crypto, `author ${number}`, reader => authorOf(reader.bytes(32)))
    )
    if (name === undefined) broken.add(number)
    else names.set(number, name)
  }
  for (const number of await numbersInIndex(inspection)) if (!names.has(number)) broken.add(number)
  for (let number = 0; number < Math.max(-1, ...names.keys(), ...broken) + 1; number++) {
    if (!names.has(number)) broken.add(number)
  }
  for (const number of broken) {
    const name = await authorUnder(inspection, number)
    if (name !== undefined) names.set(number, name)
  }
  for (const [number, name] of await authorsByDeps(inspection, broken, names)) names.set(number, name)
  const named = new Set(names.values())
  const unnamed = [...scan.authors.keys()].filter(author => !named.has(author))
  const open = [...broken].filter(number => !names.has(number)).sort((a, b) => a - b)
  // With one number and one author left over, they belong together; otherwise an author gets a new number.
  if (open.length === 1 && unnamed.length === 1) names.set(open.shift()!, unnamed.shift()!)
  let next = Math.max(-1, ...names.keys(), ...open) + 1
  const added = new Set<number>()
  for (const author of unnamed) {
    names.set(next, author)
    added.add(next++)
  }
  inspection.authors = new AuthorTable()
  for (let number = 0; number < next; number++) {
    const name = names.get(number)
    const where = `author ${number}`
    if (name === undefined)
      inspection.fault(where, 'nothing tells who it is: its batches cannot be asked for')
    if (name === undefined || broken.has(number) || added.has(number)) {
      const key = authorKey(number)
      const bytes = new Uint8Array(32)
      putHex(bytes, 0, name ?? nobody(number))
      const value = writeRecord(key, crypto, writer => writer.bytes(bytes))
      const what = added.has(number) ? 'it has no number' : 'its record cannot be read'
      if (name === undefined) await inspection.put(key, value)
      else await inspection.mend(where, what, key, value)
    }
    inspection.authors.intern(name ?? nobody(number))
  }
}

/** Keeps a number taken whose author is not known: no key is like it. */
function nobody(number: number): Author {
  return number.toString(16).padStart(64, '0') as Author
}

async function numbersInIndex(inspection: Inspection): Promise<Set<number>> {
  const numbers = new Set<number>()
  const iterator = inspection.init.disk.iterate({ gte: numbered(0), lt: new Uint8Array([SPACE.index + 1]) })
  try {
    for (let [entry] = await iterator.next(1); entry !== undefined; [entry] = await iterator.next(1)) {
      const number = readUint(entry[0], 1, 4)
      numbers.add(number)
      iterator.seek(numbered(number + 1))
    }
    return numbers
  } finally {
    await iterator.close()
  }
}

/** The authors of numbers that are left without a name, by the deps of the batches that can be read. */
async function authorsByDeps(
  inspection: Inspection,
  broken: ReadonlySet<number>,
  names: ReadonlyMap<number, Author>
): Promise<Map<number, Author>> {
  const numberOf = new Map<BatchId, number>()
  for (const number of broken) {
    if (names.has(number)) continue
    for await (const { id } of entriesUnder(inspection, number)) numberOf.set(id, number)
  }
  const found = new Map<number, Author>()
  if (numberOf.size === 0) return found
  for await (const { record } of inspection.batches()) {
    for (const { id, author } of record.batch.header.deps) {
      const number = numberOf.get(id)
      if (number !== undefined) found.set(number, author)
    }
  }
  return found
}

/** The first entries of the index under a number, as far as they can be read. */
async function* entriesUnder(inspection: Inspection, number: number): AsyncGenerator<Place> {
  const { disk, crypto } = inspection.init
  const iterator = disk.iterate({ gte: numbered(number), lt: numbered(number + 1), limit: triedEntries })
  try {
    for (let page = await iterator.next(64); page.length > 0; page = await iterator.next(64)) {
      for (const [key, value] of page) {
        const entry = readIndex(key, value, crypto)
        if (entry !== undefined) yield entry
      }
    }
  } finally {
    await iterator.close()
  }
}

async function authorUnder(inspection: Inspection, number: number): Promise<Author | undefined> {
  for await (const { id, position } of entriesUnder(inspection, number)) {
    const record = await inspection.record(position)
    if (record?.batch.id === id) return record.batch.header.author
  }
  return undefined
}

function numbered(number: number): Uint8Array {
  const key = new Uint8Array(5)
  key[0] = SPACE.index
  key[1] = number >>> 24
  key[2] = number >>> 16
  key[3] = number >>> 8
  key[4] = number
  return key
}

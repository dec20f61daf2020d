/** The reader of LevelDB's files: it reads what LevelDB wrote, and of any other bytes says damage, soon. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { utf8 } from '../../src/base/index.js'
import { classicLevel, createDatabase } from '../../src/disk/classic-disk.js'
import { FileDamage } from '../../src/disk/level-files/bytes.js'
import { checkDatabase } from '../../src/disk/level-files/check.js'
import { crc32c } from '../../src/disk/level-files/crc32c.js'
import { readLogFile } from '../../src/disk/level-files/log-file.js'
import { unsnappy } from '../../src/disk/level-files/snappy.js'
import { checkIndex, readBlock, readIndex, tableEntriesOf } from '../../src/disk/level-files/table-file.js'
import { versionOf } from '../../src/disk/level-files/version.js'
import { seededFractions, testSeed } from '../support/random.js'

test('the checksum is CRC-32C', () => {
  assert.equal(crc32c(utf8('123456789')), 0xe3069283)
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
})

async function files(): Promise<Map<string, Uint8Array>> {
  const folder = await mkdtemp(join(tmpdir(), 'natter-level-'))
  try {
    const location = join(folder, 'db')
    await createDatabase(location)
    for (let time = 0; time < 3; time++) {
      const level = classicLevel(location)
      await level.open()
      for (let i = 0; i < 200; i++)
        await level.put(utf8(`key ${i % 150}`), utf8(`value ${time} `.repeat(1 + (i % 90))))
      await level.close()
    }
    assert.deepEqual(await checkDatabase(location, { full: true }), [])
    const found = new Map<string, Uint8Array>()
    for (const name of await readdir(location)) found.set(name, await readFile(join(location, name)))
    return found
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function readTable(bytes: Uint8Array): Promise<number> {
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    if (offset + length > bytes.length) throw new FileDamage('it is cut short')
    return bytes.subarray(offset, offset + length)
  }
  let entries = 0
  for (const handle of await readIndex(read, bytes.length))
    for (const _ of tableEntriesOf(await readBlock(read, handle))) entries++
  return entries
}

test('a quick look at a table reads its end, and no block of it', async () => {
  const [, table] = [...(await files())].find(([name]) => name.endsWith('.ldb'))!
  const reads: { from: number; to: number }[] = []
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    reads.push({ from: offset, to: offset + length })
    return table.subarray(offset, offset + length)
  }
  const index = await checkIndex(read, table.length)
  const handles = await readIndex(
    async (offset, length) => table.subarray(offset, offset + length),
    table.length
  )
  const last = handles.at(-1)!
  assert.ok(handles.length > 1)
  assert.ok(reads.length <= 4, `${reads.length} reads`)
  assert.deepEqual(
    reads.filter(({ from }) => from < last.offset + last.size),
    []
  )
  const flipped = table.slice()
  flipped[index.offset + 3]! ^= 1
  const broken = async (offset: number, length: number) => flipped.subarray(offset, offset + length)
  await assert.rejects(checkIndex(broken, flipped.length), FileDamage)
})

/** Only the typed error may come out. */
async function attempted(read: () => unknown): Promise<boolean> {
  try {
    await read()
    return true
  } catch (error) {
    assert.ok(error instanceof FileDamage, String(error))
    return false
  }
}

test('no bytes make a reader throw anything but damage, or take long', async () => {
  const seed = testSeed('level files')
  const random = seededFractions(seed)
  const whole = await files()
  const table = [...whole].find(([name]) => name.endsWith('.ldb'))![1]
  const log = [...whole].find(([name]) => name.endsWith('.log'))![1]
  const manifest = [...whole].find(([name]) => name.startsWith('MANIFEST'))![1]
  assert.equal(await readTable(table), 200)
  assert.equal(readLogFile(log).records.length, 200)
  assert.equal(versionOf(readLogFile(manifest).records).tables.size, 2)
  for (let round = 0; round < 300; round++) {
    const broken = (bytes: Uint8Array): Uint8Array => {
      const copy = bytes.slice(0, random() < 0.3 ? Math.floor(random() * bytes.length) : bytes.length)
      for (let i = Math.floor(random() * 4); i > 0 && copy.length > 0; i--)
        copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256)
      return copy
    }
    await attempted(() => readTable(broken(table)))
    const { records } = readLogFile(broken(log))
    assert.ok(records.length <= 200)
    await attempted(() => versionOf(readLogFile(broken(manifest)).records))
    const bytes = Uint8Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256))
    await attempted(() => unsnappy(bytes))
    await attempted(() => [...tableEntriesOf(bytes)])
    await attempted(() => versionOf([bytes]))
    readLogFile(bytes)
  }
})

test('a flipped bit of a log is damage unless nothing stands behind it, and a cut at any byte is none', async () => {
  const log = [...(await files())].find(([name]) => name.endsWith('.log'))![1].slice(0, 6000)
  const { records } = readLogFile(log)
  for (let cut = 0; cut < log.length; cut += 7) {
    const { damaged, records: left } = readLogFile(log.subarray(0, cut))
    assert.deepEqual(damaged, [])
    assert.ok(left.length <= records.length)
  }
  for (let at = 0; at < log.length; at += 61) {
    const flipped = log.slice()
    flipped[at]! ^= 4
    const read = readLogFile(flipped)
    const isTold = read.damaged.length > 0 || read.brokenEnd !== undefined || at > 5000
    assert.ok(isTold, `byte ${at}`)
  }
})

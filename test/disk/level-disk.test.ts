/** The suite on memory and on LevelDB, and what only a database on files can show: it survives. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { DEFAULT_LIMITS, utf8 } from '../../src/base/index.js'
import { systemClock } from '../../src/base/system.js'
import { createDatabase, openLevelDisk } from '../../src/disk/classic-disk.js'
import { type Disk, openMemoryDisk } from '../../src/disk/index.js'
import { diskSuite, put } from '../suites/disk-suite.js'

async function openFresh(durability: 'fsync' | 'os' = 'fsync'): Promise<Disk> {
  const location = join(await mkdtemp(join(tmpdir(), 'natter-disk-')), 'db')
  await createDatabase(location)
  return openLevelDisk({ location, durability, limits: DEFAULT_LIMITS, clock: systemClock })
}

async function remove(disk: Disk): Promise<void> {
  if (disk.location !== null) await rm(disk.location, { recursive: true })
}

diskSuite('memory', openMemoryDisk, remove)
diskSuite('LevelDB, synced', () => openFresh('fsync'), remove)
diskSuite('LevelDB, not synced', () => openFresh('os'), remove)

describe('LevelDB on files', () => {
  it('keeps what was committed over a close', async () => {
    const first = await openFresh()
    await put(first, { a: '1' })
    await first.close()
    const again = await openLevelDisk({
      location: join(first.location!, 'db'),
      durability: 'fsync',
      limits: DEFAULT_LIMITS,
      clock: systemClock
    })
    assert.deepEqual(await again.get(utf8('a')), utf8('1'))
    assert.equal(again.durability, 'fsync')
    assert.ok((await again.freeBytes())! > 0)
    await again.close()
    await remove(again)
  })

  it('never makes a database where one should be', async () => {
    const disk = await openFresh()
    await put(disk, { a: '1' })
    await disk.close()
    const location = join(disk.location!, 'db')
    await rm(join(location, 'CURRENT'))
    const before = (await readdir(location)).filter(name => /\.(ldb|log)$/.test(name))
    await assert.rejects(
      openLevelDisk({ location, durability: 'fsync', limits: DEFAULT_LIMITS, clock: systemClock })
    )
    assert.deepEqual(
      (await readdir(location)).filter(name => /\.(ldb|log)$/.test(name)),
      before
    )
    await remove(disk)
  })

  it('leaves no long write-ahead log behind that the next open would have to read', async () => {
    const disk = await openFresh()
    for (let n = 0; n < 32; n++) await put(disk, { [`key ${n}`]: 'x'.repeat(64 * 1024) })
    await disk.close()
    const location = join(disk.location!, 'db')
    const logs = (await readdir(location)).filter(name => name.endsWith('.log'))
    for (const name of logs) assert.equal((await stat(join(location, name))).size, 0)
    const again = await openLevelDisk({
      location,
      durability: 'fsync',
      limits: DEFAULT_LIMITS,
      clock: systemClock
    })
    assert.equal((await again.get(utf8('key 31')))?.length, 64 * 1024)
    await again.close()
    await remove(again)
  })

  it('says memory in memory', async () => {
    const disk = await openMemoryDisk()
    assert.equal(disk.durability, 'memory')
    assert.equal(disk.location, null)
    assert.equal(await disk.freeBytes(), null)
    await disk.close()
  })
})

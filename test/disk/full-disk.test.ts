/**
 * A disk that is really full: LevelDB on a small tmpfs, filled from beside. Mounting takes root; where that is refused
 * the tests say so.
 */
import assert from 'node:assert/strict'
import { open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { isNatterError, utf8 } from '../../src/base/index.js'
import { createDatabase, openLevelDisk } from '../../src/disk/classic-disk.js'
import { DataDirectory } from '../../src/disk/directory.js'
import type { Disk } from '../../src/disk/index.js'
import { put } from '../suites/disk-suite.js'
import { ManualClock } from './manual-clock.js'
import { onTmpfs, remount } from './tmpfs.js'

const KIB = 1024

/** Takes all but `keep` bytes of the file system. */
async function fill(folder: string, keep: number): Promise<() => Promise<void>> {
  const path = join(folder, 'ballast')
  const { bavail, bsize } = await statfs(folder)
  const file = await open(path, 'w')
  await file.write(new Uint8Array(Math.max(0, bavail * bsize - keep)))
  await file.close()
  return () => rm(path)
}

async function fillUp(disk: Disk, from: number): Promise<{ acked: number; code: string }> {
  const value = 'x'.repeat(16 * KIB)
  for (let i = from; i < 10_000; i++) {
    try {
      await put(disk, { [`k${i}`]: value })
    } catch (error) {
      if (!isNatterError(error)) throw error
      return { acked: i, code: error.code }
    }
  }
  throw new Error('the file system never became full')
}

describe('a full disk', () => {
  it('refuses at the guard, keeps reading, resumes by itself', async t => {
    const tried = await onTmpfs(16 * KIB, async folder => {
      const location = join(folder, 'db')
      const clock = new ManualClock()
      await createDatabase(location)
      const disk = await openLevelDisk({
        location,
        durability: 'fsync',
        limits: { freeBytes: 2 ** 26 },
        clock
      })
      const release = await fill(folder, 4 * KIB * KIB)
      clock.advance(1000)
      const { acked, code } = await fillUp(disk, 0)
      assert.equal(code, 'DISK_FULL')
      assert.equal(disk.state, 'open')
      assert.ok(acked > 0)
      assert.equal((await disk.get(utf8(`k${acked - 1}`)))!.length, 16 * KIB)
      await release()
      clock.advance(1000)
      await put(disk, { after: 'space came back' })
      await disk.close()
    })
    if (!tried) t.diagnostic('not tried: this user may not mount a tmpfs')
  })

  it('behind the guard: no acknowledged write is lost, before or after', async t => {
    const tried = await onTmpfs(16 * KIB, async folder => {
      const location = join(folder, 'db')
      const clock = new ManualClock()
      await createDatabase(location)
      const options = { location, durability: 'fsync', limits: { freeBytes: 1 }, clock } as const
      const disk = await openLevelDisk(options)
      const release = await fill(folder, 2 * KIB * KIB)
      // Another program takes the last space while the guard's look is still fresh: LevelDB meets the full disk.
      await put(disk, { first: 'x' })
      const takeRest = await fillRest(folder)
      const { acked, code } = await fillUp(disk, 0)
      assert.equal(code, 'INDETERMINATE')
      assert.equal(disk.state, 'fenced')
      await assert.rejects(put(disk, { more: 'x' }), error => isNatterError(error, 'STORE_FENCED'))
      assert.deepEqual(await disk.get(utf8('first')), utf8('x'))
      await takeRest()
      await release()
      while (disk.state === 'fenced') {
        clock.advance(30_000)
        await new Promise(resolve => setImmediate(resolve))
      }
      for (let i = 0; i < 50; i++) await put(disk, { [`later${i}`]: 'x'.repeat(1000) })
      await disk.close()
      const again = await openLevelDisk(options)
      assert.deepEqual(await again.get(utf8('first')), utf8('x'))
      for (let i = 0; i < acked; i++) assert.ok(await again.get(utf8(`k${i}`)), `k${i} was acknowledged`)
      for (let i = 0; i < 50; i++) assert.ok(await again.get(utf8(`later${i}`)), `later${i} was acknowledged`)
      await again.close()
    })
    if (!tried) t.diagnostic('not tried: this user may not mount a tmpfs')
  })

  it('that fills while a directory is open: settings stay as they were, the lock stays held', async t => {
    const tried = await onTmpfs(16 * KIB, async folder => {
      const directory = await DataDirectory.open(join(folder, 'data'))
      await directory.settings.update({ network: 'shop' })
      const release = await fill(folder, 0)
      await assert.rejects(directory.settings.update({ bootstrap: ['x'.repeat(64 * KIB)] }), error =>
        isNatterError(error, 'DISK_FULL')
      )
      assert.deepEqual(directory.settings.get(), { network: 'shop' })
      await directory.lock.describe({ http: `http://${'x'.repeat(64 * KIB)}` })
      await assert.rejects(DataDirectory.open(join(folder, 'data')), error => isNatterError(error))
      await release()
      await directory.close()
      const again = await DataDirectory.open(join(folder, 'data'))
      assert.equal(again.settings.get().network, 'shop')
      await again.close()
    })
    if (!tried) t.diagnostic('not tried: this user may not mount a tmpfs')
  })

  it('is told from one that takes no writes at all', async t => {
    const tried = await onTmpfs(16 * KIB, async folder => {
      await (await DataDirectory.open(join(folder, 'data'))).close()
      remount(folder, 'ro')
      const readOnly = (error: unknown): boolean =>
        isNatterError(error, 'DIRECTORY_UNUSABLE') && /EROFS/.test(error.message)
      await assert.rejects(DataDirectory.open(join(folder, 'data')), readOnly)
      await assert.rejects(DataDirectory.open(join(folder, 'other')), readOnly)
      remount(folder, 'rw')
      const release = await fill(folder, 0)
      await assert.rejects(DataDirectory.open(join(folder, 'data')), error =>
        isNatterError(error, 'DISK_FULL')
      )
      await release()
      await (await DataDirectory.open(join(folder, 'data'))).close()
    })
    if (!tried) t.diagnostic('not tried: this user may not mount a tmpfs')
  })
})

/** Leaves 40 KiB: enough for two commits of the test, not for a third. */
async function fillRest(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'rest')
  const { bavail, bsize } = await statfs(folder)
  const file = await open(path, 'w')
  await file.write(new Uint8Array(bavail * bsize - 40 * KIB))
  await file.close()
  return () => rm(path)
}

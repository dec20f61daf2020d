/** The data directory: what the first start makes, what a later one insists on, and starts that were cut off. */
import assert from 'node:assert/strict'
import { chmod, cp, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { DEFAULT_LIMITS, type ErrorCode, isNatterError, utf8 } from '../../src/base/index.js'
import { systemClock } from '../../src/base/system.js'
import { DataDirectory } from '../../src/disk/directory.js'
import { put } from '../suites/disk-suite.js'

const diskOptions = { durability: 'fsync', limits: DEFAULT_LIMITS, clock: systemClock } as const

/** Runs `run` with the path of a directory that is not there yet. */
async function withPath(run: (path: string) => Promise<void>): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), 'natter-directory-'))
  try {
    await run(join(parent, 'data'))
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
}

/** A directory with one entry in its database, closed again. */
async function filled(path: string): Promise<{ seed: Uint8Array; storeId: string }> {
  const directory = await DataDirectory.open(path)
  const disk = await directory.openDisk(diskOptions)
  await put(disk, { a: '1' })
  await disk.close()
  await directory.close()
  return { seed: directory.seed, storeId: directory.storeId }
}

async function refused(path: string, code: ErrorCode, message?: RegExp): Promise<void> {
  await assert.rejects(DataDirectory.open(path), error => {
    assert.ok(isNatterError(error), String(error))
    assert.equal(error.code, code)
    if (message !== undefined) assert.match(error.message, message)
    return true
  })
}

describe('the data directory', () => {
  it('is made at the first start and is the same at the next', () =>
    withPath(async path => {
      const first = await filled(path)
      assert.equal((await stat(path)).mode & 0o777, 0o700)
      assert.equal((await stat(join(path, 'identity.key'))).mode & 0o777, 0o600)
      assert.deepEqual(new Uint8Array(await readFile(join(path, 'identity.key'))), first.seed)
      const again = await DataDirectory.open(path)
      assert.deepEqual(again.seed, first.seed)
      assert.equal(again.storeId, first.storeId)
      assert.deepEqual(again.warnings, [])
      const disk = await again.openDisk(diskOptions)
      assert.deepEqual(await disk.get(utf8('a')), utf8('1'))
      await disk.close()
      await again.close()
    }))

  it('goes on after a first start that was cut off anywhere', () =>
    withPath(async path => {
      const { seed } = await filled(path)
      const { sum: _, ...manifest } = JSON.parse(await readFile(join(path, 'natter.json'), 'utf8'))
      const making = JSON.stringify({ ...manifest, state: 'making', author: null, place: null })
      const cut = async (name: string, ruin: (copy: string) => Promise<void>): Promise<DataDirectory> => {
        const copy = `${path}-${name}`
        await cp(path, copy, { recursive: true })
        await writeFile(join(copy, 'natter.json'), making)
        await ruin(copy)
        const directory = await DataDirectory.open(copy)
        await (await directory.openDisk(diskOptions)).close()
        await directory.close()
        return directory
      }
      const noKey = await cut('no-key', async copy => {
        await rm(join(copy, 'db'), { recursive: true })
        await rm(join(copy, 'identity.key'))
      })
      assert.notDeepEqual(noKey.seed, seed)
      const halfDatabase = await cut('half-database', async copy => {
        await rename(join(copy, 'db'), join(copy, 'db.new'))
        await rm(join(copy, 'db.new', 'CURRENT'))
      })
      assert.deepEqual(halfDatabase.seed, seed)
      const beforeManifest = await cut('before-manifest', async () => undefined)
      assert.deepEqual(beforeManifest.seed, seed)
      const empty = `${path}-empty`
      await mkdir(empty)
      await (await DataDirectory.open(empty)).close()
    }))

  it('never shows an empty database where one was', () =>
    withPath(async path => {
      await filled(path)
      const directory = await DataDirectory.open(path)
      const damaged = (error: unknown): boolean => isNatterError(error, 'STORE_DAMAGED')
      await rename(join(path, 'db', 'CURRENT'), join(path, 'CURRENT'))
      await assert.rejects(directory.openDisk(diskOptions), damaged)
      await rename(join(path, 'CURRENT'), join(path, 'db', 'CURRENT'))
      await rename(join(path, 'db'), join(path, 'elsewhere'))
      await assert.rejects(directory.openDisk(diskOptions), damaged)
      await rename(join(path, 'elsewhere'), join(path, 'db'))
      const current = (await readFile(join(path, 'db', 'CURRENT'), 'utf8')).trim()
      await rm(join(path, 'db', current))
      await assert.rejects(directory.openDisk(diskOptions), damaged)
      await directory.close()
      await rm(join(path, 'natter.json'))
      await refused(path, 'STORE_DAMAGED', /natter.json is not/)
    }))

  it('insists on the key it was made with', () =>
    withPath(async path => {
      await filled(path)
      const key = join(path, 'identity.key')
      const seed = await readFile(key)
      await rm(key)
      await refused(path, 'IDENTITY_DAMAGED', /missing/)
      await writeFile(key, seed.subarray(0, 31))
      await refused(path, 'IDENTITY_DAMAGED', /31 bytes/)
      const flipped = Uint8Array.from(seed)
      flipped[7]! ^= 1
      await writeFile(key, flipped)
      await refused(path, 'IDENTITY_DAMAGED', /not the key/)
      await writeFile(key, seed)
      await chmod(key, 0o644)
      const directory = await DataDirectory.open(path)
      assert.match(directory.warnings[0]!, /0644.*now 0600/)
      assert.equal((await stat(key)).mode & 0o777, 0o600)
      await directory.close()
    }))

  it('takes a new store id when it was copied or its key file was put back', () =>
    withPath(async path => {
      const { storeId } = await filled(path)
      await cp(path, `${path}-copy`, { recursive: true })
      const copy = await DataDirectory.open(`${path}-copy`)
      assert.notEqual(copy.storeId, storeId)
      await copy.close()
      const again = await DataDirectory.open(`${path}-copy`)
      assert.equal(again.storeId, copy.storeId)
      await again.close()
    }))

  it('takes a new store id when older files were put back over it and the key file was not touched', () =>
    withPath(async path => {
      for (const putBack of ['overwritten', 'replaced'] as const) {
        const { storeId } = await filled(path)
        await cp(path, `${path}-old`, { recursive: true })
        let directory = await DataDirectory.open(path)
        assert.equal(directory.storeId, storeId, 'nothing happened to it')
        await directory.remember({ sentinel: { position: 7, check: '07'.repeat(8) } })
        await directory.close()
        const manifest = await readFile(join(`${path}-old`, 'natter.json'))
        if (putBack === 'replaced') await rm(join(path, 'natter.json'))
        await writeFile(join(path, 'natter.json'), manifest)
        directory = await DataDirectory.open(path)
        assert.notEqual(directory.storeId, storeId, putBack)
        const next = directory.storeId
        await directory.close()
        directory = await DataDirectory.open(path)
        assert.equal(directory.storeId, next, 'once')
        await directory.close()
        for (const folder of [path, `${path}-old`]) await rm(folder, { recursive: true })
      }
    }))

  it('refuses a manifest of a newer format, and a damaged one', () =>
    withPath(async path => {
      await filled(path)
      const { sum: _, ...manifest } = JSON.parse(await readFile(join(path, 'natter.json'), 'utf8'))
      await writeFile(
        join(path, 'natter.json'),
        JSON.stringify({ ...manifest, format: 2, state: 'unheard of' })
      )
      await refused(path, 'FORMAT_UNKNOWN', /format 2/)
      for (const text of ['', '{', '[]', '{"format":1}', JSON.stringify({ ...manifest, storeId: 'x' })]) {
        await writeFile(join(path, 'natter.json'), text)
        await refused(path, 'STORE_DAMAGED')
      }
    }))

  it('remembers store, database and sentinel, and misses a position that is gone', () =>
    withPath(async path => {
      await filled(path)
      const directory = await DataDirectory.open(path)
      assert.equal(directory.sentinel, null)
      await directory.requireSentinel(async () => undefined)
      const what = {
        storeId: '0123456789abcdef',
        database: 'ab'.repeat(32),
        sentinel: { position: 7, check: 'c7' }
      }
      await directory.remember(what)
      await directory.close()
      const again = await DataDirectory.open(path)
      assert.equal(again.storeId, what.storeId)
      assert.equal(again.database, what.database)
      await again.requireSentinel(async position => `c${position}`)
      const damaged = (error: unknown): boolean => isNatterError(error, 'STORE_DAMAGED')
      await assert.rejects(
        again.requireSentinel(async () => undefined),
        damaged
      )
      await assert.rejects(
        again.requireSentinel(async () => 'other'),
        damaged
      )
      await again.close()
    }))

  it('takes a sentinel after commits, once a minute, and none where commits are not synced', () =>
    withPath(async path => {
      const directory = await DataDirectory.open(path)
      directory.note({ position: 1, check: 'c1' }, 1_000_000)
      directory.note({ position: 2, check: 'c2' }, 1_059_999)
      assert.deepEqual(directory.sentinel, { position: 1, check: 'c1' })
      directory.note({ position: 3, check: 'c3' }, 1_060_000)
      await directory.close()
      const again = await DataDirectory.open(path)
      assert.deepEqual(again.sentinel, { position: 3, check: 'c3' })
      const disk = await again.openDisk({ ...diskOptions, durability: 'os' })
      again.note({ position: 4, check: 'c4' }, 2_000_000)
      await again.remember({ sentinel: { position: 5, check: 'c5' } })
      assert.deepEqual(again.sentinel, { position: 3, check: 'c3' })
      await disk.close()
      await again.close()
    }))

  it('keeps settings, and says which one is malformed', () =>
    withPath(async path => {
      const first = await DataDirectory.open(path)
      assert.deepEqual(first.settings.get(), {})
      await Promise.all([
        first.settings.update({ network: 'shop', psk: 'ab'.repeat(32), name: 'till' }),
        first.settings.update({ ports: { tcp: 4001 }, name: undefined })
      ])
      assert.throws(() => first.settings.update({ psk: 'short' }), TypeError)
      await first.close()
      assert.equal((await stat(join(path, 'settings.json'))).mode & 0o777, 0o600)
      const again = await DataDirectory.open(path)
      assert.deepEqual(again.settings.get(), { network: 'shop', psk: 'ab'.repeat(32), ports: { tcp: 4001 } })
      await again.close()
      await writeFile(join(path, 'settings.json'), '{"network": 1, "later": true}')
      await refused(path, 'DIRECTORY_UNUSABLE', /"network"/)
      await writeFile(join(path, 'settings.json'), '{"later": true}')
      await chmod(join(path, 'settings.json'), 0o644)
      const later = await DataDirectory.open(path)
      assert.match(later.warnings[0]!, /0644/)
      await later.settings.update({ network: 'shop' })
      await later.close()
      const { sum, ...kept } = JSON.parse(await readFile(join(path, 'settings.json'), 'utf8'))
      assert.deepEqual(kept, { later: true, network: 'shop' })
      assert.match(sum, /^[0-9a-f]{8}$/)
    }))

  it('takes no flipped bit of manifest or settings for what was written', () =>
    withPath(async path => {
      const first = await DataDirectory.open(path)
      const told = { network: 'shop', psk: 'ab'.repeat(32), allow: ['somebody'] }
      await first.settings.update(told)
      await first.close()
      for (const name of ['natter.json', 'settings.json']) {
        const bytes = await readFile(join(path, name))
        // Letters change case, digits their value, names are lost.
        for (let at = 0; at < bytes.length; at += 3) {
          const flipped = Uint8Array.from(bytes)
          flipped[at]! ^= 1 << (at % 7)
          await writeFile(join(path, name), flipped)
          const opened = await DataDirectory.open(path).catch(error => {
            assert.ok(isNatterError(error), String(error))
            return undefined
          })
          if (opened === undefined) continue
          const { network, psk, allow } = opened.settings.get()
          assert.deepEqual({ network, psk, allow }, told, `${name}, byte ${at}`)
          assert.equal(opened.storeId, first.storeId, `${name}, byte ${at}`)
          await opened.close()
        }
        await writeFile(join(path, name), bytes)
      }
    }))

  it('says why a path cannot be one', () =>
    withPath(async path => {
      await writeFile(path, 'a file')
      await refused(path, 'DIRECTORY_UNUSABLE', /EEXIST|ENOTDIR/)
      await refused(join(path, 'below'), 'DIRECTORY_UNUSABLE', /ENOTDIR/)
      await refused('/proc/natter', 'DIRECTORY_UNUSABLE')
    }))
})

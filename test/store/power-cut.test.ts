/** A power cut at any commit, and at any step of a first start: what was acknowledged is there, the rest whole or not at all. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { DataDirectory } from '../../src/disk/directory.js'
import { inFastFolder } from '../support/folders.js'
import { testSeed } from '../support/random.js'
import type { Moment } from './power-cut.js'
import { addStrayFiles, dropFile, momentsOf, TAILS } from './power-cut.js'
import { commitsIn, cutDuringCommits, isWhole, livedThrough, openAt, opsOf } from './power-cut-cases.js'

/** Every seventh commit is larger than a block of the log, every fourth one of another node. */
const COMMITS = 12

test('a power cut during any commit keeps every acknowledged op, no half of a batch, and the identity', () =>
  inFastFolder(async folder => {
    const cuts = await cutDuringCommits(folder, COMMITS, testSeed('power cuts'))
    assert.ok(cuts >= COMMITS * TAILS.length, `${cuts} cuts`)
  }))

test('a power cut while the database is opened leaves files that nobody names, and nothing is lost', () =>
  inFastFolder(async folder => {
    const { moments, author } = await livedThrough(folder, 6)
    const last = moments.at(-1)!
    await addStrayFiles(join(last.path, 'db'))
    await isWhole(last.path, last.said, author, 'stray files')
  }))

/**
 * The file that came last, as a folder that was not synced since has forgotten it. A rename that was forgotten is the
 * moment before.
 */
function forgetNewest({ name, path }: Moment): boolean {
  if (name === 'disk.make.before-rename') dropFile(join(path, 'db.new'))
  else if (name === 'disk.replace.before-rename')
    for (const file of FILES) dropFile(join(path, `${file}.new`))
  else return false
  return true
}

const FILES = ['natter.json', 'identity.key', 'settings.json']

test('a power cut at any step of a first start or of a stop leaves a directory that the next start completes, with the key and the commits it had', () =>
  inFastFolder(async folder => {
    const live = join(folder, 'live')
    let acked = 0
    const moments = await momentsOf(
      live,
      folder,
      [
        'disk.replace.before-rename',
        'disk.replace.after-rename',
        'disk.make.before-rename',
        'disk.make.after-rename',
        'disk.sentinel.before-write',
        'disk.commit.before-sync',
        'disk.commit.after-sync'
      ],
      () => acked,
      async () => {
        const ground = await openAt(live)
        await ground.store.write({ ops: opsOf(1) })
        acked = 1
        await ground.close()
      }
    )
    const key = await readFile(join(live, 'identity.key'))
    const cuts: Cut[] = []
    for (const [i, moment] of moments.entries()) {
      const what = `step ${i}, ${moment.name}`
      // The step after its rename comes when the folder is synced.
      const keyIsSynced = i > 0 && existsSync(join(moments[i - 1]!.path, 'identity.key'))
      const { said } = moment
      cuts.push({ path: moment.path, keyIsSynced, said, what })
      const forgot = `${moment.path}-forgot`
      await cp(moment.path, forgot, { recursive: true })
      if (forgetNewest({ ...moment, path: forgot }))
        cuts.push({ path: forgot, keyIsSynced, said, what: `${what}, names forgotten` })
    }
    assert.ok(cuts.length >= 12, `${cuts.length} cuts`)
    for (const cut of cuts) await completes(cut, key)
  }))

interface Cut {
  readonly path: string
  readonly keyIsSynced: boolean
  /** Commits that were acknowledged. */
  readonly said: number
  readonly what: string
}

async function completes({ path, keyIsSynced, said, what }: Cut, key: Uint8Array): Promise<void> {
  const ground = await openAt(path).catch(error => {
    throw new Error(`${what}: ${error}`, { cause: error })
  })
  try {
    if (keyIsSynced) assert.deepEqual(ground.seed, new Uint8Array(key), `${what}: identity`)
    assert.ok((await commitsIn(ground.store, 1)).length >= said, `${what}: the acknowledged commit`)
    await ground.store.write({ ops: opsOf(2) })
    assert.deepEqual((await ground.store.verify()).damage, [], what)
  } finally {
    await ground.close()
  }
  const again = await DataDirectory.open(path)
  await again.close()
}

/** A data directory with flipped bits in each kind of its files: found before LevelDB is let at it, and mended. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { VerifyReport } from '../../src/base/index.js'
import { isNatterError, withLimits } from '../../src/base/index.js'
import { openGround } from '../../src/node/ground.js'
import { verifyDirectory } from '../../src/node/verify-directory.js'
import type { Store } from '../../src/store/index.js'
import { openStandalone } from '../../src/store/standalone.js'
import { exchange } from '../store/exchange.js'
import { closeStore, put, read, storeOf } from '../store/harness.js'
import { seededFractions, testSeed } from '../support/random.js'

const writes = 24

interface Stage {
  readonly path: string
  readonly peer: Store
  /** The files of the database as they were. */
  readonly files: ReadonlyMap<string, Buffer>
}

/** A directory and a peer in memory that hold the same; `times` starts leave tables beside the log. */
async function stage(t: TestContext, times: number): Promise<Stage> {
  const path = await mkdtemp(join(tmpdir(), 'natter-damage-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  const peer = await storeOf(7, { network: 'test' })
  t.after(() => closeStore(peer))
  for (let time = 0; time < times; time++) {
    const here = await openStandalone({
      location: path,
      network: 'test',
      durability: undefined,
      limits: withLimits()
    })
    for (let i = 0; i < writes / 2; i++) {
      await here.store.write({
        ops: [put(`k${time}-${i}`, 'x'.repeat(200)), put('shared', i)],
        id: `w${time}-${i}`
      })
      await peer.write({ ops: [put(`p${time}-${i}`, i), put('shared', `p${i}`)] })
      if (i % 5 === 0) await exchange(peer, here.store)
    }
    await exchange(peer, here.store)
    await here.close()
  }
  const files = new Map<string, Buffer>()
  for (const name of await readdir(join(path, 'db'))) files.set(name, await readFile(join(path, 'db', name)))
  return { path, peer, files }
}

async function putBack({ path, files }: Stage): Promise<void> {
  await rm(join(path, 'db'), { recursive: true })
  for (const name of await readdir(path)) {
    if (name.startsWith('db.damaged')) await rm(join(path, name), { recursive: true })
  }
  await mkdir(join(path, 'db'))
  for (const [name, bytes] of files) await writeFile(join(path, 'db', name), bytes)
}

/** Opens the directory and brings what it waits for; answers its last report. */
async function heal(stage: Stage): Promise<VerifyReport> {
  const ground = await openGround({ dataDir: stage.path }, withLimits())
  try {
    const { store } = ground
    for (let round = 0; round < 5; round++) {
      for (const { tip, have } of await store.missing()) {
        const run = stage.peer.openRun()
        await run.add({ type: 'want', tip, have, offset: 0 })
        const { batches, proof } = await run.next(1 << 24)
        await store.apply(batches, proof)
        await run.close()
      }
      await exchange(stage.peer, store)
      const report = await store.verify({ repair: true })
      if (report.ok) break
    }
    assert.equal(store.stateDigest(), stage.peer.stateDigest())
    assert.equal(store.frontierDigest(), stage.peer.frontierDigest())
    return await store.verify()
  } finally {
    await ground.close()
  }
}

async function opens(path: string): Promise<boolean> {
  try {
    const ground = await openGround({ dataDir: path }, withLimits())
    assert.notEqual((await ground.store.status()).ops, 0, 'never an empty database')
    await ground.close()
    return true
  } catch (error) {
    assert.ok(isNatterError(error, 'STORE_DAMAGED'), String(error))
    assert.match(error.remedy ?? '', /natter verify --repair --data/)
    return false
  }
}

const kinds = { CURRENT: /^CURRENT$/, MANIFEST: /^MANIFEST/, log: /\.log$/, table: /\.ldb$/ }

for (const [kind, pattern] of Object.entries(kinds)) {
  test(`a flipped byte in ${kind} is found or of no effect, and mended with a peer`, async t => {
    const seed = testSeed(`flips in ${kind}`)
    const random = seededFractions(seed)
    const scene = await stage(t, 3)
    const names = [...scene.files.keys()].filter(name => pattern.test(name))
    assert.ok(names.length > 0)
    for (let round = 0; round < 5; round++) {
      const name = names[Math.floor(random() * names.length)]!
      const bytes = Buffer.from(scene.files.get(name)!)
      const at = Math.floor(random() * bytes.length)
      bytes[at]! ^= 1 << Math.floor(random() * 8)
      await writeFile(join(scene.path, 'db', name), bytes)
      const what = `seed ${seed}, round ${round}: byte ${at} of ${name}`
      const found = await verifyDirectory(scene.path)
      if (!found.ok) {
        const report = await verifyDirectory(scene.path, { repair: true })
        assert.ok(report.repaired.length > 0 || report.damage.length > 0, what)
        assert.ok(await opens(scene.path), what)
      }
      assert.deepEqual((await heal(scene)).damage, [], what)
      await putBack(scene)
    }
  })

  test(`a missing ${kind} is no empty database, and mended with a peer`, async t => {
    const scene = await stage(t, 3)
    const name = [...scene.files.keys()].filter(file => pattern.test(file)).at(-1)!
    await unlink(join(scene.path, 'db', name))
    assert.equal(await opens(scene.path), false)
    assert.equal((await verifyDirectory(scene.path)).ok, false)
    await verifyDirectory(scene.path, { repair: true })
    assert.deepEqual((await heal(scene)).damage, [])
  })
}

test('the damaged database is kept until it is removed, and a cut repair goes on from it', async t => {
  const scene = await stage(t, 2)
  await unlink(join(scene.path, 'db', 'CURRENT'))
  await verifyDirectory(scene.path, { repair: true })
  assert.ok((await readdir(scene.path)).includes('db.damaged-1'))
  await rm(join(scene.path, 'db'), { recursive: true })
  assert.equal(await opens(scene.path), false)
  await verifyDirectory(scene.path, { repair: true })
  assert.deepEqual((await heal(scene)).damage, [])
  const ground = await openGround({ dataDir: scene.path }, withLimits())
  assert.equal(await read(ground.store, 'k1-3'), 'x'.repeat(200))
  await ground.close()
})

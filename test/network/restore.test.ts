/**
 * Directories put back from raw copies, on real processes: nothing is signed twice, nothing acknowledged is lost, and what
 * a node says of others follows what they hold.
 */
import assert from 'node:assert/strict'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { fromUtf8, isNatterError } from '../../src/base/index.js'
import { connectedTo, equalDigests } from '../support/cluster.js'
import { Fleet } from '../support/peer-process.js'
import { until } from '../support/until.js'
import { checkSignedOnce, withStore } from './logs.js'
import { acksOf, opIdOf, PUT_BACK_HOLDS, putBackCase, stopAll, syncInto } from './restore-cases.js'

let fleet = new Fleet()
afterEach(async () => {
  await fleet.end()
  fleet = new Fleet()
})

test(`an old copy put back file by file, the key file untouched, ${PUT_BACK_HOLDS}`, () =>
  putBackCase(fleet, syncInto))

test('a directory copied while its node writes opens without a false value, or is refused as damaged', async () => {
  const a = await fleet.start('a')
  let n = 0
  let stopped = false
  const acked: number[] = []
  const writing = (async () => {
    while (!stopped) {
      const at = n++
      if ((await a.put(`key-${at}`, at)).status === 200) acked.push(at)
    }
  })()
  const copies: { dir: string; before: number }[] = []
  for (let i = 0; i < 4; i++) {
    const goal = n + 40
    await until('some more writes', 10_000, () => n > goal)
    const dir = await fleet.dir(`copy-${i}`)
    const before = acked.length
    await cp(a.init.dataDir, dir, { recursive: true })
    copies.push({ dir, before })
  }
  stopped = true
  await writing
  for (const { dir, before } of copies) {
    const held = await withStore(dir, async store => {
      assert.deepEqual((await store.verify()).damage, [])
      const cells = await store.iterate({}).next(n)
      for (const { key, cell } of cells) {
        assert.equal(fromUtf8(key), `key-${JSON.parse(fromUtf8(cell.winner.value!))}`)
      }
      return cells.length
    }).catch(error => {
      assert.ok(isNatterError(error, 'STORE_DAMAGED'), String(error))
      return before
    })
    assert.ok(held >= before, `${held} of ${before} that were durable before the copy began`)
  }
})

for (const [what, keepsKey] of [
  ['the same key', true],
  ['a new key', false]
] as const) {
  test(`a node that lost its database and starts with ${what} fetches everything, its own former log too`, async () => {
    let a = await fleet.start('a')
    const b = await fleet.start('b', ['--bootstrap', a.addr])
    await connectedTo(b, 1)
    for (let i = 0; i < 5; i++) await a.put(`of-a-${i}`, i)
    await b.put('of-b', 1, '?ack=1&wait=10s')
    await equalDigests([a, b])
    const former = a.peerId
    const opId = await opIdOf(b, 'of-b')
    await a.stop()
    const key = await readFile(join(a.init.dataDir, 'identity.key'))
    await rm(a.init.dataDir, { recursive: true })
    if (keepsKey) await seedDirectory(a.init.dataDir, key)
    a = await fleet.restart(a, ['--bootstrap', b.addr])
    assert.equal(a.peerId === former, keepsKey)
    await equalDigests([a, b])
    assert.equal(await a.value('of-a-4'), 4)
    await a.put('again', 1, '?ack=1&wait=10s')
    await equalDigests([a, b])
    const holders = keepsKey ? [a.peerId] : [a.peerId, former].sort()
    await until('the receipt counts who holds it', 10_000, async () => {
      return (await acksOf(b, opId)).join() === holders.join()
    })
    await stopAll(a, b)
    const { tips, epochs } = await checkSignedOnce([a.init.dataDir, b.init.dataDir])
    assert.equal(epochs.get(former), keepsKey ? 2 : 1)
    for (const count of tips.values()) assert.equal(count, 1)
  })
}

/** A directory with a key and nothing else, as after a first start that was cut off there. */
async function seedDirectory(path: string, key: Uint8Array): Promise<void> {
  await mkdir(path, { mode: 0o700 })
  const manifest = {
    format: 1,
    state: 'making',
    author: null,
    storeId: '0123456789abcdef',
    place: null,
    database: null,
    sentinel: null
  }
  await writeFile(join(path, 'natter.json'), JSON.stringify(manifest))
  await writeFile(join(path, 'identity.key'), key, { mode: 0o600 })
}

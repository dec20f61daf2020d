/** What `ReplicatedLevel` adds to an abstract-level database: the log beneath it, its limits, its directory. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import { DEFAULT_LIMITS, FORMAT, isNatterError, utf8 } from '../../src/base/index.js'
import { systemClock, systemRandom } from '../../src/base/system.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import { openStore, type Store } from '../../src/store/index.js'
import { ReplicatedLevel } from '../../src/store/replicated-level.js'

const writer = fileURLToPath(new URL('./level-writer.js', import.meta.url))
const seed = new Uint8Array(32).fill(7)

async function withStore(run: (store: Store) => Promise<void>): Promise<void> {
  const disk = await openMemoryDisk()
  const store = await openStore({
    disk,
    network: 'default',
    signer: nodeSigner(seed),
    crypto: nodeCrypto,
    clock: systemClock,
    random: systemRandom,
    limits: DEFAULT_LIMITS,
    strategy: () => 'latest'
  })
  try {
    await run(store)
  } finally {
    await store.close()
    await disk.close()
  }
}

async function withFolder(run: (path: string) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), 'natter-level-'))
  try {
    await run(join(path, 'data'))
  } finally {
    await rm(path, { recursive: true })
  }
}

const is = (code: Parameters<typeof isNatterError>[1]) => (error: unknown) => isNatterError(error, code)

/** The code of the error beneath the one that abstract-level throws when opening fails. */
const opensWith = (code: Parameters<typeof isNatterError>[1]) => (error: unknown) =>
  (error as { code: string }).code === 'LEVEL_DATABASE_NOT_OPEN' &&
  isNatterError((error as Error).cause, code)

describe('ReplicatedLevel over a store', () => {
  it('makes one log batch of one batch(), chained or not', () =>
    withStore(async store => {
      const db = ReplicatedLevel.over<string, unknown>(store, { valueEncoding: 'json' })
      await db.batch([
        { type: 'put', key: 'a', value: { n: 1 } },
        { type: 'put', key: 'b', value: [2] },
        { type: 'del', key: 'c' }
      ])
      assert.equal(store.mark.position, 1)
      assert.equal(store.status().ops, 3)
      await db.batch().put('d', true).del('a').write()
      assert.equal(store.mark.position, 2)
      await db.batch([])
      assert.equal(store.mark.position, 2)
      assert.deepEqual(await db.iterator().all(), [
        ['b', [2]],
        ['d', true]
      ])
      await db.close()
    }))

  it('spans sublevels in one batch', () =>
    withStore(async store => {
      const db = ReplicatedLevel.over<string, unknown>(store, { valueEncoding: 'json' })
      const shop = db.sublevel<string, unknown>('shop', { valueEncoding: 'json' })
      const bank = db.sublevel<string, unknown>('bank', { valueEncoding: 'json' })
      await db.batch([
        { type: 'put', sublevel: shop, key: 'cart', value: 1 },
        { type: 'put', sublevel: bank, key: 'debt', value: 2 }
      ])
      assert.equal(store.mark.position, 1)
      assert.equal(await shop.get('cart'), 1)
      assert.deepEqual(await bank.keys().all(), ['debt'])
      assert.deepEqual(await db.keys().all(), ['!bank!debt', '!shop!cart'])
      await shop.clear()
      assert.deepEqual(await db.keys().all(), ['!bank!debt'])
      await db.close()
    }))

  it('refuses what is over a limit, and writes nothing of it', () =>
    withStore(async store => {
      const db = ReplicatedLevel.over<string, string>(store, { limits: { valueBytes: 1000 } })
      const put = (key: string, value: string) => ({ type: 'put' as const, key, value })
      await assert.rejects(db.put('a', 'x'.repeat(1001)), is('VALUE_TOO_LARGE'))
      await assert.rejects(db.batch([put('b', 'x'), put('a', 'x'.repeat(1001))]), is('VALUE_TOO_LARGE'))
      await assert.rejects(db.put('k'.repeat(FORMAT.keyBytes + 1), 'x'), is('KEY_TOO_LARGE'))
      const tooMany = Array.from({ length: FORMAT.batchOps + 1 }, (_, i) => put(String(i), ''))
      await assert.rejects(db.batch(tooMany), is('BATCH_TOO_LARGE'))
      const tooLong = Array.from({ length: 9000 }, (_, i) => put(String(i), 'x'.repeat(1000)))
      await assert.rejects(db.batch(tooLong), is('BATCH_TOO_LARGE'))
      assert.equal(store.mark.position, 0)
      await db.put('k'.repeat(FORMAT.keyBytes), 'x'.repeat(1000))
      assert.equal(store.mark.position, 1)
      await db.close()
    }))

  it('clears in several batches, within its range and limit', () =>
    withStore(async store => {
      const db = ReplicatedLevel.over<string, string>(store)
      const keys = Array.from({ length: 5_000 }, (_, i) => `k${String(i).padStart(5, '0')}`)
      await db.batch(keys.map(key => ({ type: 'put', key, value: 'x' })))
      await db.clear({ gte: 'k00010', limit: 5, reverse: true })
      assert.equal(await db.has('k04995'), false)
      assert.equal(await db.has('k04994'), true)
      const before = store.mark.position
      await db.clear({ gte: 'k00010' })
      assert.ok(store.mark.position - before > 1)
      assert.deepEqual(await db.keys().all(), keys.slice(0, 10))
      await db.close()
    }))

  it('calls onClose when it closes, and does not touch the store', () =>
    withStore(async store => {
      let closed = 0
      const db = ReplicatedLevel.over<string, string>(store, {
        onClose: async () => {
          closed++
        }
      })
      await db.put('a', '1')
      await db.close()
      await db.close()
      assert.equal(closed, 1)
      assert.ok(await store.get(utf8('a')))
      await assert.rejects(db.get('a'), { code: 'LEVEL_DATABASE_NOT_OPEN' })
    }))
})

describe('ReplicatedLevel on a data directory', () => {
  it('keeps what it holds, and is open once', () =>
    withFolder(async path => {
      const db = new ReplicatedLevel(path)
      assert.equal(db.location, path)
      await db.put('name', 'Alice')
      await db.sublevel('sub').put('name', 'Bob')
      await assert.rejects(new ReplicatedLevel(path).open(), opensWith('DIRECTORY_IN_USE'))
      await db.close()
      const again = new ReplicatedLevel<string, string>(path)
      assert.equal(await again.get('name'), 'Alice')
      assert.equal(await again.sublevel('sub').get('name'), 'Bob')
      await again.close()
      await again.open()
      assert.equal(await again.get('name'), 'Alice')
      await again.close()
    }))

  it('holds what was acknowledged, and batches whole, after its process was killed', () =>
    withFolder(async path => {
      const acked: string[] = []
      for (let round = 0; round < 3; round++) {
        const child = spawn(process.execPath, [writer, path, String(round)], {
          stdio: ['ignore', 'pipe', 'inherit']
        })
        const killAt = acked.length + 100 * (round + 1)
        for await (const line of createInterface({ input: child.stdout })) {
          acked.push(line)
          if (acked.length === killAt) child.kill('SIGKILL')
        }
      }
      assert.ok(acked.length >= 600)
      const db = new ReplicatedLevel<string, string>(path)
      const values = await db.getMany(acked.flatMap(key => [`a-${key}`, `b-${key}`]))
      assert.deepEqual(
        values,
        acked.flatMap(key => [key, key])
      )
      const left = (await db.keys({ gte: 'a-', lt: 'a.' }).all()).map(key => key.slice(2))
      const right = (await db.keys({ gte: 'b-', lt: 'b.' }).all()).map(key => key.slice(2))
      assert.deepEqual(left, right)
      await db.close()
    }))

  it('belongs to one network', () =>
    withFolder(async path => {
      const shop = new ReplicatedLevel(path, { network: 'shop' })
      await shop.put('a', '1')
      await shop.close()
      await assert.rejects(
        new ReplicatedLevel(path, { network: 'bank' }).open(),
        opensWith('NETWORK_MISMATCH')
      )
      const kept = new ReplicatedLevel(path)
      assert.equal(await kept.get('a'), '1')
      await kept.close()
    }))

  it('says that an argument is none', () => {
    assert.throws(() => new ReplicatedLevel(''), TypeError)
    assert.throws(() => new ReplicatedLevel({} as unknown as string), TypeError)
    assert.throws(() => new ReplicatedLevel(undefined, { limits: { valueBytes: -1 } }), TypeError)
  })
})

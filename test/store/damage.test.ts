/** Damage is found: at open, when a record is read, and by verification. A wrong value is never given. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNatterError } from '../../src/base/index.js'
import type { Disk } from '../../src/disk/index.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import { SPACE, spaceRange } from '../../src/store/keys.js'
import { closeStore, del, key, put, read, SeededRandom, storeOf } from './harness.js'

async function filled(): Promise<Disk> {
  const disk = await openMemoryDisk()
  const store = await storeOf(1, { disk })
  const other = await storeOf(2)
  for (let i = 0; i < 6; i++) {
    await store.write({ ops: [put(`k${i}`, i), put('shared', i)], id: `w${i}` })
    const { batch } = await other.write({ ops: [put('shared', `o${i}`), del('gone')] })
    const run = other.openRun()
    await run.add({ type: 'want', tip: [...other.frontier][0]!, have: [], offset: 0 })
    const { batches } = await run.next(1 << 20)
    await store.apply(batches.filter(({ id }) => id === batch))
    await run.close()
  }
  await store.close()
  await closeStore(other)
  return disk
}

async function entriesOf(disk: Disk, space: number): Promise<[Uint8Array, Uint8Array][]> {
  const iterator = disk.iterate(spaceRange(space))
  const entries: [Uint8Array, Uint8Array][] = []
  for (let page = await iterator.next(100); page.length > 0; page = await iterator.next(100))
    entries.push(...page)
  await iterator.close()
  return entries
}

async function flip(disk: Disk, at: Uint8Array, value: Uint8Array, bit: number): Promise<void> {
  const changed = value.slice()
  changed[bit >> 3]! ^= 1 << (bit & 7)
  const write = disk.write()
  write.put(at, changed)
  await disk.commit(write)
}

async function restore(disk: Disk, at: Uint8Array, value: Uint8Array): Promise<void> {
  const write = disk.write()
  write.put(at, value)
  await disk.commit(write)
}

const spaces = Object.entries(SPACE).filter(([name]) => !['peer', 'programAck', 'cover'].includes(name))

for (const [name, space] of spaces) {
  test(`a flipped bit in a record of ${name} is found, never served`, async () => {
    const seed = 11
    const random = new SeededRandom(seed)
    const disk = await filled()
    const entries = (await entriesOf(disk, space)).filter(([, value]) => value.length > 0)
    for (let round = 0; round < 12 && entries.length > 0; round++) {
      const [at, value] = entries[random.below(entries.length)]!
      const what = `seed ${seed}, round ${round}`
      await flip(disk, at, value, random.below(value.length * 8))
      const store = await storeOf(1, { disk }).catch(error => {
        // A newer format is said where the version itself was hit and the rest cannot be told.
        assert.ok(
          isNatterError(error, 'STORE_DAMAGED') || isNatterError(error, 'FORMAT_UNKNOWN'),
          `${what}: ${error}`
        )
        return undefined
      })
      if (store !== undefined) {
        const report = await store.verify()
        assert.equal(report.ok, false, `${what}: verification found nothing`)
        for (let i = 0; i < 6; i++) {
          const shown: unknown = await read(store, `k${i}`).catch(error => {
            assert.ok(isNatterError(error, 'STORE_DAMAGED'), String(error))
            return i
          })
          assert.equal(shown, i, what)
        }
        await store.close()
      }
      await restore(disk, at, value)
    }
    const whole = await storeOf(1, { disk })
    assert.deepEqual((await whole.verify()).damage, [])
    await closeStore(whole)
  })

  test(`a record of ${name} that is missing is found`, async () => {
    const random = new SeededRandom(12)
    const disk = await filled()
    const entries = await entriesOf(disk, space)
    for (let round = 0; round < 4 && entries.length > 0; round++) {
      const [at, value] = entries[random.below(entries.length)]!
      const write = disk.write()
      write.del(at)
      await disk.commit(write)
      const store = await storeOf(1, { disk }).catch(error => {
        assert.ok(isNatterError(error, 'STORE_DAMAGED'), String(error))
        return undefined
      })
      if (store !== undefined) {
        assert.equal((await store.verify()).ok, false, `round ${round}`)
        await store.close()
      }
      await restore(disk, at, value)
    }
    await disk.close()
  })
}

test('a damaged cell is told of, and one write on it fails alone', async () => {
  const disk = await filled()
  const cells = await entriesOf(disk, SPACE.cell)
  const [at, value] = cells.find(([entry]) => new TextDecoder().decode(entry.subarray(1)) === 'k3')!
  await flip(disk, at, value, 99)
  const store = await storeOf(1, { disk, random: new SeededRandom(9) })
  const told: string[] = []
  store.onEvent('unreadable', event => told.push(event.key))
  await assert.rejects(store.get(key('k3')), { code: 'STORE_DAMAGED' })
  assert.deepEqual(told, ['k3'])
  const [bad, good] = await Promise.allSettled([
    store.write({ ops: [put('k3', 'new')] }),
    store.write({ ops: [put('k4', 'new')] })
  ])
  assert.ok(bad.status === 'rejected' && isNatterError(bad.reason, 'STORE_DAMAGED'))
  assert.equal(good.status, 'fulfilled')
  assert.equal(await read(store, 'k4'), 'new')
  await closeStore(store)
})

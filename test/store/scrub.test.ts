/** The quiet check: it finds what nobody reads, has it mended, and says how far it is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SCRUB } from '../../src/base/index.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import { branchKey, logKey } from '../../src/store/keys.js'
import { ManualClock } from '../disk/manual-clock.js'
import { until } from '../support/until.js'
import { closeStore, put, storeOf } from './harness.js'

test('a scrub finds a damaged batch and mends a damaged index, without being asked to', async () => {
  const disk = await openMemoryDisk()
  const clock = new ManualClock()
  const store = await storeOf(1, { disk, clock })
  for (let i = 0; i < 8; i++) await store.write({ ops: [put(`k${i}`, 'x'.repeat(100_000))] })
  assert.deepEqual(store.scrub, { lastPassAtMs: null, progress: 0, damaged: 0 })
  const [tip] = [...store.frontier]
  const branch = branchKey({ author: 0, epoch: tip!.epoch, branch: 0 })
  const write = disk.write()
  for (const at of [logKey(3), branch]) {
    const value = (await disk.get(at))!.slice()
    value[value.length - 1]! ^= 1
    write.put(at, value)
  }
  await disk.commit(write)
  const told: string[] = []
  store.onEvent('storage', ({ reason }) => told.push(reason ?? ''))
  clock.advance(SCRUB.firstMs)
  const seen: number[] = []
  await until('a pass', 10_000, () => {
    clock.advance(SCRUB.pauseMs)
    seen.push(store.scrub.progress)
    return store.scrub.lastPassAtMs !== null
  })
  assert.ok(seen.some(progress => progress > 0 && progress < 1))
  assert.equal(store.scrub.damaged, 1)
  assert.deepEqual(
    (await store.missing()).map(({ position }) => position),
    [3]
  )
  assert.match(told[0]!, /position 3 of the log/)
  assert.deepEqual(
    (await store.verify()).damage.map(({ where }) => where),
    ['position 3 of the log']
  )
  await closeStore(store)
})

/** The write fence: what a failed commit does to it, to its neighbours, and how the disk comes back. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { DEFAULT_LIMITS, isNatterError, utf8 } from '../../src/base/index.js'
import { createDatabase, openLevelDisk } from '../../src/disk/classic-disk.js'
import type { Disk, DiskState } from '../../src/disk/index.js'
import { put } from '../suites/disk-suite.js'
import { Faults, faultyLevel } from './faulty-level.js'
import { ManualClock } from './manual-clock.js'

interface Bench {
  readonly disk: Disk
  readonly faults: Faults
  readonly clock: ManualClock
  readonly states: DiskState[]
}

async function withDisk(run: (bench: Bench) => Promise<void>): Promise<void> {
  const location = join(await mkdtemp(join(tmpdir(), 'natter-fence-')), 'db')
  await createDatabase(location)
  const faults = new Faults()
  const clock = new ManualClock()
  const disk = await openLevelDisk({
    location,
    durability: 'fsync',
    limits: DEFAULT_LIMITS,
    clock,
    level: faultyLevel(faults)
  })
  const states: DiskState[] = []
  disk.onState(state => states.push(state))
  try {
    await run({ disk, faults, clock, states })
  } finally {
    await disk.close()
    await rm(dirname(location), { recursive: true })
  }
}

/** Resolves when the disk is open, or when recovery has given up until later: both leave their mark on the clock. */
async function recovered({ disk, clock }: Bench): Promise<void> {
  while (disk.state === 'fenced' && clock.pending.length === 0) {
    await new Promise(resolve => setImmediate(resolve))
  }
}

const is =
  (...codes: Parameters<typeof isNatterError>[1][]) =>
  (error: unknown): boolean =>
    codes.some(code => isNatterError(error, code))

describe('the write fence', () => {
  it('ends a failed commit as indeterminate and those behind it as not made, and still reads', () =>
    withDisk(async bench => {
      const { disk, faults, states } = bench
      await put(disk, { a: '1' })
      faults.writes = 'before'
      const outcomes = await Promise.allSettled([
        put(disk, { a: '2' }),
        put(disk, { a: '3' }),
        put(disk, { a: '4' })
      ])
      assert.deepEqual(
        outcomes.map(outcome => (outcome.status === 'rejected' ? outcome.reason.code : 'made')),
        ['INDETERMINATE', 'STORE_FENCED', 'STORE_FENCED']
      )
      faults.writes = 'no' // the handle would take writes again, and lose them
      await assert.rejects(put(disk, { a: '5' }), is('STORE_FENCED'))
      assert.equal(disk.state, 'fenced')
      assert.match(disk.reason!, /No space left/)
      assert.deepEqual(states, ['fenced'])
      assert.deepEqual(await disk.get(utf8('a')), utf8('1'))
    }))

  it('opens the database again, lets listeners rebuild, then takes commits', () =>
    withDisk(async bench => {
      const { disk, faults, clock, states } = bench
      const order: string[] = []
      disk.onReopen(async commit => {
        order.push(`first, ${disk.state}`)
        await assert.rejects(put(disk, { other: '1' }), is('STORE_FENCED'))
        const repair = disk.write()
        repair.put(utf8('repair'), utf8('made'))
        await commit(repair)
      })
      disk.onReopen(async () => {
        order.push('second')
      })
      faults.writes = 'after'
      await assert.rejects(put(disk, { a: '1' }), is('INDETERMINATE'))
      faults.writes = 'no'
      clock.advance(250)
      await recovered(bench)
      assert.equal(disk.state, 'open')
      assert.equal(disk.reason, undefined)
      assert.equal(faults.handles, 2)
      assert.deepEqual(order, ['first, fenced', 'second'])
      assert.deepEqual(states, ['fenced', 'open'])
      assert.deepEqual(await disk.get(utf8('repair')), utf8('made'))
      assert.deepEqual(await disk.get(utf8('a')), utf8('1'), 'what was indeterminate had been made')
      await put(disk, { a: '2' })
    }))

  it('stays down, with growing pauses, while reopening or rebuilding fails', () =>
    withDisk(async bench => {
      const { disk, faults, clock } = bench
      await put(disk, { a: '1' })
      faults.writes = 'before'
      await assert.rejects(put(disk, { a: '2' }), is('INDETERMINATE'))
      const pauses: number[] = []
      const attempt = async (): Promise<void> => {
        const [pause] = clock.pending
        pauses.push(pause!)
        clock.advance(pause!)
        await recovered(bench)
      }
      faults.opens = true
      await attempt()
      await attempt()
      assert.equal(disk.state, 'fenced')
      await assert.rejects(disk.get(utf8('a')), is('NOT_READY'))
      faults.opens = false
      let rebuilds = 0
      disk.onReopen(async commit => {
        rebuilds++
        const repair = disk.write()
        repair.put(utf8('repair'), utf8('made'))
        await commit(repair)
      })
      await attempt()
      assert.equal(disk.state, 'fenced', 'the repair could not be written')
      assert.deepEqual(await disk.get(utf8('a')), utf8('1'))
      faults.writes = 'no'
      await attempt()
      assert.equal(disk.state, 'open')
      assert.equal(rebuilds, 2)
      assert.deepEqual(pauses, [250, 500, 1000, 2000])
    }))

  it('does not touch the database before a file beside it could be written', () =>
    withDisk(async bench => {
      const { disk, faults, clock } = bench
      const obstacle = join(disk.location!, 'probe')
      await mkdir(obstacle)
      faults.writes = 'before'
      await assert.rejects(put(disk, { a: '1' }), is('INDETERMINATE'))
      faults.writes = 'no'
      clock.advance(250)
      await recovered(bench)
      assert.equal(disk.state, 'fenced')
      assert.equal(faults.handles, 1)
      await rmdir(obstacle)
      clock.advance(500)
      await recovered(bench)
      assert.equal(disk.state, 'open')
    }))

  it('cuts reads that began on the handle it closed, and only those', () =>
    withDisk(async bench => {
      const { disk, faults, clock } = bench
      await put(disk, { a: '1', b: '2' })
      const snapshot = disk.snapshot()
      const walk = disk.iterate({})
      await walk.next(1)
      faults.writes = 'before'
      await assert.rejects(put(disk, { a: '2' }), is('INDETERMINATE'))
      assert.equal((await walk.next(1)).length, 1)
      faults.writes = 'no'
      clock.advance(250)
      await recovered(bench)
      await assert.rejects(walk.next(1), is('NOT_READY'))
      await assert.rejects(disk.get(utf8('a'), { snapshot }), is('NOT_READY'))
      await snapshot.close()
      await walk.close()
      assert.equal((await disk.iterate({}).next(5)).length, 2)
    }))

  it('falls when the file system refuses a read, and not for damaged bytes', () =>
    withDisk(async bench => {
      const { disk, faults, clock } = bench
      await put(disk, { a: '1' })
      faults.reads = 'LEVEL_CORRUPTION'
      await assert.rejects(disk.get(utf8('a')), is('STORE_DAMAGED'))
      assert.equal(disk.state, 'open')
      faults.reads = 'LEVEL_IO_ERROR'
      await assert.rejects(disk.get(utf8('a')), is('DIRECTORY_UNUSABLE'))
      assert.equal(disk.state, 'fenced')
      faults.reads = 'no'
      clock.advance(250)
      await recovered(bench)
      assert.deepEqual(await disk.get(utf8('a')), utf8('1'))
    }))

  it('closes while down, and never recovers after', () =>
    withDisk(async bench => {
      const { disk, faults, clock, states } = bench
      faults.writes = 'before'
      await assert.rejects(put(disk, { a: '1' }), is('INDETERMINATE'))
      await disk.close()
      clock.advance(60_000)
      await recovered(bench)
      assert.equal(faults.handles, 1)
      assert.deepEqual(states, ['fenced', 'closed'])
    }))
})

/** When the write-ahead log is moved into a table: while nobody writes, before a close, and not for a few bytes. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { DEFAULT_LIMITS, utf8 } from '../../src/base/index.js'
import { createDatabase, openLevelDisk } from '../../src/disk/classic-disk.js'
import type { BytesLevel } from '../../src/disk/level-reads.js'
import { LogMover } from '../../src/disk/log-mover.js'
import { put } from '../suites/disk-suite.js'
import { until } from '../support/until.js'
import { ManualClock } from './manual-clock.js'

const MIB = 1024 * 1024

function makeMover() {
  const clock = new ManualClock()
  const moves: (() => void)[] = []
  const mover = new LogMover(clock, () => new Promise(resolve => moves.push(resolve)))
  mover.begin({} as BytesLevel)
  const turn = () => new Promise(resolve => setImmediate(resolve))
  return { clock, moves, mover, turn }
}

test('a log that nobody writes to any more is moved once', async () => {
  const { clock, moves, mover, turn } = makeMover()
  for (let second = 0; second < 20; second++) {
    mover.wrote(MIB)
    clock.advance(1000)
    await turn()
    assert.equal(clock.pending.length, 1, 'one timer, however many commits')
  }
  assert.equal(moves.length, 0, 'not while there are writes')
  clock.advance(10_000)
  await turn()
  clock.advance(10_000)
  await turn()
  assert.equal(moves.length, 1)
  assert.deepEqual(clock.pending, [])
})

test('a few bytes stay in the log, at a close too', async () => {
  const { clock, moves, mover } = makeMover()
  mover.wrote(1000)
  assert.deepEqual(clock.pending, [])
  await mover.finish()
  assert.equal(moves.length, 0)
})

test('a close waits for what is being moved, moves the rest, and leaves the handle alone then', async () => {
  const { clock, moves, mover, turn } = makeMover()
  mover.wrote(MIB)
  clock.advance(5000)
  await turn()
  mover.wrote(MIB)
  let finished = false
  const finish = mover.finish().then(() => {
    finished = true
  })
  await turn()
  assert.equal(moves.length, 1, 'one at a time')
  moves[0]!()
  await turn()
  assert.equal(finished, false)
  moves[1]!()
  await finish
  mover.wrote(MIB)
  clock.advance(60_000)
  await turn()
  assert.equal(moves.length, 2)
})

test('after a while without writes, the log of a real database is empty and nothing is lost', async t => {
  const location = join(await mkdtemp(join(tmpdir(), 'natter-mover-')), 'db')
  await createDatabase(location)
  const clock = new ManualClock()
  const disk = await openLevelDisk({ location, durability: 'fsync', limits: DEFAULT_LIMITS, clock })
  t.after(async () => {
    await disk.close()
    await rm(dirname(location), { recursive: true })
  })
  const logBytes = async (): Promise<number> => {
    let bytes = 0
    for (const name of await readdir(location))
      if (name.endsWith('.log')) bytes += (await stat(join(location, name))).size
    return bytes
  }
  await put(disk, { a: 'x'.repeat(MIB), b: '1' })
  assert.ok((await logBytes()) > MIB)
  clock.advance(5000)
  await until('the log is empty', 5000, async () => (await logBytes()) === 0)
  assert.deepEqual(await disk.get(utf8('b')), utf8('1'))
  await put(disk, { b: '2' })
  assert.deepEqual(await disk.get(utf8('b')), utf8('2'))
})

/** A node whose disk fails for a while, on a real LevelDB: nothing is acknowledged that is not on disk, and it resumes. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { DEFAULT_LIMITS } from '../../src/base/index.js'
import { systemClock } from '../../src/base/system.js'
import { createDatabase, openLevelDisk } from '../../src/disk/classic-disk.js'
import { Faults, faultyLevel } from '../disk/faulty-level.js'
import { until } from '../support/until.js'
import { Cluster } from './support.js'

describe('a disk that fails for a while', () => {
  for (const writes of ['before', 'after'] as const) {
    it(`acknowledges nothing meanwhile, then catches up (the error comes ${writes} the bytes are written)`, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'natter-engine-'))
      const location = join(directory, 'db')
      await createDatabase(location)
      const faults = new Faults()
      const cluster = new Cluster({ gossip: false })
      try {
        const disk = await openLevelDisk({
          location,
          durability: 'fsync',
          limits: DEFAULT_LIMITS,
          clock: systemClock,
          level: faultyLevel(faults)
        })
        const a = await cluster.node()
        const b = await cluster.node({}, disk)
        cluster.network.connect(a.author, b.author)
        await a.put('before', 'x')
        await cluster.settled()

        faults.writes = writes
        const committed = await a.put('while it fails', 'x')
        const tip = await a.tipOf(committed)
        await until('the fence', 3000, () => disk.state === 'fenced')
        const { open, streams } = b.engine.health(10)
        assert.deepEqual([open, streams], [false, []], 'it exchanges nothing')
        assert.equal(a.engine.holds(b.author, tip, committed.position), undefined)

        faults.writes = 'no'
        await cluster.settled(20_000)
        await until('the receipt', 5000, () => a.engine.holds(b.author, tip, committed.position))
        await b.put('after', 'x')
        await cluster.settled()
      } finally {
        await cluster.stop()
        await rm(directory, { recursive: true, force: true })
      }
    })
  }
})

/** The free-space guard: when it refuses, when it looks again, what it keeps on a small file system. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isNatterError } from '../../src/base/index.js'
import { SpaceGuard } from '../../src/disk/space-guard.js'
import { ManualClock } from './manual-clock.js'

const MIB = 1024 * 1024

function guarded(space: { free: number; total: number }) {
  const clock = new ManualClock()
  const looks = { count: 0 }
  const guard = new SpaceGuard(
    async () => {
      looks.count++
      return { ...space }
    },
    clock,
    64 * MIB
  )
  return { guard, clock, looks, space }
}

const full = (error: unknown): boolean => isNatterError(error, 'DISK_FULL')

describe('the space guard', () => {
  it('refuses while less than the margin is free, and resumes by itself', async () => {
    const { guard, clock, space } = guarded({ free: 10_000 * MIB, total: 20_000 * MIB })
    await guard.admit(1000)
    space.free = 60 * MIB
    clock.advance(1000)
    await assert.rejects(guard.admit(1000), full)
    space.free = 70 * MIB
    await guard.admit(1000)
  })

  it('looks once a second however many commits there are', async () => {
    const { guard, clock, looks } = guarded({ free: 10_000 * MIB, total: 20_000 * MIB })
    for (let i = 0; i < 100; i++) await guard.admit(1000)
    assert.equal(looks.count, 1)
    clock.advance(1000)
    for (let i = 0; i < 100; i++) await guard.admit(1000)
    assert.equal(looks.count, 2)
  })

  it('looks earlier when what was written may have used up the margin', async () => {
    const { guard, looks, space } = guarded({ free: 100 * MIB, total: 20_000 * MIB })
    await guard.admit(MIB)
    space.free = 64 * MIB
    await assert.rejects(async () => {
      for (let i = 0; i < 20; i++) await guard.admit(MIB)
    }, full)
    assert.equal(looks.count, 2)
  })

  it('keeps a twentieth of a small file system', async () => {
    const { guard, space, clock } = guarded({ free: 8 * MIB, total: 100 * MIB })
    await guard.admit(1000)
    space.free = 4 * MIB
    clock.advance(1000)
    await assert.rejects(guard.admit(1000), full)
  })
})

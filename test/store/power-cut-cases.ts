/** What a store lives through, where the power is cut, and what must hold afterwards. */
import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { utf8, withLimits } from '../../src/base/index.js'
import type { Ground } from '../../src/node/ground.js'
import { openGround } from '../../src/node/ground.js'
import type { Store } from '../../src/store/index.js'
import { seededFractions } from '../support/random.js'
import { carry } from './exchange.js'
import { closeStore, put, storeOf } from './harness.js'
import type { Moment } from './power-cut.js'
import { momentsOf, newestLog, sizeOf, TAILS } from './power-cut.js'

/** Network of both sides. */
const network = 'test'

export function openAt(dataDir: string): Promise<Ground> {
  return openGround({ dataDir, network }, withLimits({ freeBytes: 1 }))
}

/** Commit number n writes these keys, all or none; some commits are larger than a block of the log. */
export function opsOf(n: number): ReturnType<typeof put>[] {
  const text = 'x'.repeat(n % 7 === 3 ? 20_000 : 60)
  return [put('shared', n), put(`${n}/a`, [n, text]), put(`${n}/b`, [n, text])]
}

/** Numbers of the commits whose keys are there; a half of one fails. */
export async function commitsIn(store: Store, most: number): Promise<number[]> {
  const there: number[] = []
  for (let n = 1; n <= most; n++) {
    const cells = await store.getMany([utf8(`${n}/a`), utf8(`${n}/b`)])
    const present = cells.map(cell => cell?.winner !== undefined)
    assert.equal(present[0], present[1], `commit ${n} is there by half`)
    if (present[0]) there.push(n)
  }
  return there
}

/** What must hold of any directory after a power cut: `acked` commits and perhaps the one that was under way. */
export async function isWhole(dataDir: string, acked: number, author: string, what: string): Promise<void> {
  const ground = await openAt(dataDir)
  try {
    const { store } = ground
    assert.equal(store.author, author, `${what}: identity`)
    const there = await commitsIn(store, acked + 2)
    assert.deepEqual(
      there,
      there.map((_, i) => i + 1),
      `${what}: a prefix without a hole`
    )
    assert.ok(there.length === acked || there.length === acked + 1, `${what}: ${there.length} of ${acked}`)
    assert.deepEqual((await store.verify()).damage, [], what)
    const again = await store.write({ ops: opsOf(acked + 2) })
    assert.equal(again.repeated, false)
  } finally {
    await ground.close()
  }
}

/** Local commits and such of another node in turn; answers the moments around each. */
export async function livedThrough(
  folder: string,
  commits: number
): Promise<{ moments: Moment[]; author: string }> {
  const live = join(folder, 'live')
  const other = await storeOf(9, { network })
  const ground = await openAt(live)
  let acked = 0
  const moments = await momentsOf(
    live,
    folder,
    ['disk.commit.before-sync', 'disk.commit.after-sync'],
    () => acked,
    async () => {
      for (let n = 1; n <= commits; n++) {
        if (n % 4 === 0) {
          await carry(ground.store, other)
          await other.write({ ops: opsOf(n) })
          await carry(other, ground.store)
        } else await ground.store.write({ ops: opsOf(n), id: `id-${n}` })
        acked = n
      }
    }
  )
  const { author } = ground.store
  await ground.close()
  await closeStore(other)
  return { moments, author }
}

/** Cuts the power during each of so many commits, in every way; answers how many cuts that were. */
export async function cutDuringCommits(folder: string, commits: number, seed: number): Promise<number> {
  const fraction = seededFractions(seed)
  const { moments, author } = await livedThrough(folder, commits)
  let cuts = 0
  for (const [i, before] of moments.entries()) {
    const after = moments[i + 1]
    if (before.name !== 'disk.commit.before-sync' || after === undefined) continue
    const log = newestLog(join(before.path, 'db'))
    const synced = sizeOf(log)
    const written = join(after.path, 'db', basename(log))
    if (sizeOf(written) === synced) continue // a commit of the other node, which has no directory
    for (const tail of TAILS) {
      const cut = join(folder, 'cut')
      await cp(after.path, cut, { recursive: true })
      await tail.apply(join(cut, 'db', basename(log)), synced, fraction)
      await isWhole(cut, before.said, author, `commit after ${before.said}, ${tail.name}`)
      await rm(cut, { recursive: true })
      cuts++
    }
  }
  return cuts
}

/** What a full disk does to a node, for a while or until its restart. Each answers false where no disk can be mounted. */
import assert from 'node:assert/strict'
import { SmallDisk } from './full-disk.js'

/** Milliseconds for the guard to look again. */
const GUARD_MS = 5_000
/** Bytes that stay free where the guard should be what refuses: below its margin, and more than LevelDB takes meanwhile. */
const BELOW_MARGIN = 1024 * 1024
/** Milliseconds of the longest pause of a recovery, and some for what it does. */
const RECOVERY_MS = 40_000

/** The guard refuses: nothing reaches the database. At last the disk is full until the node is started again. */
export function fullForAWhile(durationsMs: readonly number[]): Promise<boolean> {
  return SmallDisk.run(async disk => {
    for (const ms of durationsMs) {
      for (let i = 0; i < 20; i++) assert.equal((await disk.write()).status, 200)
      const release = await disk.fill(BELOW_MARGIN)
      await disk.refusesSoon()
      await disk.refusesFor(ms, { DISK_FULL: 507 })
      await release()
      await disk.resumes(GUARD_MS)
    }
    const release = await disk.fill()
    await disk.refusesSoon()
    await disk.node.stop('SIGKILL')
    await assert.rejects(disk.fleet.restart(disk.node), /ended with 1.*DISK_FULL/s)
    await release()
    await disk.comesBack()
  })
}

/** Another program takes the space between two looks of the guard: the database meets the full disk. */
export function fullBehindTheGuard(durationsMs: readonly number[]): Promise<boolean> {
  return SmallDisk.run(async disk => {
    for (const ms of durationsMs) {
      const release = await fillBehindTheGuard(disk)
      await disk.refusesFor(ms, { STORE_FENCED: 503 })
      const { status } = await disk.node.get('/readyz')
      assert.equal(status, 503, 'not ready while fenced')
      await release()
      await disk.resumes(RECOVERY_MS)
    }
    await disk.node.stop('SIGKILL')
    await disk.comesBack()
  })
}

async function fillBehindTheGuard(disk: SmallDisk): Promise<() => Promise<void>> {
  for (;;) {
    assert.equal((await disk.write()).status, 200)
    // A write that the guard has looked for lately is let through into what is left.
    const release = await disk.fill()
    const { status, code } = await disk.write(disk.node, 8 * 1024)
    if (code === 'INDETERMINATE') {
      assert.equal(status, 503)
      return release
    }
    // The guard looked again in between: once more.
    assert.equal(code, 'DISK_FULL')
    await release()
    await disk.resumes(GUARD_MS)
  }
}

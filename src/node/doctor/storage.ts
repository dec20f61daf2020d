/** The directory and the disk under the store: rights, lock, sentinel, fence, room, durability. */
import { nodeCrypto } from '../../base/crypto-node.js'
import { directoryCondition } from '../../disk/directory-condition.js'
import { marginOf } from '../../disk/space-guard.js'
import { checksWereRenewed } from '../../store/index.js'
import type { Check, Finding, Patient } from './check.js'
import { counted, fail, ok, size, span, warn, withCases } from './check.js'

/** Room that is told of before writes are refused, as a multiple of the margin. */
const tightMargins = 2
/** How long a fence that was got over is still told of. */
const recentMs = 3_600_000

export const storageChecks: readonly Check[] = [
  {
    name: 'directory',
    needs: 'directory',
    async look({ directory }) {
      const { path, exposed, foreign, writable, lock } = await directoryCondition(directory!)
      const warnings = directory!.warnings
      const details = { path, exposed, foreign, writable, lock, warnings }
      if (lock !== 'held') {
        const what = lock === 'gone' ? 'is gone' : 'belongs to another process'
        return fail(
          `the lock file of ${path} ${what}: two processes may write there at once`,
          'Stop every process that uses this directory, then start one node on it.',
          details
        )
      }
      if (!writable)
        return fail(`${path} cannot be written`, `Check its owner and mode: ls -ld ${path}`, details)
      if (exposed.length > 0) {
        const cases = exposed.map(({ name, mode }) => `${name} has mode ${mode}`)
        return warn(
          withCases(`other users of this machine can look into ${path}`, cases),
          `Close it to them: chmod -R go= ${path}`,
          details
        )
      }
      if (foreign.length > 0) {
        return warn(
          `${foreign.join(', ')} in ${path} belongs to another user than the one who runs the node`,
          `Give it to that user: chown -R "$(id -un)" ${path}`,
          details
        )
      }
      if (warnings.length > 0) {
        return warn(
          withCases('something was put right when the directory was opened', warnings),
          'Nothing now; where others could read a key, make a new one: natter invite --rotate',
          details
        )
      }
      return ok(`${path} is closed to other users and locked by this process`, details)
    }
  },
  {
    name: 'sentinel',
    needs: 'directory',
    async look({ directory, store }) {
      const { sentinel } = directory!
      if (sentinel === null) return ok('no position is remembered yet that the database must have')
      const details = { position: sentinel.position, now: store.mark.position }
      const check = await store.checkAt(sentinel.position)
      if (check === undefined && sentinel.position <= store.mark.position) {
        return warn(
          `the record of position ${sentinel.position}, which the manifest remembers, cannot be read`,
          'See the check integrity.',
          details
        )
      }
      const isThere = sentinel.position <= store.mark.position
      const isOther = isThere && (await checksWereRenewed(store.disk, nodeCrypto))
      if (check !== sentinel.check && !isOther) {
        return fail(
          `the database in ${directory!.path} has lost what it held: it should have position ${sentinel.position}, and goes up to ${store.mark.position}`,
          'Restore the whole directory from a backup; what peers hold comes back from them.',
          details
        )
      }
      return ok(
        `the database has position ${sentinel.position}, which the manifest remembers, and goes up to ${store.mark.position}`,
        details
      )
    }
  },
  { name: 'storage', needs: 'store', look: lookAtStorage },
  {
    name: 'space',
    needs: 'directory',
    async look({ directory, limits }) {
      const { space } = await directoryCondition(directory!)
      const marginBytes = marginOf(space, limits.freeBytes)
      const details = { freeBytes: space.free, totalBytes: space.total, marginBytes }
      const evidence = `${size(space.free)} are free of ${size(space.total)}; below ${size(marginBytes)} writes are refused`
      const remedy = `Free some space on the file system of ${directory!.path}, or move the directory to a larger one.`
      if (space.free < marginBytes) return fail(evidence, remedy, details)
      return space.free < tightMargins * marginBytes ? warn(evidence, remedy, details) : ok(evidence, details)
    }
  },
  {
    name: 'durability',
    needs: 'store',
    look({ store: { disk } }) {
      const details = { durability: disk.durability }
      if (disk.durability === 'fsync') return ok('a write is answered when it is synced to disk', details)
      if (disk.durability === 'os') {
        return warn(
          'writes are answered before they are synced: a power cut loses the last of them, and acks of this node do not count',
          "Leave out durability: 'os', unless that is meant.",
          details
        )
      }
      return warn(
        'everything is kept in memory: it is gone when the process ends, and acks of this node do not count',
        'Give the node a directory: dataDir, or natter up --data DIR',
        details
      )
    }
  }
]

function lookAtStorage({ store: { disk }, notes, clock }: Patient): Finding {
  const { fences, lastFence } = notes
  const details = {
    state: disk.state,
    reason: disk.reason ?? null,
    fencesSinceStart: fences,
    lastFence:
      lastFence === undefined
        ? null
        : { reason: lastFence.reason, at: new Date(lastFence.atMs).toISOString() }
  }
  if (disk.state !== 'open') {
    const reason = disk.reason === undefined ? '' : `: ${disk.reason}`
    return fail(
      `the store is ${disk.state} and takes no writes${reason}`,
      disk.state === 'fenced'
        ? 'Mend what the reason names (room, cable, mount); the node tries again by itself and resumes.'
        : 'Start the node again.',
      details
    )
  }
  const sinceMs = lastFence === undefined ? Number.POSITIVE_INFINITY : clock.now() - lastFence.atMs
  if (sinceMs < recentMs) {
    return warn(
      `the store takes writes; the disk failed ${counted(fences, 'time')} since the start, last ${span(sinceMs)} ago: ${lastFence!.reason}`,
      'Look at the health of the disk (dmesg, smartctl): it has refused writes.',
      details
    )
  }
  return ok('the store takes writes', details)
}

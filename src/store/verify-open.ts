/** A store that is open, looked at and repaired: commits wait for a repair, and memory is built anew behind it. */
import type { VerifyOptions, VerifyReport } from '../base/index.js'
import type { BatchId } from '../log/index.js'
import type { StoreParts } from './store.js'
import { repairStore, verifyStore } from './verify.js'

export async function verifyOpenStore(
  { init, author, database, storeId, holes, committer, renewal, reload, peers }: StoreParts,
  { repair = false, signal }: VerifyOptions
): Promise<VerifyReport> {
  const isUnanswered = (id: BatchId): boolean => holes.isUnanswered(id)
  const parts = { ...init, author, database, storeId, isUnanswered, signal, withFiles: true }
  if (!repair) {
    // Checks that are known not to fit are no damage: they are being made anew.
    await renewal.run()
    return verifyStore(parts)
  }
  // What memory has of peers is on disk before a repair drops of it what is void.
  if (peers.isDirty) await committer.upkeep(() => undefined).catch(() => undefined)
  return committer.exclusive(async () => {
    try {
      return await repairStore(parts)
    } finally {
      // Behind a fence the recovery builds it anew: it alone tells listeners what the commit in doubt came to.
      if (init.disk.state === 'open') {
        await reload()
        await peers.takeDropped(init.disk)
      }
      holes.changed()
    }
  })
}

/** Holds a store and the manifest of its directory together: the position that was there must still be there. */
import type { Hashes } from '../base/index.js'
import type { DataDirectory } from '../disk/directory.js'
import { readRenewal } from './checks.js'
import type { Store } from './index.js'
import { RENEWAL_KEY } from './keys.js'

/**
 * Throws `STORE_DAMAGED` where the store has lost the position that the manifest remembers; then has the manifest
 * remember the store. Where running checks were made anew since, the position alone tells, and a new sentinel is taken.
 */
export async function holdTogether(directory: DataDirectory, store: Store, hashes: Hashes): Promise<void> {
  const { disk, mark, storeId, database } = store
  const note = await readRenewal(disk, hashes)
  const { sentinel } = directory
  const isOther = note !== undefined && sentinel !== null && sentinel.position <= mark.position
  if (!isOther) await directory.requireSentinel(position => store.checkAt(position), mark.position)
  await directory.remember({ storeId, database, ...(isOther && { sentinel: mark }) })
  if (note !== 'made' || directory.sentinel?.check !== mark.check) return
  const write = disk.write()
  write.del(RENEWAL_KEY)
  // A note too many is harmless: it goes at the next opening.
  await disk.commit(write).catch(() => undefined)
}

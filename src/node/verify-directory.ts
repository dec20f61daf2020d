/**
 * Verifying a data directory whose node does not run, and repairing it: first the files of LevelDB, then the store. A
 * store that cannot be opened is looked at all the same. What has to come from peers is noted in the directory, and asked
 * for when its node runs next.
 */
import { nodeCrypto, nodeSigner } from '../base/crypto-node.js'
import type { VerifyOptions, VerifyReport } from '../base/index.js'
import { withLimits } from '../base/index.js'
import { systemClock, systemRandom } from '../base/system.js'
import { DataDirectory } from '../disk/directory.js'
import type { Disk } from '../disk/index.js'
import type { StoreId } from '../log/index.js'
import type { StoreInit } from '../store/index.js'
import { checksWereRenewed, repairClosedStore, standOf, verifyClosedStore } from '../store/index.js'

const DEFAULT_NETWORK = 'default'

export interface DirectoryVerification extends VerifyOptions {
  /** Takes a line now and then about how far it is. */
  readonly onProgress?: (what: string) => void
}

/** Rejects with what `DataDirectory.open` rejects with, with `DISK_FULL`, and with what the system says. */
export async function verifyDirectory(
  dataDir: string,
  { repair = false, signal, onProgress }: DirectoryVerification = {}
): Promise<VerifyReport> {
  const directory = await DataDirectory.open(dataDir)
  try {
    onProgress?.('reading the files of the database')
    const faults = await directory.checkFiles({ full: true, pace: () => signal?.throwIfAborted() })
    const found = faults.map(({ file, what }) => ({ where: `the file db/${file}`, what }))
    if (found.length > 0 && !repair) return unread(found)
    if (found.length > 0) {
      const { kept } = await directory.salvage({ signal, onProgress })
      found.push({ where: 'the database', what: `a new one was made; the damaged one is kept in ${kept}` })
    }
    const disk = await directory.openDisk({ durability: 'fsync', limits: withLimits(), clock: systemClock })
    try {
      const options = { signal, onProgress, isTorn: found.length > 0 }
      const init = initOf(directory, disk)
      const report = await (repair ? repairClosedStore(init, options) : verifyClosedStore(init, options))
      const lost = await lostEnd(directory, disk)
      const isOther = await checksWereRenewed(disk, nodeCrypto)
      if (repair && (isOther || lost.length > 0 || found.length > 0))
        await directory.beginAnew((await standOf(disk, nodeCrypto, 0)).mark)
      const damage = [...report.damage, ...lost]
      return { ...report, ok: damage.length === 0, damage, repaired: [...found, ...report.repaired] }
    } finally {
      await disk.close()
    }
  } finally {
    await directory.close()
  }
}

function initOf(directory: DataDirectory, disk: Disk): StoreInit {
  return {
    disk,
    network: directory.settings.get().network ?? DEFAULT_NETWORK,
    signer: nodeSigner(directory.seed),
    crypto: nodeCrypto,
    clock: systemClock,
    random: systemRandom,
    limits: withLimits(),
    // Which version a read shows is not looked at here: it is a setting of the node that runs.
    strategy: () => 'latest',
    storeId: directory.storeId as StoreId
  }
}

/** Without its files there is no store to look at. */
function unread(damage: VerifyReport['damage']): VerifyReport {
  return { ok: false, batches: 0, ops: 0, keys: 0, damage, repaired: [], waiting: [] }
}

/** What the database should have and has no more. Positions then mean nothing to peers any more. */
async function lostEnd({ sentinel }: DataDirectory, disk: Disk): Promise<VerifyReport['damage']> {
  if (sentinel === null) return []
  const { mark, checkAt } = await standOf(disk, nodeCrypto, sentinel.position)
  const isKnown = checkAt === undefined || checkAt === sentinel.check
  const fits = isKnown || (await checksWereRenewed(disk, nodeCrypto))
  if (mark.position >= sentinel.position && fits) return []
  const what = `it held position ${sentinel.position} and ends at ${mark.position}: what peers hold of it comes back from them`
  return [{ where: 'the end of the log', what }]
}

/** The disk in memory: the same contract, nothing survives. */
import { systemClock } from '../base/system.js'
import type { Disk } from './index.js'
import { LevelDisk } from './level-disk.js'
import type { BytesLevel } from './level-reads.js'

/** A new, empty disk in memory. */
export async function openMemoryDisk(): Promise<Disk> {
  const { MemoryLevel } = await import('memory-level') // only here: most disks are files
  const tree: BytesLevel = new MemoryLevel<Uint8Array, Uint8Array>({
    storeEncoding: 'view',
    keyEncoding: 'view',
    valueEncoding: 'view'
  })
  return LevelDisk.open({ location: null, durability: 'memory', clock: systemClock, level: () => tree })
}

/** Bytes that a folder takes on the disk: of each file its length, or less where it has holes. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Bytes of a block as `stat` counts them. */
const BLOCK_BYTES = 512

export function folderBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => statSync(join(entry.parentPath, entry.name)))
    .reduce((sum, { size, blocks }) => sum + Math.min(size, blocks * BLOCK_BYTES), 0)
}

/** Folders of a test's own. */
import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system in memory, where the system has one. */
const MEMORY = '/dev/shm'

/**
 * Runs `run` with an empty folder, in memory where that is possible: for tests that model the disk themselves and would
 * only wait for the real one.
 */
export async function inFastFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(isWritable(MEMORY) ? MEMORY : tmpdir(), 'natter-'))
  try {
    return await run(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Small file systems of a test's own, in memory. */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs `run` in a file system of `sizeKib`; answers false when mounting is not permitted here. */
export async function onTmpfs(sizeKib: number, run: (folder: string) => Promise<void>): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'natter-full-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeKib}k`, 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    await rmdir(folder)
    return false
  }
  try {
    await run(folder)
  } finally {
    execFileSync('umount', [folder])
    await rmdir(folder)
  }
  return true
}

/** Makes the file system read-only ('ro') or writable again ('rw'). */
export function remount(folder: string, mode: 'ro' | 'rw'): void {
  execFileSync('mount', ['-o', `remount,${mode}`, folder])
}

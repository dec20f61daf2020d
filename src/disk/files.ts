/** Small files that must be whole or absent after a power cut: written beside, synced, renamed, folder synced. */
import type { FileHandle } from 'node:fs/promises'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { failpoint } from '../base/failpoints.js'
import { messageOf, NatterError } from '../base/index.js'

/** Makes the content of a file, or the entries of a folder, survive a power cut. */
export async function fsyncPath(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Which file it is: inode and birth. A file that is renamed stays the same one, a copy of it is another. */
export async function placeOf(file: string | FileHandle): Promise<string> {
  const { ino, birthtimeNs } = await (typeof file === 'string'
    ? stat(file, { bigint: true })
    : file.stat({ bigint: true }))
  return `${ino}-${birthtimeNs}`
}

/**
 * Replaces the file at `path`, readable by its owner only; after a crash it holds the old bytes or the new ones. The
 * content may say which file it stands in.
 */
export async function replaceFile(
  path: string,
  content: string | Uint8Array | ((place: string) => string)
): Promise<void> {
  const beside = `${path}.new`
  try {
    const file = await open(beside, 'w', 0o600)
    try {
      await file.chmod(0o600)
      await file.writeFile(typeof content === 'function' ? content(await placeOf(file)) : content)
      await file.sync()
    } finally {
      await file.close()
    }
    failpoint('disk.replace.before-rename')
    await rename(beside, path)
    failpoint('disk.replace.after-rename')
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined)
    throw fullDisk(path, error) ?? error
  }
  await fsyncPath(dirname(path))
}

/** `DISK_FULL` where an error says that no space is left, whoever said it: the system, or LevelDB in words. */
export function fullDisk(path: string, error: unknown): NatterError | undefined {
  const inWords = messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error)
  const full = isErrno(error, 'ENOSPC', 'EDQUOT') || inWords.includes('No space left on device')
  return full ? new NatterError('DISK_FULL', `no space is left for ${path}`, { cause: error }) : undefined
}

/** The bytes of the file, or undefined when there is none. */
export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

export function isErrno(error: unknown, ...codes: readonly string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && codes.includes(error.code as string)
}

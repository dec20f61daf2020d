/**
 * How a data directory stands while it is open: who may read its secrets, whether it can be written, whether its lock
 * is still this process's, and how much room there is. Looks only; what was put right at opening is in its warnings.
 */
import { access, constants, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { DataDirectory } from './directory.js'
import { readLock } from './directory-lock.js'
import { isErrno } from './files.js'
import type { Space } from './space-guard.js'

/** What nobody else may read: the folder, the key that the node signs with, the key of the network, the log. */
const secrets = ['.', 'identity.key', 'settings.json', 'db']

export interface DirectoryCondition {
  readonly path: string
  /** What other users may open, with its mode in octal digits. */
  readonly exposed: readonly { readonly name: string; readonly mode: string }[]
  /** What belongs to another user than the one this process runs as. */
  readonly foreign: readonly string[]
  readonly writable: boolean
  /** 'gone' or 'taken': another process may have the directory open as well, or has. */
  readonly lock: 'held' | 'gone' | 'taken'
  readonly space: Space
}

export async function directoryCondition(directory: DataDirectory): Promise<DirectoryCondition> {
  const { path } = directory
  const exposed: { name: string; mode: string }[] = []
  const foreign: string[] = []
  let isClosed = false
  for (const name of secrets) {
    const file = join(path, name)
    const found = await stat(file).catch(absent)
    if (found === undefined) continue
    const { mode, uid } = found
    // Windows has no such bits and shows 0666. What lies in a folder that is closed to others is closed to them.
    if (name === '.') isClosed = (mode & 0o077) === 0 || process.platform === 'win32'
    if (!isClosed && (mode & 0o077) !== 0) exposed.push({ name, mode: octal(mode) })
    if (process.getuid !== undefined && uid !== process.getuid()) foreign.push(name)
  }
  const lock = await readLock(join(path, 'lock'))
  const { bavail, blocks, bsize } = await statfs(path)
  return {
    path,
    exposed,
    foreign,
    writable: await access(path, constants.W_OK).then(
      () => true,
      () => false
    ),
    lock: lock === undefined ? 'gone' : lock.token === directory.lock.token ? 'held' : 'taken',
    space: { free: bavail * bsize, total: blocks * bsize }
  }
}

function absent(error: unknown): undefined {
  if (!isErrno(error, 'ENOENT')) throw error
  return undefined
}

function octal(mode: number): string {
  return `0${(mode & 0o777).toString(8)}`
}

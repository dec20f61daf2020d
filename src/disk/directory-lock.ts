/**
 * One process per data directory: a lock file of natter's own, beside the LevelDB folder and not in it, because the lock
 * of LevelDB is lost as soon as anything in the same process opens and closes its LOCK file, a backup for example.
 *
 * Keeps: of all that ever hold the file at most one lives. The file appears whole (a link to a finished one), is
 * replaced only by its holder, or, when the holder is dead, by the one process that could make the claim named after the
 * dead holder's token; a claim whose maker died as well is inherited in the same way. Tokens are never used twice, so a
 * claim that comes late finds another token in the lock and is dropped.
 */

import { readFileSync } from 'node:fs'
import { link, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { NatterError, toHex } from '../base/index.js'
import { systemRandom } from '../base/system.js'
import { fullDisk, isErrno } from './files.js'

/** What the lock file says about the process that has the directory open. */
export interface LockRecord {
  readonly pid: number
  /** When the process started, in ticks since the machine booted, where the system tells it: a pid is used again. */
  readonly start: string | null
  /** 32 hex digits, new at each opening. */
  readonly token: string
  /** Inode of this very file: the lock in a copy of a directory holds nothing. */
  readonly inode: string
  /** How often in a row its holders ended without closing the directory before it was taken. @default 0 */
  readonly unclean?: number
  /** Where its HTTP is, when it serves any. */
  readonly http?: string
  /** Where other nodes reach it. */
  readonly multiaddr?: string
}

const tokenBytes = 16
/** Turns of openers that meet a lock that changes under their eyes: each turn another process made progress. */
const turnsMax = 100

export class DirectoryLock {
  readonly #path: string
  #record: LockRecord
  #released = false

  private constructor(path: string, record: LockRecord) {
    this.#path = path
    this.#record = record
  }

  get token(): string {
    return this.#record.token
  }

  /** How often in a row the directory was left without being closed. */
  get uncleanEnds(): number {
    return this.#record.unclean ?? 0
  }

  /** Takes the lock at `path`; `DIRECTORY_IN_USE` names the process that has it. */
  static async take(path: string): Promise<DirectoryLock> {
    const token = toHex(systemRandom.bytes(tokenBytes))
    const draft = `${path}-${process.pid}-${token}`
    try {
      const start = processStart(process.pid) ?? null
      const left = await readLock(path)
      const unclean = left === undefined ? 0 : (left.unclean ?? 0) + 1
      const record = await writeRecord(draft, { pid: process.pid, start, token, unclean })
      for (let turn = 0; turn < turnsMax; turn++) {
        if (await takeOnce(path, draft)) return new DirectoryLock(path, record)
      }
    } finally {
      await rm(draft, { force: true })
    }
    throw new NatterError('DIRECTORY_IN_USE', `many processes open ${dirname(path)} at once`)
  }

  /** Adds to the lock what another process may want to know; on a full disk that stays unsaid. */
  async describe(what: { http?: string; multiaddr?: string }): Promise<void> {
    const draft = `${this.#path}-${process.pid}-${this.token}`
    try {
      this.#record = await writeRecord(draft, { ...this.#record, ...what })
      await rename(draft, this.#path)
    } catch (error) {
      await rm(draft, { force: true })
      if (fullDisk(this.#path, error) === undefined) throw error
    }
  }

  async release(): Promise<void> {
    if (this.#released) return
    this.#released = true
    const now = await readLock(this.#path)
    if (now?.token === this.#record.token) await rm(this.#path, { force: true })
  }
}

/** The lock at `path`, whether its holder lives or not; undefined when there is none. */
export async function readLock(path: string): Promise<LockRecord | undefined> {
  let text: string
  let inode: string
  try {
    const file = await open(path, 'r')
    try {
      inode = String((await file.stat({ bigint: true })).ino)
      text = await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
  const record = parseRecord(text)
  // Locks appear whole, so one that cannot be read comes from a power cut, and one elsewhere from a copy.
  if (record === undefined) return { pid: 0, start: null, token: `unreadable-${inode}`, inode }
  return record.inode === inode ? record : { ...record, pid: 0 }
}

/** Whether the process that wrote the record still runs. */
export function isHeld(record: Pick<LockRecord, 'pid' | 'start'>): boolean {
  if (record.pid <= 0) return false
  try {
    process.kill(record.pid, 0)
  } catch (error) {
    if (isErrno(error, 'ESRCH')) return false // any other error: it lives and belongs to somebody else
  }
  const start = processStart(record.pid)
  return start !== 'ended' && (start === undefined || record.start === null || start === record.start)
}

/** One try; answers true when the lock is taken and false when it changed meanwhile. */
async function takeOnce(path: string, draft: string): Promise<boolean> {
  if (await linked(draft, path)) return true
  const chain: { path: string; token: string }[] = []
  let at = path
  do {
    const holder = await readLock(at)
    if (holder === undefined) return false
    if (isHeld(holder)) throw inUse(dirname(path), holder)
    chain.push({ path: at, token: holder.token })
    at = `${path}.${holder.token}`
  } while (!(await linked(draft, at)))
  for (const link of chain) {
    if ((await readLock(link.path))?.token !== link.token) {
      await rm(at, { force: true })
      return false
    }
  }
  await rename(draft, path)
  await sweep(path)
  return true
}

/** Removes claims on locks of the past, and drafts of processes that died over them. */
async function sweep(path: string): Promise<void> {
  const folder = dirname(path)
  const name = path.slice(folder.length + 1)
  for (const entry of await readdir(folder)) {
    const draftPid = entry.startsWith(`${name}-`) ? Number(entry.split('-')[1]) : undefined
    const dead = draftPid !== undefined && !isHeld({ pid: draftPid, start: null })
    if (dead || entry.startsWith(`${name}.`)) await rm(join(folder, entry), { force: true })
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false
    throw error
  }
}

/** Start of a process, 'ended' for one that waits to be reaped, undefined where the system does not tell. */
function processStart(pid: number): string | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return undefined
  }
  // The name in parentheses may hold anything; after it come the state (field 3) and the start (field 22).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : fields[19]
}

function inUse(folder: string, holder: LockRecord): NatterError {
  const where = holder.http === undefined ? '' : ` (${holder.http})`
  return new NatterError('DIRECTORY_IN_USE', `process ${holder.pid}${where} has ${folder} open`, {
    remedy:
      holder.http === undefined
        ? `Stop process ${holder.pid}, or use another directory.`
        : `Use the node that runs: natter --api ${holder.http} status   (or stop process ${holder.pid})`,
    details: {
      pid: holder.pid,
      ...(holder.http !== undefined && { http: holder.http }),
      ...(holder.multiaddr !== undefined && { multiaddr: holder.multiaddr })
    }
  })
}

async function writeRecord(path: string, what: Omit<LockRecord, 'inode'>): Promise<LockRecord> {
  const file = await open(path, 'w', 0o600)
  try {
    const record = { ...what, inode: String((await file.stat({ bigint: true })).ino) }
    await file.writeFile(JSON.stringify(record))
    return record
  } finally {
    await file.close()
  }
}

function parseRecord(text: string): LockRecord | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { pid, start, token, inode } = value as Record<string, unknown>
  const fits =
    Number.isInteger(pid) &&
    (start === null || typeof start === 'string') &&
    typeof token === 'string' &&
    /^[0-9a-f]{32}$/.test(token) &&
    typeof inode === 'string'
  return fits ? (value as LockRecord) : undefined
}

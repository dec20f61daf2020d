/**
 * The data directory of a node: lock, manifest, identity, settings and the folder of the database (Node.js only).
 *
 * Keeps: one process at a time; a key that is durable before its first use and never replaced; a database that is made
 * once, whole and synced, and afterwards is there or the directory is damaged: never an empty one in its place. The
 * order of the first start (manifest 'making', key, database beside, rename, manifest 'made') lets a power cut at any
 * instant be followed by a start that goes on. Layout: protocols/storage.md, "Directory".
 */
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { failpoint } from '../base/failpoints.js'
import { isNatterError, messageOf, NatterError, toHex } from '../base/index.js'
import { systemRandom } from '../base/system.js'
import type { LevelDiskOptions } from './classic-disk.js'
import { createDatabase, openLevelDisk } from './classic-disk.js'
import type { LockRecord } from './directory-lock.js'
import { DirectoryLock, isHeld, readLock } from './directory-lock.js'
import { fsyncPath, fullDisk, isErrno } from './files.js'
import type { Identity } from './identity.js'
import { closeToOthers, makeIdentity, readIdentity } from './identity.js'
import type { Disk } from './index.js'
import type { CheckOptions, FileFault } from './level-files/check.js'
import { checkDatabase } from './level-files/check.js'
import type { Salvaged, SalvageOptions } from './level-files/salvage.js'
import { salvageDatabase } from './level-files/salvage.js'
import { levelCode } from './level-reads.js'
import type { Manifest, Sentinel } from './manifest.js'
import { directoryFormat, isOriginal, readManifest, writeManifest } from './manifest.js'
import { SettingsFile } from './settings.js'

/** Pause between two sentinels of a running node: what a database loses later than that, its peers notice. */
const sentinelPauseMs = 60_000
/** Bytes of all tables that are read whole at every opening: some 15 ms. Larger ones are left to the scrub. */
const smallTables = 4 * 1024 * 1024
/** The same after an end without a close: about a second. After two in a row there is no bound. */
const smallTablesUnclean = 256 * 1024 * 1024

export class DataDirectory {
  readonly path: string
  readonly lock: DirectoryLock
  readonly settings: SettingsFile
  /** What was put right while opening, for a human. */
  readonly warnings: readonly string[]
  readonly #identity: Identity
  #manifest: Manifest
  /** False when commits are not synced: a position that a power cut may take back is no sentinel. */
  #synced = true
  #sentinelAtMs = 0
  /** Settles when no write of the manifest is under way. */
  #written: Promise<void> = Promise.resolve()

  private constructor(
    path: string,
    lock: DirectoryLock,
    settings: SettingsFile,
    identity: Identity,
    manifest: Manifest,
    warnings: readonly string[]
  ) {
    this.path = path
    this.lock = lock
    this.settings = settings
    this.#identity = identity
    this.#manifest = manifest
    this.warnings = warnings
  }

  /**
   * Opens the directory at `path`, and makes it (mode 0700) when there is none. Rejects with `DIRECTORY_IN_USE`,
   * `DIRECTORY_UNUSABLE`, `DISK_FULL`, `FORMAT_UNKNOWN`, `STORE_DAMAGED` or `IDENTITY_DAMAGED`; then nothing is held.
   */
  static async open(path: string): Promise<DataDirectory> {
    path = resolve(path)
    try {
      await makeFolder(path)
      const lock = await DirectoryLock.take(join(path, 'lock'))
      try {
        return await DataDirectory.#openLocked(path, lock)
      } catch (error) {
        await lock.release()
        throw error
      }
    } catch (error) {
      throw unusable(path, error)
    }
  }

  /** The seed of the key that this directory's node signs with. */
  get seed(): Uint8Array {
    return this.#identity.seed
  }

  /** The store's incarnation by the manifest, 16 hex digits. A database that holds another one takes a new one. */
  get storeId(): string {
    return this.#manifest.storeId
  }

  /** Id of the database that this directory belongs to, 64 hex digits; null until `remember` was told. */
  get database(): string | null {
    return this.#manifest.database
  }

  /** A position that the database must have; null when none is known. */
  get sentinel(): Sentinel | null {
    return this.#manifest.sentinel
  }

  /** Opens the database of the directory. Close the disk before the directory. */
  async openDisk(options: Omit<LevelDiskOptions, 'location'>): Promise<Disk> {
    const location = join(this.path, 'db')
    try {
      // LevelDB takes a flipped bit of a table for fewer entries, or dies of it: a process that ended without closing may
      // have. So all is looked at where that takes no time, and when it happened twice in any case.
      const { uncleanEnds } = this.lock
      const bound = uncleanEnds > 0 ? smallTablesUnclean : smallTables
      await this.requireFiles({ full: uncleanEnds > 1 || (await tableBytes(location)) <= bound })
      this.#synced = options.durability === 'fsync'
      return await openLevelDisk({ ...options, location })
    } catch (error) {
      throw openError(location, error)
    }
  }

  /** The files of the database that are damaged. It may be open meanwhile. */
  checkFiles(options: CheckOptions): Promise<FileFault[]> {
    return checkDatabase(join(this.path, 'db'), options)
  }

  /** Throws `STORE_DAMAGED` when a file of the database is damaged: LevelDB is not let at it. */
  async requireFiles(options: CheckOptions): Promise<void> {
    const [first, ...others] = await this.checkFiles(options)
    if (first === undefined) return
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`
    const location = join(this.path, 'db')
    throw new NatterError('STORE_DAMAGED', `${join(location, first.file)} is damaged: ${first.what}${more}`, {
      remedy: repairRemedy(this.path),
      details: { file: first.file }
    })
  }

  /** Makes a new database from what can be read of the damaged one, which is kept beside. Nobody may have it open. */
  salvage(options: SalvageOptions): Promise<Salvaged> {
    return salvageDatabase(join(this.path, 'db'), options)
  }

  /** The database has lost positions: what is remembered of it begins anew where it stands now. */
  beginAnew(mark: Sentinel | null): Promise<void> {
    const manifest = { ...this.#manifest, storeId: newStoreId(), sentinel: mark }
    this.#manifest = manifest
    return writeManifest(join(this.path, 'natter.json'), manifest)
  }

  /**
   * Writes what the manifest should know of the store; resolves when it is on disk. A sentinel is taken only where
   * commits are synced.
   */
  remember(what: { storeId?: string; database?: string; sentinel?: Sentinel }): Promise<void> {
    const { position, check } = what.sentinel ?? {}
    const taken = this.#synced && position !== undefined && check !== undefined
    const sentinel = taken ? { position, check } : this.#manifest.sentinel
    const manifest = { ...this.#manifest, ...what, sentinel }
    const before = this.#manifest
    if (JSON.stringify(manifest) === JSON.stringify(before)) return this.#written
    this.#manifest = manifest
    const written = this.#written.then(() => {
      if (taken) failpoint('disk.sentinel.before-write')
      return writeManifest(join(this.path, 'natter.json'), manifest)
    })
    this.#written = written.catch(() => {
      if (this.#manifest === manifest) this.#manifest = before
    })
    return written
  }

  /**
   * Takes a durable position as the sentinel, at most once a minute: to be called after commits. In the background, and
   * where it cannot be written an older one stays.
   */
  note(mark: Sentinel, nowMs: number): void {
    if (!this.#synced || Math.abs(nowMs - this.#sentinelAtMs) < sentinelPauseMs) return
    this.#sentinelAtMs = nowMs
    this.remember({ sentinel: mark }).catch(() => undefined)
  }

  /**
   * Throws `STORE_DAMAGED` when the database has not got the position that the manifest remembers.
   * `checkAt`: the check at a position, or undefined when there is no such position, or its record cannot be read; where
   * that is below `end`, the last position, the store goes on without it and says so itself.
   */
  async requireSentinel(checkAt: (position: number) => Promise<string | undefined>, end = 0): Promise<void> {
    const { sentinel } = this.#manifest
    if (sentinel === null) return
    const check = await checkAt(sentinel.position)
    if (check === sentinel.check || (check === undefined && sentinel.position < end)) return
    throw new NatterError(
      'STORE_DAMAGED',
      `the database in ${this.path} has lost what it held: it should have position ${sentinel.position}`,
      { remedy: repairRemedy(this.path) }
    )
  }

  /** Takes `mark`, where the database stood when it was closed, as the sentinel if it can be written; releases the lock. */
  async close(mark?: Sentinel): Promise<void> {
    if (mark !== undefined && mark.position > 0)
      await this.remember({ sentinel: mark }).catch(() => undefined)
    await this.#written
    await this.lock.release()
  }

  static async #openLocked(path: string, lock: DirectoryLock): Promise<DataDirectory> {
    const at = (name: string): string => join(path, name)
    let manifest = await readManifest(at('natter.json'))
    if (manifest === undefined) {
      for (const name of ['db', 'identity.key']) {
        if (!(await exists(at(name)))) continue
        throw new NatterError('STORE_DAMAGED', `${at(name)} is there and ${at('natter.json')} is not`, {
          remedy: 'Restore natter.json, or the whole directory, from a backup.'
        })
      }
      manifest = {
        format: directoryFormat,
        state: 'making',
        author: null,
        storeId: newStoreId(),
        place: null,
        self: null,
        database: null,
        sentinel: null
      }
      await writeManifest(at('natter.json'), manifest)
      await fsyncPath(dirname(path))
    }
    const making = manifest.state === 'making'
    if (making && !(await exists(at('identity.key')))) await makeIdentity(at('identity.key'))
    const identity = await readIdentity(at('identity.key'), manifest.author)
    if (making && !(await exists(at('db')))) {
      await rm(at('db.new'), { recursive: true, force: true })
      await createDatabase(at('db.new'))
      failpoint('disk.make.before-rename')
      await rename(at('db.new'), at('db'))
      failpoint('disk.make.after-rename')
      await fsyncPath(path)
    }
    if (making || manifest.place !== identity.place || !(await isOriginal(at('natter.json'), manifest))) {
      // Another key file than the one this manifest was written beside, or another manifest than the one that was
      // written last: a copy or a restore is a new incarnation.
      const storeId = making ? manifest.storeId : newStoreId()
      manifest = { ...manifest, state: 'made', author: identity.author, place: identity.place, storeId }
      await writeManifest(at('natter.json'), manifest)
    }
    const settings = await SettingsFile.open(at('settings.json'))
    const loose = (await exists(at('settings.json'))) ? await closeToOthers(at('settings.json')) : undefined
    const warnings = [identity.warning, loose].filter(warning => warning !== undefined)
    return new DataDirectory(path, lock, settings, identity, manifest, warnings)
  }
}

/** Who has the directory at `path` open, or undefined when nobody who lives has. */
export async function directoryHolder(path: string): Promise<LockRecord | undefined> {
  const record = await readLock(join(resolve(path), 'lock'))
  return record !== undefined && isHeld(record) ? record : undefined
}

async function tableBytes(location: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(location))
    if (/\.(ldb|sst)$/.test(name)) bytes += (await stat(join(location, name))).size
  return bytes
}

function repairRemedy(path: string): string {
  return `Stop the node and run: natter verify --repair --data ${path}   (what peers hold comes back from them)`
}

function openError(location: string, error: unknown): unknown {
  const lost = isErrno(error, 'ENOENT') || levelCode(error) === 'LEVEL_CORRUPTION'
  if (lost) {
    return new NatterError('STORE_DAMAGED', `the database in ${location} is damaged: ${reasonOf(error)}`, {
      cause: error,
      remedy: repairRemedy(dirname(location))
    })
  }
  if (levelCode(error) === 'LEVEL_LOCKED') {
    return new NatterError('DIRECTORY_IN_USE', `another process has ${location} open`, { cause: error })
  }
  return unusable(location, error)
}

function unusable(path: string, error: unknown): unknown {
  if (isNatterError(error)) return error
  const full = fullDisk(path, error)
  if (full !== undefined) return full
  return new NatterError('DIRECTORY_UNUSABLE', `${path} cannot be used: ${reasonOf(error)}`, { cause: error })
}

/** LevelDB wraps its reason. */
function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error)
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false
    throw error
  }
}

/** Makes a folder and those above it; `mkdir` of Node.js spins for ever where a parent takes no entries, as in /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    if (isErrno(error, 'EEXIST') && (await stat(path)).isDirectory()) return
    if (!isErrno(error, 'ENOENT') || (await exists(dirname(path)))) throw error
    await makeFolder(dirname(path))
    await makeFolder(path)
  }
}

function newStoreId(): string {
  return toHex(systemRandom.bytes(8))
}

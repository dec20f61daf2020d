/**
 * The disk on LevelDB (classic-level), on Node.js.
 *
 * Opens databases that exist and only those: LevelDB would take a directory whose CURRENT is missing for a new one and
 * delete its tables. Making the first one is `createDatabase`, which the data directory calls once.
 */
import { open, readdir, rm, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import type { Clock, Limits } from '../base/index.js'
import { messageOf, NatterError } from '../base/index.js'
import { fsyncPath } from './files.js'
import type { Disk } from './index.js'
import { LevelDisk } from './level-disk.js'
import { checkOpenDatabase } from './level-files/check.js'
import type { BytesLevel } from './level-reads.js'
import type { Space } from './space-guard.js'
import { SpaceGuard } from './space-guard.js'

const MIB = 1024 * 1024
/** Four times LevelDB's own: 40 % more bulk writes and a ninth of the worst pause, for 60 ms more at open. */
const writeBufferBytes = 16 * MIB
/** Of the same size, so that one full buffer becomes one table. */
const tableBytes = 16 * MIB
/** Above every key of this program. */
const nowhere = new Uint8Array([0xff])
/** What a probe writes: more than the slack of a file system's last block. */
const probeBytes = 64 * 1024

export interface LevelDiskOptions {
  /** The folder of the database; `createDatabase` has made it. */
  readonly location: string
  /** 'os': a commit is handed to the operating system and not synced. */
  readonly durability: 'fsync' | 'os'
  readonly limits: Pick<Limits, 'freeBytes'>
  readonly clock: Clock
  /** Makes the handles. @default classic-level */
  readonly level?: (location: string) => BytesLevel
}

/** Opens the LevelDB at `location`. Rejects with LevelDB's error when there is none or it cannot be opened. */
export async function openLevelDisk(options: LevelDiskOptions): Promise<Disk> {
  const { location, durability, limits, clock, level = classicLevel } = options
  const guard = new SpaceGuard(() => spaceAt(location), clock, limits.freeBytes)
  return LevelDisk.open({
    location: dirname(location),
    durability,
    clock,
    level: () => level(location),
    guard,
    moveLog,
    checkFiles: pace => checkOpenDatabase(location, pace),
    probe: () => probe(join(dirname(location), 'probe'))
  })
}

/** Makes an empty database in a folder that does not exist, with every file of it synced. */
export async function createDatabase(location: string): Promise<void> {
  const level = new ClassicLevel(location, { createIfMissing: true, errorIfExists: true })
  await level.open()
  await level.close()
  // LevelDB 1.20 does not sync the first manifest: a power cut in the first second would leave no database.
  await Promise.all((await readdir(location)).map(name => fsyncPath(join(location, name))))
  await fsyncPath(location)
}

export function classicLevel(location: string): BytesLevel {
  // Comparing the two types structurally runs through all sublevels, and the compiler's answer depends on where it began.
  const level: unknown = new ClassicLevel<Uint8Array, Uint8Array>(location, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    createIfMissing: false,
    writeBufferSize: writeBufferBytes,
    maxFileSize: tableBytes
  })
  return level as BytesLevel
}

/** A compaction of any range begins so; of a key that is nowhere there is nothing else to do. */
async function moveLog(level: BytesLevel): Promise<void> {
  if (level instanceof ClassicLevel) await level.compactRange(nowhere, nowhere, { keyEncoding: 'view' })
}

async function spaceAt(location: string): Promise<Space> {
  try {
    const stats = await statfs(location)
    return { free: stats.bavail * stats.bsize, total: stats.blocks * stats.bsize }
  } catch (cause) {
    throw new NatterError('DIRECTORY_UNUSABLE', `${location} cannot be used: ${messageOf(cause)}`, { cause })
  }
}

async function probe(path: string): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.write(new Uint8Array(probeBytes).fill(0x6e))
    await file.sync()
  } finally {
    await file.close()
    await rm(path, { force: true })
  }
}

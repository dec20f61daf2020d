/**
 * Power cuts by the durability model: what was synced is there, what was not is there, gone, torn or zero, in any mixture;
 * a rename or a new file whose folder was not synced may not have happened. States are taken while the code runs, at
 * its failpoints, by copying the directory.
 */
import { cpSync, existsSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Failpoint } from '../../src/base/failpoints.js'
import { armFailpoints } from '../../src/base/failpoints.js'

/** Bytes that a disk writes whole. */
const SECTOR = 512

/** A moment: the directory as it stood, and what the code had said until then. */
export interface Moment {
  readonly name: Failpoint
  readonly path: string
  /** What `said` answered at that moment. */
  readonly said: number
}

/** Runs `run` and copies `dataDir` to a folder of its own whenever it passes one of `names`. */
export async function momentsOf(
  dataDir: string,
  into: string,
  names: readonly Failpoint[],
  said: () => number,
  run: () => Promise<void>
): Promise<Moment[]> {
  const moments: Moment[] = []
  armFailpoints(name => {
    if (!names.includes(name)) return
    const path = join(into, `${moments.length}`)
    if (existsSync(dataDir)) cpSync(dataDir, path, { recursive: true })
    // It names a process that a power cut would have ended, and here it is the one that looks.
    dropFile(join(path, 'lock'))
    moments.push({ name, path, said: said() })
  })
  try {
    await run()
  } finally {
    armFailpoints(() => undefined)
  }
  return moments
}

/** The write-ahead log that is written to: the newest. */
export function newestLog(db: string): string {
  const logs = readdirSync(db).filter(name => /^\d+\.log$/.test(name))
  return join(db, logs.sort().at(-1)!)
}

export function sizeOf(path: string): number {
  return statSync(path).size
}

/** What may be in a file behind its synced length. */
export interface Tail {
  readonly name: string
  apply(path: string, synced: number, fraction: () => number): Promise<void>
}

/** The ways in which unsynced bytes of a log come out of a power cut. */
export const TAILS: readonly Tail[] = [
  { name: 'dropped', apply: async (path, synced) => truncateSync(path, synced) },
  {
    name: 'kept in part',
    apply: async (path, synced, fraction) => truncateSync(path, between(synced, sizeOf(path), fraction))
  },
  { name: 'kept but for a byte', apply: async path => truncateSync(path, sizeOf(path) - 1) },
  { name: 'zeros of the same length', apply: (path, synced) => rewrite(path, synced, tail => tail.fill(0)) },
  {
    name: 'zeros from somewhere on',
    apply: (path, synced, fraction) =>
      rewrite(path, between(synced, sizeOf(path), fraction), tail => tail.fill(0))
  },
  {
    name: 'sectors of old bytes among the new',
    apply: (path, synced, fraction) =>
      rewrite(path, synced, tail => {
        for (let at = 0; at < tail.length; at += SECTOR)
          if (fraction() < 0.5)
            for (let i = at; i < at + SECTOR && i < tail.length; i++) tail[i] = (i * 31) & 255
        // One at least: otherwise nothing was lost.
        tail[tail.length - 1] = tail.at(-1)! ^ 0x5a
      })
  }
]

export function dropFile(path: string): void {
  rmSync(path, { recursive: true, force: true })
}

function between(low: number, high: number, fraction: () => number): number {
  return low + 1 + Math.floor(fraction() * Math.max(0, high - low - 1))
}

async function rewrite(path: string, from: number, change: (tail: Uint8Array) => void): Promise<void> {
  const bytes = await readFile(path)
  change(bytes.subarray(from))
  await writeFile(path, bytes)
}

/** What an open that was cut off leaves beside the database: files that no manifest names. */
export async function addStrayFiles(db: string): Promise<void> {
  const numbers = readdirSync(db).map(name => Number(/\d+/.exec(name)?.[0] ?? 0))
  let next = Math.max(...numbers) + 1
  const name = (suffix: string): string => join(db, `${String(next++).padStart(6, '0')}${suffix}`)
  await writeFile(name('.ldb'), '')
  await writeFile(name('.ldb'), new Uint8Array(4096).fill(0x33))
  await writeFile(name('.dbtmp'), 'MANIFEST-00')
  const manifest = await open(join(db, `MANIFEST-${String(next).padStart(6, '0')}`), 'w')
  await manifest.write(new Uint8Array(20))
  await manifest.close()
}

/**
 * What a process takes of its machine, as the kernel counts it. Linux only (`/proc`); elsewhere `measurable` is false, and
 * a test says in one line what it did not measure.
 */
import { existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

export const measurable = existsSync('/proc/self/smaps_rollup')

const MIB = 1024 * 1024

/** MiB of memory that the process holds resident and nobody else could give back for it. */
export async function residentMib(pid: number): Promise<number> {
  return (await statusKib(pid, 'RssAnon')) / 1024
}

/** Open file descriptors. */
export async function descriptors(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length
}

/** Threads. */
export function threads(pid: number): Promise<number> {
  return statusKib(pid, 'Threads')
}

async function statusKib(pid: number, name: string): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  const found = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)
  if (found === null) throw new Error(`/proc/${pid}/status has no ${name}`)
  return Number(found[1])
}

/** Bytes of all files under a directory whose database may be at work. */
export async function diskBytes(dir: string): Promise<number> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const sizes = await Promise.all(
    entries
      .filter(entry => entry.isFile())
      .map(entry =>
        stat(join(entry.parentPath, entry.name)).then(
          ({ size }) => size,
          () => 0 // compacted away meanwhile
        )
      )
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Looks at a number again and again until it is stopped; keeps what it saw. */
export class Sampler {
  readonly samples: number[] = []
  readonly #timer: NodeJS.Timeout

  constructor(everyMs: number, look: () => Promise<number>) {
    this.#timer = setInterval(() => {
      look().then(
        value => this.samples.push(value),
        () => undefined // the process is between two lives
      )
    }, everyMs)
  }

  /** The largest so far, and begins anew. */
  takePeak(): number {
    return Math.max(0, ...this.samples.splice(0))
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

/** MiB of `bytes`, rounded for people. */
export function mib(bytes: number): number {
  return Math.round((bytes / MIB) * 10) / 10
}

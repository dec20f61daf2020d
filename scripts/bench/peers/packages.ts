/**
 * The other systems' packages: installed in this folder on first use, by a lock file of their own, and loaded by name.
 *
 * Nothing of natter depends on them, so they are typed by hand: each driver declares the few methods that it calls.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The folder of the sources, also when this runs from `dist`. */
export const FOLDER = fileURLToPath(new URL('../../../../scripts/bench/peers/', import.meta.url))

interface Lock {
  packages: Record<string, { version?: string; optional?: boolean }>
}

function lockAt(...path: string[]): Lock | undefined {
  const file = join(FOLDER, ...path)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Lock) : undefined
}

function installed(): boolean {
  const wanted = lockAt('package-lock.json')?.packages ?? {}
  const present = lockAt('node_modules', '.package-lock.json')?.packages
  if (present === undefined) return false
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    const found = present[path]
    return path === '' || (found === undefined ? optional === true : found.version === version)
  })
}

/** The one package whose compiled code does not come with it: fetched or built by its own script. */
const BUILT = 'better-sqlite3'

function npm(...args: string[]): boolean {
  console.error(`installing the other systems (npm ${args.join(' ')}) …`)
  const shell = process.platform === 'win32'
  return spawnSync('npm', args, { cwd: FOLDER, stdio: ['ignore', 2, 2], shell }).status === 0
}

/** Installs what the lock file names when it is not there. Scripts of packages do not run, but for one that has to. */
export function install(): void {
  if (installed()) return
  if (!npm('ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error')) {
    throw new Error('the other systems could not be installed: see above')
  }
  // Without it one system is left out, and said to be.
  npm('rebuild', BUILT)
}

/** A package, as far as `T` describes it. */
export async function load<T>(name: string): Promise<T> {
  const loader = (await import(pathToFileURL(join(FOLDER, 'packages.mjs')).href)) as {
    load(name: string): Promise<unknown>
  }
  return (await loader.load(name)) as T
}

/** The version of a package that is installed here. */
export function versionOf(name: string): string {
  const { version } = JSON.parse(
    readFileSync(join(FOLDER, 'node_modules', ...name.split('/'), 'package.json'), 'utf8')
  ) as { version: string }
  return version
}

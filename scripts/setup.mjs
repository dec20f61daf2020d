/**
 * Makes a fresh clone runnable: called by `npm start` and `npm test` before anything else, with no node_modules.
 *
 * Refuses a Node.js that is too old before anything is installed; installs when node_modules is missing or does not hold
 * what the lock file names; builds when dist is missing or older than a source. Says nothing when there is nothing to do.
 * Two of these at once wait for each other. Plain JavaScript, since it runs before there is a compiler.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const LOCK = join(ROOT, '.setup-lock')
const STAMP = join(ROOT, 'dist', '.built')
const SOURCE_FOLDERS = ['src', 'test', 'scripts']
/** Milliseconds between two looks at another setup that is at work. */
const LOOK_AGAIN_MS = 200

function refuseOldNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  console.error(`natter needs Node.js 20.19 or newer; this is ${process.versions.node}.`)
  process.exit(1)
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** Whether node_modules holds every package of the lock file in its version (other platforms' binaries may lack). */
function installed() {
  const wanted = readJson(join(ROOT, 'package-lock.json'))?.packages
  const present = readJson(join(ROOT, 'node_modules', '.package-lock.json'))?.packages
  if (wanted === undefined || present === undefined) return false
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true
    const found = present[path]
    return found === undefined ? entry.optional === true : found.version === entry.version
  })
}

/** The TypeScript files under a folder; packages that are installed somewhere below are not ours. */
function* sourcesUnder(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && entry.name !== 'node_modules') yield* sourcesUnder(path)
    else if (entry.isFile() && entry.name.endsWith('.ts')) yield path
  }
}

function* sources() {
  for (const folder of SOURCE_FOLDERS) yield* sourcesUnder(join(ROOT, folder))
  yield join(ROOT, 'tsconfig.json')
  yield join(ROOT, 'package-lock.json')
}

/** Whether the last finished build began after the last change of a source. */
function built() {
  if (!existsSync(STAMP)) return false
  const builtAtMs = statSync(STAMP).mtimeMs
  const files = [...sources()]
  if (files.some(file => statSync(file).mtimeMs > builtAtMs)) return false
  return readFileSync(STAMP, 'utf8') === String(files.length)
}

function run(what, args) {
  console.error(`natter: ${what} (npm ${args.join(' ')}) …`)
  const npm = process.env.npm_execpath
  const [command, rest] = npm?.endsWith('.js') ? [process.execPath, [npm, ...args]] : ['npm', args]
  // What npm and the compiler say goes to stderr: stdout belongs to the command that called this.
  const done = spawnSync(command, rest, {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32' && command === 'npm'
  })
  if (done.error !== undefined) console.error(`natter: npm does not start: ${done.error.message}`)
  if (done.status !== 0) {
    release()
    console.error(`natter: ${what} failed. See above, then try again: npm ${args.join(' ')}`)
    process.exit(1)
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function acquire() {
  for (;;) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: 'wx' })
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    let holder = Number.NaN
    try {
      holder = Number(readFileSync(LOCK, 'utf8'))
    } catch {
      continue // it was released in this moment
    }
    if (holder > 0 && !alive(holder)) rmSync(LOCK, { force: true })
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_AGAIN_MS)
  }
}

function release() {
  rmSync(LOCK, { force: true })
}

refuseOldNode()
if (!installed() || !built()) {
  acquire()
  process.on('SIGINT', () => {
    release()
    process.exit(130)
  })
  if (!installed()) run('installing', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  if (!built()) run('building', ['run', '--silent', 'build'])
  release()
}

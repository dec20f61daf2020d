/**
 * The step after the compiler: removes output whose source is gone (a deleted test must not run from `dist`), makes the
 * command executable, and leaves the stamp by which `setup.mjs` knows that this build is newer than every source.
 */
import { chmodSync, existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

const SOURCE_FOLDERS = ['src', 'test', 'scripts']
const OUTPUT = /\.(d\.ts|js|js\.map)$/
const root = process.cwd()
const dist = join(root, 'dist')

/** The files under a folder; packages that are installed somewhere below are not ours. */
function files(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : files(path)
    return entry.isFile() ? [path] : []
  })
}

for (const folder of SOURCE_FOLDERS) {
  for (const file of files(join(dist, folder))) {
    const source = join(root, relative(dist, file)).replace(OUTPUT, '.ts')
    if (OUTPUT.test(file) && !existsSync(source)) rmSync(file)
  }
}

const bin = join(dist, 'src', 'cli', 'bin.js')
if (existsSync(bin)) chmodSync(bin, 0o755)

// The stamp bears the time of the newest source that was built, not of the end of the build: what is saved later is newer.
const sources = SOURCE_FOLDERS.flatMap(folder => files(join(root, folder))).filter(file =>
  file.endsWith('.ts')
)
sources.push(join(root, 'tsconfig.json'), join(root, 'package-lock.json'))
const newestMs = Math.max(...sources.map(file => statSync(file).mtimeMs))
const stamp = join(dist, '.built')
writeFileSync(stamp, String(sources.length))
utimesSync(stamp, new Date(), new Date(Math.ceil(newestMs)))

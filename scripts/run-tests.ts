/**
 * `npm test`: runs the suite with the test runner of Node.js and ends with its count.
 *
 * The list is made from the sources (every `.test.ts` under `test`), so a deleted test cannot run from `dist`. Arguments choose
 * files by the beginning of their path (`npm test -- test/wire`); `test/long` runs only when it is named. No test at all
 * is a failure. Two files run at a time: the tests start nodes of their own, and the machines are small.
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const CONCURRENCY = 2
/** Milliseconds one test may take: the longest, chaos over real processes, takes well under a minute and a half. */
const TEST_TIMEOUT_MS = 300_000
/** The same for the whole campaigns in `test/long`. */
const LONG_TIMEOUT_MS = 7_200_000

const chosen = process.argv.slice(2).map(path => path.replace(/^\.\//, '').replaceAll('\\', '/'))

const tests = readdirSync('test', { withFileTypes: true, recursive: true })
  .filter(entry => entry.isFile() && entry.name.endsWith('.test.ts'))
  .map(entry => join(entry.parentPath, entry.name).replaceAll('\\', '/'))
  .filter(path =>
    chosen.length === 0 ? !path.startsWith('test/long/') : chosen.some(c => path.startsWith(c))
  )
  .sort()

if (tests.length === 0) {
  console.error(
    `no test matches ${chosen.join(' ') || 'test/'}: give the beginning of a path, such as test/wire`
  )
  process.exit(1)
}

const compiled = tests.map(path => join('dist', path.replace(/\.ts$/, '.js')))
const missing = compiled.filter(path => !existsSync(path))
if (missing.length > 0) {
  console.error(`not built: ${missing.join(', ')}. Build first: npm run build`)
  process.exit(1)
}

const runner = spawn(
  process.execPath,
  [
    '--test',
    `--test-concurrency=${CONCURRENCY}`,
    `--test-timeout=${chosen.some(path => path.startsWith('test/long')) ? LONG_TIMEOUT_MS : TEST_TIMEOUT_MS}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    ...compiled
  ],
  { stdio: 'inherit' }
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => runner.kill(signal))
runner.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 130)))

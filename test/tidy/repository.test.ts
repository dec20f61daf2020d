/** The shape of the repository: what stands at the top, how long files and functions are, what words stay out. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { VERSION } from '../../src/version.js'
import { filesUnder, linesOf } from './sources.js'

/** Lines of a source file: past this it holds more than one noun. */
const FILE_LINES = 350
/** Lines of a test file: cases of one subject may stand together. */
const TEST_LINES = 500
/** Lines of a function: past this it does not fit a screen. */
const FUNCTION_LINES = 70
/** Assembled, so that this file does not hold them itself. */
const UNFINISHED = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`)

const TOP = [
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'biome.json',
  'package-lock.json',
  'package.json',
  'protocols',
  'scripts',
  'src',
  'test',
  'tsconfig.json'
]

const written = [
  ...filesUnder('src', '.ts').filter(path => !path.includes('/generated/')),
  ...filesUnder('scripts', '.ts'),
  ...filesUnder('test', '.ts')
]

test('the top level holds what it should, and nothing else', () => {
  const tracked = execFileSync('git', ['ls-files'], { encoding: 'utf8' }).trim().split('\n')
  const top = new Set(tracked.map(path => path.split('/')[0]!).filter(name => !name.startsWith('.')))
  assert.deepEqual([...top].sort(), TOP)
})

test('files and functions are short', () => {
  const long: string[] = []
  for (const path of written) {
    const lines = linesOf(path)
    if (lines.length - 1 > (path.startsWith('test/') ? TEST_LINES : FILE_LINES))
      long.push(`${path} has ${lines.length - 1} lines`)
    if (path.startsWith('src/')) long.push(...longFunctions(path, lines))
  }
  assert.deepEqual(long, [])
})

/** By indentation, which the formatter keeps: a function ends at the next closing brace in its own column. */
function longFunctions(path: string, lines: readonly string[]): string[] {
  const long: string[] = []
  for (const [start, line] of lines.entries()) {
    const head =
      /^( *)(?:export )?(?:async )?(?:function\b|(?:static |get |set |override )?\*?#?\w+(?:<.*>)?\(.*\).*\{$)/.exec(
        line
      )
    if (head === null || /^ *(?:if|for|while|switch|catch)\b/.test(line)) continue
    const length = lines.slice(start).findIndex(later => later.startsWith(`${head[1]}}`)) + 1
    if (length > FUNCTION_LINES) long.push(`${path}:${start + 1} has a function of ${length} lines`)
  }
  return long
}

test('nothing is left for later', () => {
  const found: string[] = []
  for (const path of [...written, ...filesUnder('.', '.md')]) {
    for (const [index, line] of linesOf(path).entries()) {
      if (UNFINISHED.test(line)) found.push(`${path}:${index + 1} ${line.trim()}`)
    }
  }
  assert.deepEqual(found, [])
})

test('no test is skipped or alone', () => {
  const found: string[] = []
  const odd =
    /\b(?:test|it|describe|suite)\.(?:skip|only|todo)\b|\bt\.(?:skip|todo)\(|\b(?:skip|todo|only): *(?:true|'|")/
  for (const path of filesUnder('test', '.ts').filter(one => !one.startsWith('test/tidy/'))) {
    for (const [index, line] of linesOf(path).entries())
      if (odd.test(line)) found.push(`${path}:${index + 1}`)
  }
  assert.deepEqual(found, [])
})

test('the lock file names no registry', () => {
  assert.doesNotMatch(readFileSync('package-lock.json', 'utf8'), /"resolved"/)
})

test('the version is the same everywhere', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  assert.equal(VERSION, version)
  assert.ok(readFileSync('CHANGELOG.md', 'utf8').includes(`## ${version}`), 'the changelog has that version')
})

test('links in documents lead somewhere', () => {
  const broken: string[] = []
  for (const path of filesUnder('.', '.md')) {
    const text = readFileSync(path, 'utf8').replace(/```[\s\S]*?```/g, '')
    for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      const [file = ''] = link.split('#')
      if (/^[a-z]+:/.test(link) || file === '') continue
      const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : ''
      if (!existsSync(folder + file)) broken.push(`${path} → ${link}`)
    }
  }
  assert.deepEqual(broken, [])
})

test('every protocol has a document and a file that speaks it, and every document stands in the table', () => {
  const table = readFileSync('protocols/README.md', 'utf8')
  const named = [...table.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)].map(match => match[1]!)
  for (const path of filesUnder('protocols', '.md').concat(filesUnder('protocols', '.proto'))) {
    const name = path.replace('protocols/', '')
    if (name !== 'README.md') assert.ok(named.includes(name), `protocols/README.md does not link ${name}`)
  }
  for (const protocol of ['/sync/ops/1.0.0', '/sync/presence/1.0.0']) {
    const row = table.split('\n').find(line => line.startsWith('|') && line.includes(protocol))
    assert.ok(row !== undefined, `protocols/README.md has no row for ${protocol}`)
    const sources = [...row.matchAll(/`(src\/[\w./-]+)`/g)].map(match => match[1]!)
    assert.ok(sources.length > 0, `the row of ${protocol} names no source`)
    for (const source of sources) assert.ok(existsSync(source), `${source} does not exist`)
  }
})

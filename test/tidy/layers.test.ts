/** Imports go downward only, parts of one layer never import one another, and what runs in a browser imports no Node. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeLines, filesUnder, importsOf } from './sources.js'

/** From the ground up; a part may import those of lower rows only, and itself. */
const LAYERS: readonly (readonly string[])[] = [
  ['base'],
  ['log'],
  ['replication', 'merge', 'wire'],
  ['disk'],
  ['store', 'net', 'delivery'],
  ['engine'],
  ['node'],
  ['http', 'cli', 'index.ts']
]

/** Files beside the layers that everybody may import: they import nothing themselves. */
const LOOSE = new Set(['version.ts', 'polyfills.ts'])

/** May import `node:`: the file system, the crypto port on Node.js, the Node-only transports, the root and the faces. */
const NODE_ONLY: readonly RegExp[] = [
  /^src\/base\/crypto-node\.ts$/,
  /^src\/disk\/(?!index|memory-disk|level-disk|level-reads|group-commit)[\w-]+\.ts$/,
  /^src\/disk\/level-files\//,
  /^src\/net\/transports\.ts$/,
  /^src\/(http|cli|node)\//,
  /^src\/node\.ts$/
]

/** Where the clock, timers and randomness of the machine may be used directly. */
const WORLDLY: readonly RegExp[] = [/^src\/base\/system\.ts$/, /^src\/(http|cli)\//]
const WORLD =
  /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bset(?:Timeout|Interval|Immediate)\b|\bperformance\.now\b|\bAbortSignal\.timeout\b/

const sources = filesUnder('src', '.ts')

function partOf(path: string): string {
  const [, first = ''] = path.split('/')
  return first === 'node.ts' ? 'node' : first
}

function rankOf(part: string): number {
  return LAYERS.findIndex(parts => parts.includes(part))
}

function allowed(from: string, to: string, lazy: boolean): boolean {
  if (from === to || LOOSE.has(to)) return true
  // The root serves its own HTTP face: only when asked to, so that a library user loads none of it.
  if (from === 'node' && to === 'http') return lazy
  return rankOf(from) >= 0 && rankOf(to) >= 0 && rankOf(to) < rankOf(from)
}

test('every source file belongs to a layer', () => {
  const strays = sources.filter(path => rankOf(partOf(path)) < 0 && !LOOSE.has(partOf(path)))
  assert.deepEqual(strays, [])
})

test('imports go downward only', () => {
  const wrong: string[] = []
  for (const path of sources) {
    for (const { specifier, target, lazy, line } of importsOf(path)) {
      if (target === undefined) continue
      const ok = target.startsWith('src/') && allowed(partOf(path), partOf(target), lazy)
      if (!ok) wrong.push(`${path}:${line} imports ${specifier}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('only the file system, the crypto port, the Node transports, the root and the faces import node:', () => {
  const wrong: string[] = []
  for (const path of sources.filter(one => !NODE_ONLY.some(pattern => pattern.test(one)))) {
    for (const { specifier, line } of importsOf(path)) {
      if (specifier.startsWith('node:')) wrong.push(`${path}:${line} imports ${specifier}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('time, timers and randomness come from base', () => {
  const wrong: string[] = []
  for (const path of sources.filter(one => !WORLDLY.some(pattern => pattern.test(one)))) {
    for (const [index, line] of codeLines(path).entries()) {
      const use = WORLD.exec(line)
      if (use !== null) wrong.push(`${path}:${index + 1} uses ${use[0]}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('every source file is reached from an entry point', () => {
  const reached = new Set<string>()
  const visit = (path: string) => {
    if (reached.has(path)) return
    reached.add(path)
    for (const { target } of importsOf(path))
      if (target !== undefined && sources.includes(target)) visit(target)
  }
  for (const entry of ['src/index.ts', 'src/delivery/index.ts', 'src/cli/bin.ts']) visit(entry)
  assert.deepEqual(
    sources.filter(path => !reached.has(path)),
    []
  )
})

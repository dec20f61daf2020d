/** Every failpoint stands in the product, and has its crash test. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FAILPOINTS } from '../../src/base/failpoints.js'
import { codeLines, filesUnder } from './sources.js'

function usesIn(folder: string, pattern: RegExp): string[] {
  return filesUnder(folder, '.ts').flatMap(path =>
    [...codeLines(path).join('\n').matchAll(pattern)].map(match => match[1]!)
  )
}

test('every failpoint is passed somewhere in the product', () => {
  assert.deepEqual(new Set(usesIn('src', /failpoint\('([^']+)'\)/g)), new Set(FAILPOINTS))
})

test('every failpoint is used by a test', () => {
  const used = new Set(usesIn('test', /'([\w.-]+)(?::[\w:-]+)?'/g))
  assert.deepEqual(
    FAILPOINTS.filter(name => !used.has(name)),
    []
  )
})

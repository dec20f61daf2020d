/** The error table: sane, used, and printed in the README as it is. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { ErrorRow } from '../../src/base/index.js'
import { ERRORS } from '../../src/base/index.js'
import { filesUnder } from './sources.js'

const rows: readonly [string, ErrorRow][] = Object.entries(ERRORS)
const EXIT_CODES = [1, 2, 3, 4, 5, 6, 7, 8, 130]

test('every row has a status, an exit code and words', () => {
  for (const [code, { status, exit, title, remedy }] of rows) {
    assert.match(code, /^[A-Z]+(?:_[A-Z]+)*$/)
    assert.ok(status === 202 || (status >= 400 && status < 600), `${code} has status ${status}`)
    assert.ok(EXIT_CODES.includes(exit), `${code} has exit code ${exit}`)
    assert.match(title, /^[A-Za-z].*[^.]$/, `the title of ${code} is a phrase without a period`)
    if (remedy !== undefined) assert.match(remedy, /^[A-Z]/, `the remedy of ${code} is a sentence`)
  }
})

test('status and exit code agree', () => {
  for (const [code, { status, exit }] of rows) {
    if (status === 404) assert.equal(exit, 4, code)
    if (status === 412) assert.equal(exit, 6, code)
    if (status === 401 || status === 403) assert.equal(exit, 7, code)
  }
})

test('every code is thrown somewhere', () => {
  const text = filesUnder('src', '.ts')
    .filter(path => path !== 'src/base/errors.ts')
    .map(path => readFileSync(path, 'utf8'))
    .join('\n')
  const unused = rows.map(([code]) => code).filter(code => !text.includes(`'${code}'`))
  assert.deepEqual(unused, [])
})

test('the README prints the table', () => {
  const readme = readFileSync('README.md', 'utf8')
  const printed = readme.split('\n').filter(line => /^\| `[A-Z_]+` \| \d{3} \| \d+ \|/.test(line))
  const expected = rows.map(([code, row]) => lineOf(code, row))
  const same = printed.join('\n') === expected.join('\n')
  assert.ok(same, `the README should hold:\n${HEAD}\n${expected.join('\n')}\n`)
})

const HEAD =
  '| code | HTTP | exit | again? | what it means, and what to do |\n| --- | --- | --- | --- | --- |'

function lineOf(code: string, { status, exit, retryable, title, remedy }: ErrorRow): string {
  const words = remedy === undefined ? `${title}.` : `${title}. ${remedy}`
  return `| \`${code}\` | ${status} | ${exit} | ${retryable ? 'yes' : 'no'} | ${words.replaceAll('|', '\\|')} |`
}

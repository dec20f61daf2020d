import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorRow } from '../../src/base/index.js'
import { ERRORS, isNatterError, messageOf, NatterError } from '../../src/base/index.js'

const EXIT_CODES = new Set([1, 2, 3, 4, 5, 6, 7, 8, 130])
const rows: [string, ErrorRow][] = Object.entries(ERRORS)

test('every code has a row with a status, an exit code and a title', () => {
  for (const [code, row] of rows) {
    assert.match(code, /^[A-Z][A-Z_]*[A-Z]$/)
    const inRange = row.status === 202 || (row.status >= 400 && row.status <= 599)
    assert.ok(Number.isInteger(row.status) && inRange, `${code}: status ${row.status}`)
    assert.ok(EXIT_CODES.has(row.exit), `${code}: exit ${row.exit}`)
    assert.ok(row.title.length > 0 && !row.title.endsWith('.'), `${code}: a title is no sentence`)
    if (row.remedy !== undefined) assert.ok(row.remedy.length > 10, code)
  }
})

test('status, exit code and what may be tried again agree', () => {
  for (const [code, row] of rows) {
    if (row.status === 404 && code !== 'UNKNOWN_PEER') assert.equal(row.exit, 4, code)
    if (row.status === 412) assert.equal(row.exit, 6, code)
    if (row.status === 400 || row.status === 413 || row.status === 415)
      assert.equal(row.retryable, false, code)
    if (row.retryable) assert.ok(row.status === 202 || row.status >= 500, code)
  }
})

test('an error carries its row, its remedy and its cause', () => {
  const cause = new Error('why')
  const error = new NatterError('DISK_FULL', 'no room', { cause, details: { freeBytes: 3 } })
  assert.equal(error.row, ERRORS.DISK_FULL)
  assert.equal(error.remedy, ERRORS.DISK_FULL.remedy)
  assert.equal(error.cause, cause)
  assert.deepEqual(error.details, { freeBytes: 3 })
  assert.equal(new NatterError('DISK_FULL', 'x', { remedy: 'buy a disk' }).remedy, 'buy a disk')
  assert.equal(new NatterError('NOT_FOUND', 'x').remedy, undefined)
  assert.ok(isNatterError(error) && isNatterError(error, 'DISK_FULL'))
  assert.ok(!isNatterError(error, 'NOT_FOUND') && !isNatterError(cause))
})

test('anything thrown has a message', () => {
  assert.equal(messageOf(new Error('one')), 'one')
  assert.equal(messageOf({ error: new Error('two') }), 'two')
  assert.equal(messageOf('three'), 'three')
  assert.equal(messageOf(undefined), 'no reason was given')
})

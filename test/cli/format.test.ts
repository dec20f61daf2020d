/** Durations, tables and sizes as people read and write them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDuration, parseDuration } from '../../src/cli/duration.js'
import { shellQuote } from '../../src/cli/shell.js'
import { nearest } from '../../src/cli/suggest.js'
import { formatBytes, sheet, table } from '../../src/cli/table.js'
import { jsonOfArgument } from '../../src/cli/values.js'

test('durations', () => {
  assert.equal(parseDuration('500ms', '--wait'), 500)
  assert.equal(parseDuration('1.5s', '--wait'), 1500)
  assert.equal(parseDuration('2m', '--wait'), 120_000)
  for (const wrong of ['10', '', 's', '-1s', '0s', '1d', '1e9h']) {
    assert.throws(() => parseDuration(wrong, '--wait'), /--wait takes a duration/, wrong)
  }
  assert.deepEqual([350, 12_000, 65_000, 3_600_000, 90_061_000].map(formatDuration), [
    '350ms',
    '12s',
    '1m 5s',
    '1h',
    '1d 1h'
  ])
})

test('tables are aligned, and only flexible columns are cut', () => {
  const columns = [{ title: 'PEER' }, { title: 'NAME', flexible: true }, { title: 'OPS', right: true }]
  const rows = [
    ['12D3KooW', 'a name that is far too long for it', '7'],
    ['x', 'b', '1234']
  ]
  assert.equal(
    table(columns, rows, 32),
    'PEER      NAME               OPS\n12D3KooW  a name that is …     7\nx         b                 1234'
  )
  assert.ok(table(columns, rows, 1000).includes('far too long for it'))
  assert.equal(
    sheet([
      ['a', '1'],
      ['long', '2'],
      ['', '3']
    ]),
    'a     1\nlong  2\n      3'
  )
})

test('sizes', () => {
  assert.deepEqual([0, 999, 1500, 2_500_000].map(formatBytes), ['0 B', '999 B', '1.5 kB', '2.5 MB'])
})

test('values are JSON when they parse as JSON', () => {
  assert.equal(jsonOfArgument('7', false), '7')
  assert.equal(jsonOfArgument('Alice', false), '"Alice"')
  assert.equal(jsonOfArgument('{"a":1}', false), '{"a":1}')
  assert.equal(jsonOfArgument('007', false), '"007"')
  assert.equal(jsonOfArgument('7', true), '"7"')
})

test('the name that was meant', () => {
  assert.equal(nearest('netwrok', ['network', 'name']), 'network')
  assert.equal(nearest('zzz', ['network', 'name']), undefined)
})

test('words as a shell takes them', () => {
  assert.equal(shellQuote('./natter-cluster/1'), './natter-cluster/1')
  assert.equal(shellQuote("it's"), `'it'\\''s'`)
})

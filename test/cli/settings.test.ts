/** Flags come before variables, variables before the file; what is unknown or of a wrong type is named. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { resolveSettings, variableOf } from '../../src/cli/settings.js'

test('flags, then variables, then the file', t => {
  const folder = mkdtempSync(join(tmpdir(), 'natter-settings-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'natter.json')
  const write = (config: unknown) => writeFileSync(file, JSON.stringify(config))

  write({ name: 'file', network: 'file', dataDir: 'file', listen: ['/ip4/127.0.0.1/tcp/0'], mdns: true })
  const env = { NATTER_NAME: 'env', NATTER_NETWORK: 'env', NATTER_MDNS: 'false', NATTER_ALLOW: 'a, b' }
  assert.deepEqual(resolveSettings({ config: file, name: 'flag' }, env), {
    name: 'flag',
    network: 'env',
    dataDir: 'file',
    listen: ['/ip4/127.0.0.1/tcp/0'],
    mdns: false,
    allow: ['a', 'b']
  })
  assert.equal(resolveSettings({}, { NATTER_CONFIG: file }).name, 'file')

  write({ netwrok: 'x' })
  assert.throws(() => resolveSettings({ config: file }, {}), /netwrok \(did you mean network\?\)/)
  write({ listen: '/ip4/127.0.0.1/tcp/0' })
  assert.throws(() => resolveSettings({ config: file }, {}), /listen .* must be a list of texts/)
  write([])
  assert.throws(() => resolveSettings({ config: file }, {}), /one JSON object/)
  writeFileSync(file, '{')
  assert.throws(() => resolveSettings({ config: file }, {}), /cannot be used/)
})

test('variables are the names in upper snake case', () => {
  assert.equal(variableOf('dataDir'), 'NATTER_DATA_DIR')
  assert.equal(variableOf('tokenFile'), 'NATTER_TOKEN_FILE')
  assert.deepEqual(resolveSettings({}, { NATTER_DELIVER_TO: 'https://a.example, https://b.example/v1' }), {
    deliverTo: ['https://a.example', 'https://b.example/v1']
  })
  assert.throws(() => resolveSettings({}, { NATTER_OPEN: 'perhaps' }), /NATTER_OPEN must be true or false/)
  assert.deepEqual(resolveSettings({}, { NATTER_CONFLICT: '{"a/":"all"}' }), { conflict: { 'a/': 'all' } })
  assert.deepEqual(resolveSettings({}, { NATTER_CONFLICT: 'max', NATTER_NAME: '' }), { conflict: 'max' })
})

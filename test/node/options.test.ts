import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { utf8 } from '../../src/base/index.js'
import type { NodeOptions } from '../../src/node/options.js'
import { checkOptions, isLoopback, strategyOf } from '../../src/node/options.js'

const wrongTypes: [string, unknown][] = [
  ['an unknown option', { colour: 'red' }],
  ['an unknown nested option', { sync: { often: true } }],
  ['a number for a path', { dataDir: 7 }],
  ['a short key', { psk: new Uint8Array(16) }],
  ['an unknown strategy', { conflict: 'newest' }],
  ['an unknown strategy behind a prefix', { conflict: { 'cart/': 'newest' } }],
  ['an unknown durability', { durability: 'none' }],
  ['an unknown limit', { limits: { walls: 4 } }],
  ['a limit of 0', { limits: { valueBytes: 0 } }],
  ['an app without a version', { app: { name: 'till' } }],
  ['a text for a list', { bootstrap: '/ip4/127.0.0.1/tcp/1' }],
  ['one URL for a list of them', { deliverTo: 'https://api.example.com' }]
]

describe('options of createNode', () => {
  for (const [what, options] of wrongTypes) {
    test(`${what} is a TypeError`, () => {
      assert.throws(() => checkOptions(options as NodeOptions), TypeError)
    })
  }

  test('an address that does not parse is INVALID_MULTIADDR', () => {
    assert.throws(() => checkOptions({ bootstrap: ['127.0.0.1:7070'] }), { code: 'INVALID_MULTIADDR' })
  })

  test('a peer id that is none is INVALID_ARGUMENT', () => {
    assert.throws(() => checkOptions({ allow: ['somebody'] }), { code: 'INVALID_ARGUMENT' })
  })

  test('a URL that cannot be delivered to is INVALID_ARGUMENT', () => {
    checkOptions({ deliverTo: ['https://api.example.com/v1', 'http://127.0.0.1:9000'] })
    for (const url of ['api.example.com', 'ftp://api.example.com', 'https://me:secret@api.example.com'])
      assert.throws(() => checkOptions({ deliverTo: [url] }), { code: 'INVALID_ARGUMENT' })
  })

  test('an explicit undefined counts as not given', () => {
    checkOptions({ dataDir: undefined, sync: { intervalMs: undefined } } as unknown as NodeOptions)
  })

  test('the longest prefix decides the strategy', () => {
    const strategy = strategyOf({ 'a/': 'max', 'a/b/': 'min' })
    assert.equal(strategy(utf8('a/x')), 'max')
    assert.equal(strategy(utf8('a/b/x')), 'min')
    assert.equal(strategy(utf8('z')), 'latest')
  })

  test('loopback is told from other addresses', () => {
    for (const addr of [
      '/ip4/127.0.0.1/tcp/0',
      '/ip4/127.9.9.9/tcp/1',
      '/ip6/::1/tcp/0',
      '/dns4/localhost/tcp/1'
    ]) {
      assert.equal(isLoopback(addr), true, addr)
    }
    for (const addr of [
      '/ip4/0.0.0.0/tcp/0',
      '/ip4/192.168.1.2/tcp/1',
      '/ip6/::/tcp/0',
      '/dns4/example.org/tcp/1'
    ]) {
      assert.equal(isLoopback(addr), false, addr)
    }
  })
})

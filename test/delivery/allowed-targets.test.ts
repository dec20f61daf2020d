/** Targets are compared as URLs: every trick by which a text looks like one under an allowed URL and is not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isNatterError } from '../../src/base/index.js'
import { AllowedTargets } from '../../src/delivery/allowed-targets.js'
import { testSeed } from '../support/random.js'

function codeOf(run: () => unknown): string {
  try {
    return `took ${run()}`
  } catch (error) {
    return isNatterError(error) ? error.code : `threw ${error}`
  }
}

const api = new AllowedTargets(['https://api.example.com/v1'])

test('what lies under the URL is taken, in the form in which it is sent', () => {
  const taken: [string, string][] = [
    ['https://api.example.com/v1', 'https://api.example.com/v1'],
    ['https://api.example.com/v1/', 'https://api.example.com/v1/'],
    ['https://api.example.com/v1/messages?to=a%2Fb', 'https://api.example.com/v1/messages?to=a%2Fb'],
    ['HTTPS://API.Example.COM:443/v1/Messages', 'https://api.example.com/v1/Messages'],
    ['https:\\\\api.example.com\\v1\\x', 'https://api.example.com/v1/x'],
    [' https://api.example.com/v1/x\n', 'https://api.example.com/v1/x'],
    ['https://api.example.com/v1/a/../b', 'https://api.example.com/v1/b'],
    ['https://api.example.com/v1/x#part', 'https://api.example.com/v1/x'],
    ['https://api.example.com/v1/key%2F42', 'https://api.example.com/v1/key%2F42'],
    ['https://api.example.com/v1/...', 'https://api.example.com/v1/...'],
    [
      'https://api.example.com/v1/x?back=https://evil.example/..',
      'https://api.example.com/v1/x?back=https://evil.example/..'
    ]
  ]
  for (const [target, sent] of taken) assert.equal(api.resolve(target), sent)
})

test('what only looks as if it did is refused', () => {
  const refused = [
    // another host, by prefix, suffix, user name, dot or port
    'https://api.example.com.evil.example/v1/x',
    'https://evil.example/https://api.example.com/v1/x',
    'https://api.example.com@evil.example/v1/x',
    'https://api.example.com:443@evil.example/v1/x',
    'https://user:secret@api.example.com/v1/x',
    'https://@api.example.com./v1/x',
    'https://api.example.com./v1/x',
    'https://api.example.com:8443/v1/x',
    'https://api.example.com:80/v1/x',
    'https://example.com/v1/x',
    // another scheme
    'http://api.example.com/v1/x',
    'file:///v1/x',
    'ftp://api.example.com/v1/x',
    'javascript:alert(1)',
    'data:text/plain,v1',
    'blob:https://api.example.com/v1/x',
    // another path
    'https://api.example.com/',
    'https://api.example.com/v',
    'https://api.example.com/v10/x',
    'https://api.example.com/v1x',
    'https://api.example.com/V1/x',
    'https://api.example.com//v1/x',
    'https://api.example.com/v1/../admin',
    'https://api.example.com/v1/%2e%2e/admin',
    'https://api.example.com/v1/.%2E/admin',
    'https://api.example.com/v1/..%2fadmin',
    'https://api.example.com/v1/x%2f..%2f..%2fadmin',
    'https://api.example.com/v1/..%5cadmin',
    'https://api.example.com/v1/%252e%252e/admin',
    'https://api.example.com/v1/%25252e%25252e%25252fadmin',
    'https://api.example.com/v1/..;/admin',
    'https://api.example.com/v1/..;x=1/admin',
    'https://api.example.com/v1/..%00/admin',
    'https://api.example.com/v1/%2e%2e%3b/admin',
    'https://api.example.com/v1\\..\\admin',
    'https://api.example.com/v1%2fx',
    'https://api.example.com/?/v1/x',
    'https://api.example.com/#/v1/x'
  ]
  for (const target of refused)
    assert.equal(
      codeOf(() => api.resolve(target)),
      'TARGET_NOT_ALLOWED',
      target
    )
})

test('what is no URL is an argument that is wrong', () => {
  const both = new AllowedTargets(['http://127.0.0.1:9000', 'http://127.0.0.1:9001'])
  for (const target of [
    '',
    'x'.repeat(9000),
    'http://\ud800/',
    'http://',
    'http://127.0.0.1:99999/',
    '/path',
    'no url'
  ])
    assert.equal(
      codeOf(() => both.resolve(target)),
      'INVALID_ARGUMENT',
      target.slice(0, 40)
    )
})

test('with one URL a path is taken as below it, and cannot lead out of it', () => {
  assert.equal(api.resolve('/messages?x=1'), 'https://api.example.com/v1/messages?x=1')
  for (const target of [
    'messages',
    '//evil.example/x',
    '/\\evil.example/x',
    '\\\\evil.example/x',
    '../x',
    ' /x'
  ])
    assert.equal(
      codeOf(() => api.resolve(target)),
      'INVALID_ARGUMENT',
      target
    )
  for (const target of ['/../admin', '/..%2fadmin', '/.\\..\\..\\admin'])
    assert.equal(
      codeOf(() => api.resolve(target)),
      'TARGET_NOT_ALLOWED',
      target
    )
  assert.equal(new AllowedTargets(['http://127.0.0.1:9000']).resolve('/a/b'), 'http://127.0.0.1:9000/a/b')
})

test('addresses are compared as what they mean', () => {
  const local = new AllowedTargets(['http://127.0.0.1:9000', 'http://[::1]:9000/in/'])
  for (const same of [
    'http://0x7f000001:9000/x',
    'http://2130706433:9000/x',
    'http://127.1:9000/x',
    'http://127.0.0.1:09000/x'
  ])
    assert.equal(local.resolve(same), 'http://127.0.0.1:9000/x')
  assert.equal(local.resolve('http://[0:0:0:0:0:0:0:1]:9000/in/x'), 'http://[::1]:9000/in/x')
  for (const other of [
    'http://localhost:9000/x',
    'http://127.0.0.2:9000/x',
    'http://[::ffff:127.0.0.1]:9000/x',
    'http://[::1]:9000/'
  ])
    assert.equal(
      codeOf(() => local.resolve(other)),
      'TARGET_NOT_ALLOWED',
      other
    )
})

test('a target that was taken is allowed in that form and in no other', () => {
  assert.ok(api.allows('https://api.example.com/v1/x'))
  for (const other of ['https://API.example.com/v1/x', '/x', '', 'https://api.example.com/v1/../v1/x'])
    assert.ok(!api.allows(other), other)
  assert.ok(!new AllowedTargets([]).allows('https://api.example.com/v1/x'))
})

test('URLs to deliver to are checked at the start', () => {
  const wrong = [
    '',
    'api.example.com',
    '/v1',
    'ftp://api.example.com',
    'file:///tmp',
    'https://user@api.example.com',
    'https://api.example.com/?x=1',
    'https://api.example.com/?',
    'https://api.example.com/#a',
    'https://api.example.com/a%2f..'
  ]
  for (const url of wrong)
    assert.equal(
      codeOf(() => new AllowedTargets([url])),
      'INVALID_ARGUMENT',
      url
    )
  const allowed = new AllowedTargets(['HTTP://LocalHost:80', 'http://localhost/b/', 'https://localhost'])
  assert.deepEqual(allowed.urls, ['http://localhost/', 'http://localhost/b/', 'https://localhost/'])
  assert.deepEqual(allowed.origins, ['http://localhost', 'https://localhost'])
})

test('whatever is taken has an allowed origin and a path under it, also when decoded again', () => {
  const pieces = [
    '..',
    '.',
    '%2e',
    '%2E',
    '%2f',
    '%5c',
    '\\',
    '/',
    '@',
    ':',
    '//',
    'v1',
    'api.example.com',
    'evil',
    '%25',
    '2e',
    ';',
    '?',
    '#',
    '%00',
    '\t',
    'https:',
    ' '
  ]
  const target = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map(parts => parts.join(''))
  const seed = testSeed('targets')
  const prefix = fc.constantFrom(
    '',
    'https://',
    'https://api.example.com',
    'https://api.example.com/v1/',
    'https:'
  )
  fc.assert(
    fc.property(prefix, target, (head, tail) => {
      let sent: string
      try {
        sent = api.resolve(head + tail)
      } catch (error) {
        return isNatterError(error)
      }
      const url = new URL(sent)
      let path = url.pathname
      for (let i = 0; i < 10; i++)
        path = new URL(`https://x${unescape(path).replaceAll(/[?#]/g, '_')}`).pathname
      return (
        url.origin === 'https://api.example.com' &&
        url.username === '' &&
        /^\/v1(\/|$)/.test(path) &&
        api.allows(sent)
      )
    }),
    { numRuns: 20_000, seed }
  )
})

import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { serve } from '../../src/http/index.js'
import { FakeNode } from '../support/fake-node.js'
import { head, start } from './harness.js'

const routes = [
  '/',
  '/kv/a',
  '/healthz',
  '/readyz',
  '/status',
  '/openapi.json',
  '/nowhere',
  '/kv/%ff',
  '/kv/a/b'
]

function request(host: string, path = '/kv/a', ...more: string[]): string {
  return [`GET ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...more, '', ''].join('\r\n')
}

test('only localhost, literal addresses and allowed names are hosts, on every route', async t => {
  const { raw } = await start(t, { allowHosts: ['Natter.Example:7070'] })
  for (const path of routes) {
    assert.match(await raw(request('evil.example', path)), /^HTTP\/1.1 403 .*HOST_NOT_ALLOWED/s, path)
  }
  const refused = [
    'evil.example:7070',
    'localhost.evil.example',
    '127.1',
    '0x7f.0.0.1',
    'a@localhost',
    '',
    '[::1',
    ':80'
  ]
  for (const host of refused) assert.match(await raw(request(host)), /^HTTP\/1.1 403 /, host)
  const allowed = [
    'localhost',
    'LocalHost:1',
    '127.0.0.1',
    '10.1.2.3:80',
    '[::1]',
    '[::1]:7070',
    'natter.example:99'
  ]
  for (const host of allowed) assert.match(await raw(request(host)), /^HTTP\/1.1 404 .*NOT_FOUND/s, host)
})

test('a host given twice, in the target, by a proxy header or not at all does not get through', async t => {
  const { raw } = await start(t)
  assert.match(await raw(request('localhost', '/kv/a', 'Host: evil.example')), /^HTTP\/1.1 40[03] /)
  assert.match(
    await raw(request('localhost', 'http://evil.example/kv/a')),
    /^HTTP\/1.1 403 .*HOST_NOT_ALLOWED/s
  )
  assert.match(await raw(request('evil.example', '/kv/a', 'X-Forwarded-Host: localhost')), /^HTTP\/1.1 403 /)
  assert.match(await raw('GET /kv/a HTTP/1.1\r\nConnection: close\r\n\r\n'), /^HTTP\/1.1 400 /)
  assert.match(await raw('GET /kv/a HTTP/1.0\r\n\r\n'), /^HTTP\/1.1 403 /)
})

test('requests of other web sites are refused, also before they are asked for', async t => {
  const { call, served, node } = await start(t)
  for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1', `${served.url}.evil.example`]) {
    for (const [method, path] of [
      ['PUT', '/kv/a'],
      ['GET', '/kv/a'],
      ['POST', '/batch'],
      ['OPTIONS', '/kv/a'],
      ['GET', '/nowhere']
    ]) {
      const body = method === 'PUT' || method === 'POST' ? { value: 1 } : undefined
      const reply = await call(String(method), String(path), body, { origin })
      assert.deepEqual([reply.status, reply.body['code']], [403, 'ORIGIN_NOT_ALLOWED'], `${method} ${origin}`)
      assert.equal(reply.headers.get('access-control-allow-origin'), null)
    }
  }
  assert.equal((await node.status()).ops, 0)
  assert.equal((await call('PUT', '/kv/a', { value: 1 }, { origin: served.url })).status, 200)
})

test('a POST needs a JSON content type, and the answer says so; a PUT does not', async t => {
  const { call, node } = await start(t)
  const wrong = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'text/plain;application/json',
    ''
  ]
  for (const type of wrong) {
    for (const path of ['/batch', '/sync/pause', '/p2p/ops', '/invite']) {
      const reply = await call('POST', path, {}, { 'content-type': type })
      assert.deepEqual([reply.status, reply.body['code']], [415, 'UNSUPPORTED_MEDIA_TYPE'], `${path} ${type}`)
      assert.match(String(reply.body['remedy']), /Content-Type: application\/json/)
    }
  }
  assert.deepEqual(node.calls, [])
  for (const type of ['application/json; charset=utf-8', 'application/vnd.api+json', 'Application/JSON']) {
    assert.equal((await call('POST', '/sync/pause', {}, { 'content-type': type })).status, 200, type)
  }
  for (const type of ['text/plain', 'nonsense', 'application/json\t; a']) {
    assert.equal((await call('PUT', '/kv/a', { value: 1 }, { 'content-type': type })).status, 200, type)
  }
})

test('with a token every route asks for it', async t => {
  const token = 'correct-horse-battery'
  const { call, raw } = await start(t, { token })
  for (const path of routes)
    assert.match(await raw(head(`GET ${path}`)), /^HTTP\/1.1 401 .*UNAUTHORIZED/s, path)
  for (const authorization of ['', 'Bearer', 'Bearer wrong', `Basic ${token}`, `Bearer ${token}x`, token]) {
    const reply = await call('GET', '/kv/a', undefined, { authorization })
    assert.deepEqual([reply.status, reply.headers.get('www-authenticate')], [401, 'Bearer realm="natter"'])
  }
  assert.equal((await call('GET', `/healthz?token=${token}`)).status, 401)
  for (const scheme of ['Bearer', 'bearer']) {
    assert.equal(
      (await call('GET', '/healthz', undefined, { authorization: `${scheme} ${token}` })).status,
      200
    )
  }
})

test('a token file is made once, readable by its owner alone, and read again', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'natter-http-'))
  t.after(() => rm(directory, { recursive: true }))
  const tokenFile = join(directory, 'token')
  const { call } = await start(t, { tokenFile })
  const token = (await readFile(tokenFile, 'utf8')).trim()
  assert.ok(token.length >= 43)
  assert.equal((await stat(tokenFile)).mode & 0o777, 0o600)
  assert.equal((await call('GET', '/healthz', undefined, { authorization: `Bearer ${token}` })).status, 200)

  await chmod(tokenFile, 0o644)
  const lines: string[] = []
  const second = await start(t, { tokenFile, log: (scope, text) => lines.push(`${scope} ${text}`) })
  assert.ok(lines.some(text => text.startsWith('http ') && text.includes('chmod 600')))
  assert.equal(
    (await second.call('GET', '/healthz', undefined, { authorization: `Bearer ${token}` })).status,
    200
  )
  assert.ok(!lines.some(text => text.includes(token)))

  await writeFile(tokenFile, '\n')
  await assert.rejects(serve(new FakeNode(), { port: 0, tokenFile }), { code: 'INVALID_ARGUMENT' })
  const nowhere = join(directory, 'no', 'token')
  await assert.rejects(serve(new FakeNode(), { port: 0, tokenFile: nowhere }), { code: 'DIRECTORY_UNUSABLE' })
})

test('beyond loopback there is no serving without a token', async t => {
  for (const host of ['0.0.0.0', '::']) {
    await assert.rejects(serve(new FakeNode(), { host, port: 0 }), { code: 'UNAUTHORIZED' })
  }
  const { served, call } = await start(t, { host: '0.0.0.0', token: 'correct-horse-battery' })
  assert.equal(served.url, `http://127.0.0.1:${served.port}`)
  assert.equal((await call('GET', '/healthz')).status, 401)
})

test('answers carry nothing to frame, sniff or embed, and no trace of a fault', async t => {
  const lines: string[] = []
  const { call, node } = await start(t, { log: (_scope, text) => lines.push(text) })
  const { headers } = await call('GET', '/nowhere')
  assert.equal(headers.get('x-content-type-options'), 'nosniff')
  assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin')
  node.failure = new TypeError('secret /home/someone/natter')
  const reply = await call('PUT', '/kv/a', { value: 1 })
  assert.deepEqual([reply.status, reply.body['code']], [500, 'INTERNAL'])
  assert.ok(!JSON.stringify(reply.body).includes('secret'))
  assert.ok(lines.some(text => text.includes('secret')))
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import fc from 'fast-check'
import { DEFAULT_LIMITS } from '../../src/base/index.js'
import { head, start } from './harness.js'

test('paths that are no path: invalid encoding 400, NUL and dots are keys like any other', async t => {
  const { raw, call } = await start(t)
  for (const path of ['/kv/%', '/kv/%zz', '/kv/%ff', '/kv/%c0%af', '/kv/%ed%a0%80', '/%']) {
    assert.match(await raw(head(`GET ${path}`)), /^HTTP\/1.1 400 .*INVALID_ARGUMENT/s, path)
  }
  for (const path of ['/kv/%00', '/kv/%2e%2e', '/kv/..', '/kv/.', '/kv/%2e', '/kv/..%2F..%2Fetc%2Fpasswd']) {
    assert.match(await raw(head(`GET ${path}`)), /^HTTP\/1.1 404 .*"code":"NOT_FOUND"/s, path)
  }
  for (const path of [
    '//',
    '/kv//',
    '/KV/a',
    '/status/',
    '/kv/a/',
    '/kv/a/b',
    '/kv/../status',
    '/%6bv%2Fa'
  ]) {
    assert.match(await raw(head(`GET ${path}`)), /^HTTP\/1.1 404 .*ROUTE_NOT_FOUND/s, path)
  }
  assert.match(await raw(head('GET /kv/')), /^HTTP\/1.1 400 .*INVALID_KEY/s)
  assert.equal((await call('GET', '/healthz')).status, 200)
})

test('a body over the limit is 413, announced or not, and nothing is written', async t => {
  const { call, raw, node } = await start(t, { limits: { httpBodyBytes: 1000 } })
  const big = await call('PUT', '/kv/a', { value: 'x'.repeat(2000) })
  assert.deepEqual([big.status, big.body['code']], [413, 'BODY_TOO_LARGE'])
  const chunk = `3e8\r\n${'x'.repeat(1000)}\r\n`
  const chunked = await raw(`${head('PUT /kv/a', 'Transfer-Encoding: chunked')}${chunk}${chunk}0\r\n\r\n`)
  assert.match(chunked, /^HTTP\/1.1 413 .*BODY_TOO_LARGE/s)
  assert.match(await raw(head('PUT /kv/a', 'Content-Length: 99999999999')), /^HTTP\/1.1 413 /)
  assert.equal((await node.status()).ops, 0)
})

test('an endless body is cut', async t => {
  const { socket, call } = await start(t, { limits: { httpBodyBytes: 1000 } })
  const connection = await socket()
  connection.on('error', () => undefined)
  connection.write(head('PUT /kv/a', 'Transfer-Encoding: chunked'))
  const chunk = `3e8\r\n${'x'.repeat(1000)}\r\n`
  let sent = 0
  const send = setInterval(() => {
    connection.write(chunk)
    sent++
  }, 5)
  t.after(() => clearInterval(send))
  let received = ''
  connection.on('data', data => {
    received += data
  })
  await once(connection, 'close')
  assert.match(received, /^HTTP\/1.1 413 /)
  assert.ok(sent < 2000)
  assert.equal((await call('GET', '/healthz')).status, 200)
})

test('a slow body and slow headers are cut with 408', async t => {
  const { raw } = await start(t, { timeouts: { requestMs: 400, headersMs: 200 } })
  const slowBody = await raw(`${head('PUT /kv/a', 'Content-Length: 20')}{"val`, { keepOpen: true })
  assert.match(slowBody, /^HTTP\/1.1 408 /)
  assert.match(slowBody, /"ok":false/)
  assert.match(await raw('GET /kv/a HTTP/1.1\r\nHost: local', { keepOpen: true }), /^HTTP\/1.1 408 /)
})

test('a connection on which nothing happens is closed', async t => {
  const { socket } = await start(t, { timeouts: { idleMs: 200 } })
  const connection = await socket()
  connection.on('error', () => undefined).resume()
  await once(connection, 'close')
})

test('a wait for peers outlives the idle time', async t => {
  const { call } = await start(t, { timeouts: { idleMs: 150 } })
  const reply = await call('PUT', '/kv/a?ack=1&wait=600ms', { value: 1 })
  assert.equal(reply.status, 202)
})

test('a flood of headers is 431', async t => {
  const { raw } = await start(t)
  const one = await raw(head('GET /kv/a', `X-Long: ${'x'.repeat(70_000)}`))
  assert.match(one, /^HTTP\/1.1 431 .*"ok":false/s)
  const many = await raw(
    head('GET /kv/a', ...Array.from({ length: 5000 }, (_, i) => `X-${i}: ${'y'.repeat(10)}`))
  )
  assert.match(many, /^HTTP\/1.1 431 /)
  assert.match(await raw(head(`GET /kv/${'k'.repeat(70_000)}`)), /^HTTP\/1.1 431 /)
})

test('many small headers do not push a foreign Origin out of sight', async t => {
  const { raw } = await start(t)
  const padding = Array.from({ length: 2500 }, (_, i) => `X-${i}: y`)
  assert.match(await raw(head('PUT /kv/a', ...padding, 'Origin: https://evil.example')), /^HTTP\/1.1 403 /)
})

test('what is no HTTP is answered 400 and closed', async t => {
  const { raw } = await start(t)
  for (const text of [
    '\x16\x03\x01\x02\x00\x01',
    'HELLO\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'GET /\r\n\r\n'
  ]) {
    assert.match(await raw(`${text}\r\n\r\n`), /^HTTP\/1.1 (400|403) /)
  }
  const smuggled = head('PUT /kv/a', 'Content-Length: 13', 'Transfer-Encoding: chunked')
  assert.match(await raw(`${smuggled}0\r\n\r\n`), /^HTTP\/1.1 400 /)
})

test('pipelined requests are served and answered in their order', async t => {
  const { raw } = await start(t)
  const body = '{"value":1}'
  const put = `PUT /kv/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  const answers = await raw(`${put}GET /kv/b HTTP/1.1\r\nHost: localhost\r\n\r\n${head('GET /kv/a')}`)
  assert.deepEqual(
    [...answers.matchAll(/HTTP\/1.1 (\d+) /g)].map(match => match[1]),
    ['200', '404', '200']
  )
})

test('a client that leaves in mid-request harms nobody', async t => {
  const { socket, call } = await start(t)
  for (const text of [
    `${head('PUT /kv/a', 'Content-Length: 20')}{"v`,
    head('GET /changes', 'Accept: text/event-stream')
  ]) {
    const connection = await socket()
    connection.on('error', () => undefined)
    connection.write(text)
    connection.resetAndDestroy()
  }
  assert.equal((await call('GET', '/healthz')).status, 200)
})

test('requests with bytes changed, cut out or put in are answered or cut, never by a fault', async t => {
  const lines: string[] = []
  const { raw, call } = await start(t, {
    log: (_scope, text) => lines.push(text),
    timeouts: { requestMs: 200, headersMs: 200 }
  })
  const seed = Date.now() % 2 ** 31
  t.diagnostic(`seed ${seed}`)
  const json = ['Content-Type: application/json', 'Content-Length: 60']
  const body = '{"ops":[{"type":"put","key":"a","value":{"b":[1,null,"\\u00e9"]}}]}'
  const requests = [
    `${head('POST /batch', ...json)}${body}`,
    head('GET /kv?prefix=a%2F&limit=5&reverse=true&gt=b'),
    `${head('PUT /kv/a%20b?ack=1&wait=5ms', 'If-None-Match: *', 'Content-Length: 11')}{"value":1}`,
    head('GET /changes?since=start&limit=3', 'Accept: application/x-ndjson;q=0.5, text/html')
  ]
  const change = fc.record({
    at: fc.nat(400),
    cut: fc.nat(3),
    put: fc.string({ unit: 'binary', maxLength: 3 })
  })
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...requests),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      async (text, changes) => {
        let mutant = text
        for (const { at, cut, put } of changes) mutant = mutant.slice(0, at) + put + mutant.slice(at + cut)
        const answer = await raw(mutant)
        const status = Number(/^HTTP\/1.1 (\d{3}) /.exec(answer)?.[1] ?? 0)
        assert.ok(status === 0 || (status >= 200 && status < 500), answer)
      }
    ),
    { seed, numRuns: 60 }
  )
  assert.deepEqual(
    lines.filter(text => text.includes('failed:')),
    []
  )
  assert.equal((await call('GET', '/healthz')).status, 200)
})

test('the default limit takes a batch of 8 MiB', () => {
  assert.ok(DEFAULT_LIMITS.httpBodyBytes > 8 * 1024 * 1024)
})

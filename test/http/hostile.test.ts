/** Requests that no honest client sends, each with the answer it gets. Beside abuse.test.ts, which has floods and cuts. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { HTTP } from '../../src/base/index.js'
import { type Client, head, start } from './harness.js'

const JSON_TYPE = 'Content-Type: application/json'

/** Status and code of the first answer to bytes. */
async function answer(client: Pick<Client, 'raw'>, bytes: string): Promise<string> {
  const text = await client.raw(bytes)
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 'cut'
  return `${status} ${/"code":"([A-Z_]+)"/.exec(text)?.[1] ?? ''}`.trim()
}

function get(path: string, ...headers: string[]): string {
  return `GET ${path} HTTP/1.1\r\n${[...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`
}

function send(line: string, body: string, ...headers: string[]): string {
  return `${head(line, ...headers, `Content-Length: ${Buffer.byteLength(body)}`)}${body}`
}

async function each(client: Client, cases: Readonly<Record<string, readonly string[]>>): Promise<void> {
  for (const [expected, requests] of Object.entries(cases)) {
    for (const bytes of requests) assert.equal(await answer(client, bytes), expected, bytes.slice(0, 200))
  }
}

test('hosts: trailing dots, paths, users, zones, numbers of another base and names like localhost are 403 HOST_NOT_ALLOWED; every literal address is let in', async t => {
  const host = (name: string): string => get('/kv/a', `Host: ${name}`)
  await each(await start(t), {
    '403 HOST_NOT_ALLOWED': [
      'evil.com',
      'localhost.',
      'localhost.localdomain',
      'localhost@evil.com',
      'evil.com#localhost',
      'localhost/evil',
      'localhost:99999999',
      'localhost:-1',
      'localhost:80:80',
      '2130706433',
      '0177.0.0.1',
      '0x7f000001',
      '127.0.0.1.nip.io',
      '127.0.0.1.',
      '::1',
      '[fe80::1%25eth0]',
      '[localhost]',
      'xn--lcalhost-54a'
    ].map(host),
    '404 NOT_FOUND': [
      'LOCALHOST',
      '127.0.0.1:65535',
      '0.0.0.0',
      '[::FFFF:127.0.0.1]',
      '[0:0:0:0:0:0:0:1]:1'
    ].map(host)
  })
})

test('headers that a proxy would set change nothing: 403 for a foreign host, whatever they say', async t => {
  const forwarded = [
    'X-Forwarded-Host: localhost',
    'Forwarded: host=localhost',
    'X-Host: localhost',
    'X-Original-URL: /status'
  ]
  await each(await start(t), {
    '403 HOST_NOT_ALLOWED': forwarded.map(header => get('/kv/a', 'Host: evil.com', header)),
    '404 NOT_FOUND': [
      'X-Forwarded-Host: evil.com',
      'X-HTTP-Method-Override: DELETE',
      'X-Rewrite-URL: /status'
    ].map(header => get('/kv/a', 'Host: localhost', header))
  })
})

test('origins: null, foreign, other ports and schemes, and names that begin or end like the own one are 403 ORIGIN_NOT_ALLOWED', async t => {
  const client = await start(t)
  const own = `127.0.0.1:${client.served.port}`
  const origin = (name: string): string => get('/kv/a', `Host: ${own}`, `Origin: ${name}`)
  await each(client, {
    '403 ORIGIN_NOT_ALLOWED': [
      'null',
      '',
      '*',
      own,
      `http://${own}.evil.com`,
      `http://evil.com/${own}`,
      `http://evil.com#${own}`,
      `http://user@${own}`,
      `http://${own}/`,
      `ftp://${own}`,
      `file://${own}`,
      'http://127.0.0.1',
      'http://127.0.0.1:1',
      `http://localhost:${client.served.port}`,
      `http://${own} http://${own}`
    ].map(origin),
    '404 NOT_FOUND': [origin(`http://${own}`)]
  })
})

test('simple requests of a web page, which ask nobody first: a POST of a form, of text or of nothing is 415; a preflight is granted nothing', async t => {
  const client = await start(t)
  const post = (...headers: string[]): string => send('POST /batch', '{"ops":[]}', ...headers)
  await each(client, {
    '415 UNSUPPORTED_MEDIA_TYPE': [
      post(),
      post('Content-Type:'),
      post('Content-Type: text/plain'),
      post('Content-Type: multipart/form-data; boundary=application/json'),
      post('Content-Type: application/x-www-form-urlencoded'),
      post('Content-Type: text/plain; x=application/json'),
      post('Content-Type: application/jsonx'),
      post('Content-Type: xapplication/json'),
      post('Content-Type: application/json+xml')
    ]
  })
  const preflight = await client.raw(
    head('OPTIONS /kv/a', 'Origin: https://evil.com', 'Access-Control-Request-Method: PUT')
  )
  assert.match(preflight, /^HTTP\/1\.1 403 /)
  assert.doesNotMatch(preflight, /access-control-allow/i)
  assert.equal((await client.node.status()).ops, 0)
})

test('smuggling: two lengths, a length and chunks, odd spellings of either, and bare line feeds are 400, and nothing behind them is served', async t => {
  const client = await start(t)
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const put = (...headers: string[]): string => `${head('PUT /kv/a', ...headers)}0\r\n\r\n${smuggled}`
  for (const bytes of [
    put('Content-Length: 5', 'Transfer-Encoding: chunked'),
    put('Transfer-Encoding: chunked', 'Content-Length: 5'),
    put('Content-Length: 5', 'Content-Length: 6'),
    put('Content-Length: 5, 5'),
    put('Content-Length: +5'),
    put('Content-Length: -1'),
    put('Content-Length: 0x5'),
    put('Content-Length: 99999999999999999999'),
    put('Transfer-Encoding: xchunked'),
    put('Transfer-Encoding: chunked, identity'),
    put('Transfer-Encoding : chunked'),
    put('Transfer-Encoding:\x0bchunked'),
    `PUT /kv/a HTTP/1.1\nHost: localhost\nContent-Length: 5\n\n0\r\n\r\n${smuggled}`,
    `${head('PUT /kv/a', 'Transfer-Encoding: chunked')}zz\r\n\r\n${smuggled}`,
    `${head('PUT /kv/a', 'Transfer-Encoding: chunked')}-1\r\n\r\n${smuggled}`
  ]) {
    const text = await client.raw(bytes)
    assert.match(text, /^HTTP\/1\.1 (400|413|501)/, JSON.stringify(bytes.slice(0, 160)))
    assert.doesNotMatch(text, /smuggled/, JSON.stringify(bytes.slice(0, 160)))
  }
  assert.equal((await client.node.status()).ops, 0)
})

test('HTTP/1.0 with a host is served and closed; Expect: 100-continue is answered and the write made; any other expectation is 417', async t => {
  const client = await start(t)
  assert.match(await client.raw('GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n'), /^HTTP\/1\.1 200 /)
  const body = '{"value":1}'
  const expecting = await client.raw(send('PUT /kv/a', body, 'Expect: 100-continue'))
  assert.match(expecting, /HTTP\/1\.1 100 Continue\r\n[\s\S]*HTTP\/1\.1 200 /)
  assert.match(await client.raw(send('PUT /kv/a', body, 'Expect: a miracle')), /^HTTP\/1\.1 417 /)
})

test('bodies: names of prototypes are fields like any other, never a prototype', async t => {
  const client = await start(t)
  await each(client, {
    '400 INVALID_ARGUMENT': [
      send('PUT /kv/a', '{"value":1,"__proto__":{"ok":false}}'),
      send('PUT /kv/a', '{"value":1,"constructor":{}}'),
      send('POST /batch', '{"__proto__":{"ops":[]}}', JSON_TYPE),
      send('POST /batch', '{"ops":[{"__proto__":{"type":"put","key":"a","value":1}}]}', JSON_TYPE)
    ]
  })
  const value = '{"__proto__":{"x":1},"constructor":2,"hasOwnProperty":3}'
  for (const key of ['__proto__', 'constructor', 'toString']) {
    assert.equal(await answer(client, send(`PUT /kv/${key}`, `{"value":${value}}`)), '200')
    assert.ok((await client.raw(head(`GET /kv/${key}`))).includes(value), key)
  }
  assert.equal(({} as Record<string, unknown>)['x'], undefined)
})

test('bodies: 10,000 levels are 400 INVALID_JSON; numbers beyond a float too; the last of equal names counts; half a surrogate is a value like any other', async t => {
  const client = await start(t)
  const deep = (levels: number): string => `{"value":${'['.repeat(levels)}${']'.repeat(levels)}}`
  await each(client, {
    '400 INVALID_JSON': [
      send('PUT /kv/a', deep(10_000)),
      send('PUT /kv/a', deep(HTTP.jsonDepth)),
      send('PUT /kv/a', '{"value":1e999}'),
      send('PUT /kv/a', '{"value":NaN}'),
      send('PUT /kv/a', '{"value":1'),
      send('PUT /kv/a', ''),
      send('PUT /kv/a', "{'value':1}"),
      `${head('PUT /kv/a', 'Content-Length: 4')}\xff\xfe{}`.slice(0, -2)
    ],
    '200': [send('PUT /kv/a', deep(HTTP.jsonDepth - 1)), send('PUT /kv/twice', '{"value":1,"value":2}')]
  })
  assert.equal((await client.call('GET', '/kv/twice')).body['value'], 2)
  await client.call('PUT', '/kv/big', '{"value":9007199254740993}')
  assert.equal((await client.call('GET', '/kv/big')).body['value'], 9007199254740992)
  await client.call('PUT', '/kv/half', '{"value":"\\ud800"}')
  assert.ok((await client.raw(head('GET /kv/half'))).includes('\\ud800'))
})

test('tokens: missing, wrong, a letter short or long, in the query or in a cookie are 401 UNAUTHORIZED', async t => {
  const token = 'a-token-of-some-length'
  const client = await start(t, { token })
  const bearer = (text: string): string => get('/healthz', 'Host: localhost', `Authorization: ${text}`)
  await each(client, {
    '401 UNAUTHORIZED': [
      get('/healthz', 'Host: localhost'),
      get(`/healthz?access_token=${token}`, 'Host: localhost'),
      get('/healthz', 'Host: localhost', `Cookie: token=${token}`),
      bearer(`Bearer ${token.slice(0, -1)}`),
      bearer(`Bearer ${token}x`),
      bearer(`Bearer ${token.toUpperCase()}`),
      bearer(`Bearer "${token}"`),
      bearer(`Bearer ${token} ${token}`),
      bearer(`Bearer${token}`),
      bearer(`Basic ${Buffer.from(`x:${token}`).toString('base64')}`)
    ]
  })
  assert.match(await client.raw(bearer(`Bearer ${token}`)), /^HTTP\/1\.1 200 /)
})

test('one Idempotency-Key in ten requests at once is one write; with another body it is 409 ID_REUSED', async t => {
  const { call, node } = await start(t)
  const put = (value: number) => call('PUT', '/kv/once', { value }, { 'idempotency-key': 'the key' })
  const replies = await Promise.all(Array.from({ length: 10 }, () => put(1)))
  assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200]))
  assert.equal(new Set(replies.map(({ body }) => body['op_id'])).size, 1)
  assert.equal((await node.status()).ops, 1)
  const other = await put(2)
  assert.deepEqual([other.status, other.body['code']], [409, 'ID_REUSED'])
})

test('more connections than may be open: those beyond are cut, those before are served, and room is made when they go', async t => {
  const client = await start(t)
  const sockets: Socket[] = []
  let cut = 0
  for (let opened = 0; opened < HTTP.connections + 50; opened += 50) {
    const more = await Promise.all(Array.from({ length: 50 }, () => client.socket()))
    for (const socket of more) {
      socket.on('error', () => undefined)
      socket.on('close', () => cut++)
      sockets.push(socket)
    }
  }
  sockets[0]!.write(head('GET /healthz'))
  const [data] = (await once(sockets[0]!, 'data')) as [Buffer]
  assert.match(String(data), /^HTTP\/1\.1 200 /)
  assert.ok(cut > 0, 'nobody was cut')
  for (const socket of sockets) socket.destroy()
  assert.equal((await client.call('GET', '/healthz')).status, 200)
})

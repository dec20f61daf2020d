import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { serve } from '../../src/http/index.js'
import { FakeNode } from '../support/fake-node.js'
import { head, start } from './harness.js'

test('a port that is taken is PORT_IN_USE, with what to do', async t => {
  const { served } = await start(t)
  await assert.rejects(serve(new FakeNode(), { port: served.port }), {
    code: 'PORT_IN_USE',
    message: new RegExp(`127.0.0.1:${served.port}`),
    remedy: /natter up --http 0/
  })
})

test('options that make no sense are refused', async () => {
  for (const port of [-1, 65_536, 1.5]) await assert.rejects(serve(new FakeNode(), { port }), TypeError)
  await assert.rejects(serve(new FakeNode(), { port: 0, token: '' }), TypeError)
  await assert.rejects(serve(new FakeNode(), { port: 0, ...{ tls: true } }), /unknown option: tls/)
  await assert.rejects(serve(new FakeNode(), { port: 0, allowHosts: ['a b'] }), TypeError)
  await assert.rejects(serve(new FakeNode(), { port: 0, host: 'no.such.host.invalid' }), {
    code: 'INVALID_ARGUMENT'
  })
  await assert.rejects(serve(new FakeNode(), { port: 0, host: '127.255.255.256' }), {
    code: 'INVALID_ARGUMENT'
  })
  await assert.rejects(serve(new FakeNode(), { port: 0, host: '192.0.2.1', token: 'x' }), {
    code: 'INVALID_ARGUMENT'
  })
})

test('a port that 0 got is kept and tried first; taken by another, a new one is chosen and kept', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'natter-http-'))
  t.after(() => rm(directory, { recursive: true }))
  const keepPort = join(directory, 'http-port')
  const first = await serve(new FakeNode(), { port: 0, keepPort })
  await first.close()
  const second = await serve(new FakeNode(), { port: 0, keepPort })
  t.after(() => second.close())
  assert.equal(second.port, first.port)
  const third = await serve(new FakeNode(), { port: 0, keepPort })
  t.after(() => third.close())
  assert.notEqual(third.port, first.port)
  assert.equal((await readFile(keepPort, 'utf8')).trim(), String(third.port))
})

test('localhost and IPv6 loopback can be listened on', async t => {
  const { served, call } = await start(t, { host: 'localhost' })
  assert.equal(served.url, `http://127.0.0.1:${served.port}`)
  assert.equal((await call('GET', '/healthz')).status, 200)
  const six = await start(t, { host: '::1' })
  assert.equal(six.served.url, `http://[::1]:${six.served.port}`)
  assert.equal((await six.call('GET', '/healthz')).status, 200)
})

test('closing takes less than two seconds, whatever is open', async t => {
  const { served, socket, node } = await start(t)
  const open: Promise<unknown>[] = []
  for (const text of [
    '',
    'GET / HTTP/1.1\r\n',
    'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
    head('GET /events', 'Accept: text/event-stream'),
    head('GET /changes', 'Accept: text/event-stream'),
    `${head('PUT /kv/slow', 'Content-Length: 50')}{`
  ]) {
    const connection = await socket()
    connection.on('error', () => undefined)
    open.push(new Promise(resolve => connection.once('close', resolve)))
    if (text !== '') connection.write(text)
    if (text.startsWith('GET /e') || text.startsWith('GET /c')) await once(connection, 'data')
    connection.resume()
  }
  const startedMs = performance.now()
  await served.close()
  assert.ok(performance.now() - startedMs < 2000)
  await Promise.all(open)
  assert.equal(node.readers, 0)
  await served.close() // again is the same
  await assert.rejects(fetch(served.url))
})

test('a write that waits for peers is answered 202 when the server closes: it is durable', async t => {
  const { served, call, node } = await start(t)
  const reply = call('PUT', '/kv/a?ack=1&wait=1m', { value: 1 })
  while ((await node.status()).ops === 0) await new Promise(resolve => setImmediate(resolve))
  const closing = served.close()
  const { status, body } = await reply
  assert.deepEqual([status, body['reached']], [202, false])
  await closing
})

test('each request is a line in the log, without the token', async t => {
  const lines: string[] = []
  const token = 'correct-horse-battery'
  const { call } = await start(t, { token, log: (scope, text) => lines.push(`${scope} ${text}`) })
  await call('GET', '/kv/a', undefined, { authorization: `Bearer ${token}` })
  await call('GET', '/kv/a')
  assert.match(lines[1] ?? '', /^http GET \/kv\/a 404 \d+ B \d+\.\d ms from 127\.0\.0\.1$/)
  assert.match(lines[2] ?? '', /^http GET \/kv\/a 401 /)
  assert.ok(!lines.join().includes(token))
})

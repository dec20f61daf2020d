import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { HTTP, type NodeEvents } from '../../src/base/index.js'
import type { FakeNode } from '../support/fake-node.js'
import { type Client, head, start } from './harness.js'

/** Messages of an event stream, as they come. */
async function* messages(client: Client, path: string, headers: Record<string, string> = {}) {
  const abort = new AbortController()
  const reply = await fetch(client.served.url + path, {
    headers: { accept: 'text/event-stream', ...headers },
    signal: abort.signal
  })
  assert.equal(reply.status, 200)
  assert.match(reply.headers.get('content-type') ?? '', /^text\/event-stream/)
  const reader = reply.body!.getReader()
  const decoder = new TextDecoder()
  let text = ''
  try {
    for (let result = await reader.read(); !result.done; result = await reader.read()) {
      text += decoder.decode(result.value, { stream: true })
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const fields = text
          .slice(0, end)
          .split('\n')
          .map(line => line.split(/: (.*)/s))
        text = text.slice(end + 2)
        yield Object.fromEntries(fields.map(([name, value]) => [name, value])) as Record<string, string>
      }
    }
  } finally {
    abort.abort()
  }
}

async function take<T>(source: AsyncGenerator<T>, n: number): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) if (items.push(item) === n) break
  return items
}

/** Resolves once `holds`; checked on the event loop and bounded by the test's own timeout. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setImmediate(resolve))
}

function fill(node: FakeNode, keys: number, bytes = 1): Promise<unknown> {
  const value = 'x'.repeat(bytes)
  return node.write(Array.from({ length: keys }, (_, i) => ({ type: 'put' as const, key: `k${i}`, value })))
}

test('a JSON page ends where it is caught up, and leads to the next', async t => {
  const { call, node } = await start(t)
  await fill(node, 3)
  const first = await call('GET', '/changes?since=start&limit=2')
  const changes = first.body['changes'] as Record<string, unknown>[]
  assert.deepEqual(
    changes.map(change => change['key']),
    ['k0', 'k1']
  )
  assert.deepEqual(Object.keys(changes[0]!).sort(), [
    'at',
    'cursor',
    'key',
    'op_id',
    'origin',
    'type',
    'value'
  ])
  assert.deepEqual([first.body['cursor'], first.body['caught_up']], [changes[1]!['cursor'], false])
  const second = await call('GET', `/changes?since=${first.body['cursor']}`)
  assert.deepEqual(
    (second.body['changes'] as { key: string }[]).map(change => change.key),
    ['k2']
  )
  assert.equal(second.body['caught_up'], true)
  const third = await call('GET', `/changes?since=${second.body['cursor']}`)
  assert.deepEqual([third.body['changes'], third.body['cursor']], [[], second.body['cursor']])
  assert.deepEqual((await call('GET', '/changes?since=now')).body['changes'], [])
  assert.equal(((await call('GET', '/changes')).body['changes'] as []).length, 3)
  assert.equal(((await call('GET', '/changes?prefix=k1')).body['changes'] as []).length, 1)
})

test('bad cursors are told by status, in every format', async t => {
  const { call, node } = await start(t)
  await fill(node, 1)
  for (const accept of ['application/json', 'application/x-ndjson', 'text/event-stream']) {
    for (const [since, status, code] of [
      ['0123456789abcdef.99', 410, 'CURSOR_GONE'],
      ['ffffffffffffffff.1', 409, 'CURSOR_FOREIGN'],
      ['yesterday', 400, 'INVALID_CURSOR']
    ]) {
      const reply = await call('GET', `/changes?since=${since}`, undefined, { accept })
      assert.deepEqual([reply.status, reply.body['code']], [status, code], accept)
      assert.match(reply.headers.get('content-type') ?? '', /json/)
    }
  }
})

test('lines of JSON follow what happens until the limit', async t => {
  const { served, node } = await start(t)
  const reply = await fetch(`${served.url}/changes?since=start&limit=3`, {
    headers: { accept: 'application/x-ndjson' }
  })
  assert.match(reply.headers.get('content-type') ?? '', /^application\/x-ndjson/)
  const body = reply.text()
  await node.write([{ type: 'put', key: 'a', value: 1 }])
  node.remote('b', 2)
  await node.write([{ type: 'del', key: 'a' }])
  const changes = (await body)
    .trimEnd()
    .split('\n')
    .map(text => JSON.parse(text))
  assert.equal(changes[0].type, 'caught-up')
  assert.deepEqual(
    changes.filter(change => change.type !== 'caught-up').map(change => `${change.type} ${change.key}`),
    ['put a', 'put b', 'del a']
  )
  assert.match(changes.find(change => change.key === 'b').from, /^12D3Koo/)
})

test('an event stream goes on from Last-Event-ID, whatever since says', async t => {
  const client = await start(t)
  await fill(client.node, 2)
  const [first] = await take(messages(client, '/changes?since=start'), 1)
  assert.deepEqual([JSON.parse(first!['data']!).key, first!['event']], ['k0', undefined])
  const resumed = messages(client, '/changes?since=start', { 'last-event-id': first!['id']! })
  const [second, third] = await take(resumed, 2)
  assert.equal(JSON.parse(second!['data']!).key, 'k1')
  assert.deepEqual([JSON.parse(third!['data']!).type, third!['id']], ['caught-up', second!['id']])
  await until(() => client.node.readers === 0)
})

test('an idle event stream is kept open by comments', async t => {
  const client = await start(t, { timeouts: { heartbeatMs: 20, idleMs: 100 } })
  const seen = await take(messages(client, '/changes'), 15)
  assert.equal(seen.filter(message => 'data' in message).length, 1)
  assert.ok(seen.filter(message => '' in message).length >= 10)
})

test('a reader that never reads costs little, and is cut in the end', async t => {
  const client = await start(t, { timeouts: { stallMs: 500 } })
  const { node, socket } = client
  await fill(node, 2000, 20_000)
  const connection = await socket()
  connection.pause()
  connection.write(head('GET /changes?since=start', 'Accept: text/event-stream'))
  await until(() => node.readers === 1)
  await until(() => node.readers === 0)
  // Kernel buffers on both sides of loopback take some megabytes; the rest of the 40 was never asked for.
  assert.ok(node.pulled > 0 && node.pulled < 1500, `${node.pulled} pulled`)
})

test('a reader that leaves ends its iterator', async t => {
  const { node, socket } = await start(t)
  const connection = await socket()
  connection.write(head('GET /changes', 'Accept: application/x-ndjson'))
  await once(connection, 'data')
  assert.equal(node.readers, 1)
  connection.destroy()
  await until(() => node.readers === 0)
})

test('events of the node are streamed by name', async t => {
  const client = await start(t)
  const stream = messages(client, '/events')
  const next = stream.next()
  const detail: NodeEvents['peer'] = { peer: 'p', state: 'connected' }
  const tell = setInterval(() => client.node.events.dispatchEvent(new CustomEvent('peer', { detail })), 10)
  const { value } = await next
  clearInterval(tell)
  assert.deepEqual([value?.['event'], JSON.parse(value?.['data'] ?? '')], ['peer', detail])
  await stream.return(undefined)
})

test('a slow reader of events misses the oldest and is told how many', async t => {
  const client = await start(t)
  const stream = messages(client, '/events')
  const next = stream.next()
  const event = (i: number) =>
    new CustomEvent('conflict', { detail: { key: `k${i}`, versions: 2, reason: 'concurrent' } })
  const tell = setInterval(() => client.node.events.dispatchEvent(event(0)), 5)
  await next
  clearInterval(tell)
  // All in one turn of the event loop: nothing can be written in between.
  for (let i = 0; i < HTTP.queuedEvents + 50; i++) client.node.events.dispatchEvent(event(i))
  let dropped = 0
  for await (const message of stream) {
    if (message['event'] === 'dropped') dropped += JSON.parse(message['data']!).count
    else if (JSON.parse(message['data']!).key === `k${HTTP.queuedEvents + 49}`) break
  }
  assert.ok(dropped >= 49 && dropped <= 51, `${dropped}`)
})

test('HEAD of a stream answers headers and leaves no reader', async t => {
  const { served, node } = await start(t)
  for (const path of ['/events', '/changes']) {
    const reply = await fetch(served.url + path, { method: 'HEAD', headers: { accept: 'text/event-stream' } })
    assert.deepEqual([reply.status, await reply.text()], [200, ''])
  }
  await until(() => node.readers === 0)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { OTHER_PEER_ID, peerInfo } from '../support/fake-node.js'
import { start } from './harness.js'

test('a value is written and read back, with its op id as ETag', async t => {
  const { call } = await start(t)
  const put = await call('PUT', '/kv/name', '{ "value": "Alice" }', {
    'content-type': 'application/x-www-form-urlencoded'
  })
  assert.equal(put.status, 200)
  assert.match(put.headers.get('content-type') ?? '', /^application\/json/)
  const { cursor, op_id, ...rest } = put.body
  assert.deepEqual(rest, { ok: true, key: 'name', value: 'Alice', acks: [], reached: true })
  assert.match(String(cursor), /^[0-9a-f]{16}\.\d+$/)
  const got = await call('GET', '/kv/name')
  const { at, ...cell } = got.body
  assert.deepEqual(cell, { ok: true, key: 'name', value: 'Alice', op_id, conflicts: 0 })
  assert.ok(!Number.isNaN(Date.parse(String(at))))
  assert.equal(got.headers.get('etag'), `"${op_id}"`)
  const same = await call('GET', '/kv/name', undefined, { 'if-none-match': `"${op_id}"` })
  assert.equal(same.status, 304)
})

test('an absent key is 404 with exactly the promised fields', async t => {
  const { call } = await start(t)
  const { status, body, headers } = await call('GET', '/kv/nobody')
  assert.equal(status, 404)
  assert.match(headers.get('content-type') ?? '', /^application\/problem\+json/)
  const { ok, error, code, ...problem } = body
  assert.deepEqual({ ok, error, code }, { ok: false, error: 'not found', code: 'NOT_FOUND' })
  assert.deepEqual(problem, {
    type: 'urn:natter:error:NOT_FOUND',
    title: 'Not found',
    status: 404,
    detail: 'not found'
  })
})

test('keys of any text survive the way through a path segment', async t => {
  const { call } = await start(t)
  const seed = Date.now() % 2 ** 31
  t.diagnostic(`seed ${seed}`)
  const keys = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 40 })
    .filter(key => key.isWellFormed() && key !== '.' && key !== '..')
  await fc.assert(
    fc.asyncProperty(keys, async key => {
      const put = await call('PUT', `/kv/${encodeURIComponent(key)}`, { value: key })
      assert.equal(put.body['key'], key)
      assert.equal((await call('GET', `/kv/${encodeURIComponent(key)}`)).body['value'], key)
    }),
    { seed, numRuns: 60, examples: [['cart/42'], ['%'], ['%2F'], ['a;b?c#d&e=f+g'], ['\0'], ['ключ 🔑']] }
  )
})

test('a key of 8 KiB fits, also when every byte of it is percent-encoded; one byte more does not', async t => {
  const { call } = await start(t)
  const long = encodeURIComponent('/'.repeat(8192))
  assert.equal((await call('PUT', `/kv/${long}`, { value: 1 })).status, 200)
  assert.equal((await call('GET', `/kv/${long}`)).status, 200)
  const longer = await call('PUT', `/kv/${long}%2F`, { value: 1 })
  assert.equal(longer.status, 413)
  assert.equal(longer.body['code'], 'KEY_TOO_LARGE')
})

test('bodies that hold no value are refused and change nothing', async t => {
  const { call, node } = await start(t)
  const refused: [unknown, string][] = [
    ['', 'INVALID_JSON'],
    ['{"value":', 'INVALID_JSON'],
    ['{"value": 1e999}', 'INVALID_JSON'],
    [`{"value": ${'['.repeat(300)}${']'.repeat(300)}}`, 'INVALID_JSON'],
    ['{}', 'INVALID_VALUE'],
    ['{"value": null}', 'INVALID_VALUE'],
    ['"Alice"', 'INVALID_ARGUMENT'],
    ['[1]', 'INVALID_ARGUMENT'],
    ['{"value": 1, "ttl": 5}', 'INVALID_ARGUMENT']
  ]
  for (const [body, code] of refused) {
    const reply = await call('PUT', '/kv/a', body)
    assert.deepEqual([reply.status, reply.body['code']], [400, code], String(body))
  }
  assert.equal((await call('PUT', '/kv/', { value: 1 })).body['code'], 'INVALID_KEY')
  assert.equal((await node.status()).ops, 0)
})

test('a member named __proto__ is stored as sent and changes no prototype', async t => {
  const { call } = await start(t)
  const sent = '{"value":{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}}'
  assert.equal((await call('PUT', '/kv/__proto__', sent)).status, 200)
  const { value } = (await call('GET', '/kv/__proto__')).body
  assert.deepEqual(Object.keys(Object(value)), ['__proto__', 'constructor'])
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
})

test('a path of several segments is 404 and says how to write the key', async t => {
  const { call } = await start(t)
  const { status, body } = await call('GET', '/kv/cart/42')
  assert.equal(status, 404)
  assert.equal(body['code'], 'ROUTE_NOT_FOUND')
  assert.match(String(body['remedy']), /\/kv\/cart%2F42/)
})

test('conditions: If-Match with and without quotes, If-None-Match, and what they refuse', async t => {
  const { call } = await start(t)
  const first = await call('PUT', '/kv/a', { value: 1 }, { 'if-none-match': '*' })
  assert.equal(first.status, 200)
  const again = await call('PUT', '/kv/a', { value: 2 }, { 'if-none-match': '*' })
  assert.deepEqual([again.status, again.body['code']], [412, 'PRECONDITION_FAILED'])
  const second = await call('PUT', '/kv/a', { value: 2 }, { 'if-match': String(first.body['op_id']) })
  assert.equal(second.status, 200)
  const stale = await call('DELETE', '/kv/a', undefined, { 'if-match': `"${first.body['op_id']}"` })
  assert.equal(stale.status, 412)
  const gone = await call('DELETE', '/kv/a', undefined, { 'if-match': `"${second.body['op_id']}"` })
  assert.equal(gone.status, 200)
  assert.equal(gone.body['key'], 'a')
  assert.equal((await call('GET', '/kv/a')).status, 404)
  assert.equal((await call('PUT', '/kv/a', { value: 1 }, { 'if-match': 'x' })).body['code'], 'INVALID_OP_ID')
  const both = { 'if-match': String(first.body['op_id']), 'if-none-match': '*' }
  assert.equal((await call('PUT', '/kv/a', { value: 1 }, both)).body['code'], 'INVALID_ARGUMENT')
})

test('a repeated Idempotency-Key gives the same op id; with other content it is refused', async t => {
  const { call } = await start(t)
  const headers = { 'idempotency-key': 'order-1' }
  const first = await call('PUT', '/kv/a', { value: 1 }, headers)
  await call('PUT', '/kv/a', { value: 5 })
  const again = await call('PUT', '/kv/a', { value: 1 }, headers)
  assert.equal(again.status, 200)
  assert.deepEqual(
    [again.body['op_id'], again.body['key'], again.body['value']],
    [first.body['op_id'], 'a', 1]
  )
  assert.equal((await call('GET', '/kv/a')).body['value'], 5)
  for (const [path, value] of [
    ['/kv/a', 2],
    ['/kv/b', 1]
  ]) {
    const other = await call('PUT', String(path), { value }, headers)
    assert.deepEqual([other.status, other.body['code']], [409, 'ID_REUSED'])
  }
  const long = { 'idempotency-key': 'x'.repeat(257) }
  assert.equal((await call('PUT', '/kv/a', { value: 1 }, long)).status, 400)
  const found = await call('GET', '/ops/order-1')
  assert.deepEqual([found.status, found.body['op_id']], [200, first.body['op_id']])
})

test('ids in headers are UTF-8, as they are in bodies', async t => {
  const { call } = await start(t)
  const id = 'größe-🔑'
  const asHeader = Buffer.from(id, 'utf8').toString('latin1')
  const put = await call('PUT', '/kv/a', { value: 1 }, { 'idempotency-key': asHeader })
  const found = await call('GET', `/ops/${encodeURIComponent(id)}`)
  assert.deepEqual([found.body['op_id'], found.body['id']], [put.body['op_id'], id])
})

test('ack and wait: 200 when the target is reached, 202 when it is missed, 400 when they make no sense', async t => {
  const { call, node } = await start(t)
  node.peerList = [peerInfo()]
  const missed = await call('PUT', '/kv/a?ack=1&wait=20ms', { value: 1 })
  assert.deepEqual([missed.status, missed.body['ok'], missed.body['reached']], [202, true, false])
  const open = await call('GET', `/ops/${missed.body['op_id']}`)
  assert.deepEqual(open.body['missing'], [OTHER_PEER_ID])
  node.acks = [{ peer: OTHER_PEER_ID, at: new Date(0).toISOString() }]
  const reached = await call('PUT', '/kv/a?ack=all&wait=5s', { value: 2 })
  assert.deepEqual([reached.status, reached.body['reached'], reached.body['acks']], [200, true, node.acks])
  for (const query of ['ack=some', 'ack=-1', 'wait=soon', 'wait=2h', 'ack=1&ack=2', 'ack=%ff']) {
    const reply = await call('PUT', `/kv/a?${query}`, { value: 3 })
    assert.deepEqual([reply.status, reply.body['code']], [400, 'INVALID_ARGUMENT'], query)
  }
  assert.equal((await call('GET', '/kv/a')).body['value'], 2)
})

test('keys are listed in pages that lead to one another, in both directions', async t => {
  const { call } = await start(t)
  for (const key of ['a', 'b/1', 'b/2', 'b/3', 'c'])
    await call('PUT', `/kv/${encodeURIComponent(key)}`, { value: key })
  const keysOf = (body: object) => (body as { items: { key: string }[] }).items.map(item => item.key)
  const first = await call('GET', '/kv?prefix=b%2F&limit=2')
  assert.deepEqual([keysOf(first.body), first.body['next']], [['b/1', 'b/2'], 'b/2'])
  const second = await call(
    'GET',
    `/kv?prefix=b/&limit=2&gt=${encodeURIComponent(String(first.body['next']))}`
  )
  assert.deepEqual([keysOf(second.body), second.body['next']], [['b/3'], null])
  const back = await call('GET', '/kv?reverse&gte=b/2&lt=c&limit=1')
  assert.deepEqual([keysOf(back.body), back.body['next']], [['b/3'], 'b/3'])
  assert.deepEqual(keysOf((await call('GET', '/kv?reverse=true&gte=b/2&lt=b/3')).body), ['b/2'])
  for (const query of ['limit=0', 'limit=x', 'limit=100000', 'reverse=maybe']) {
    assert.equal((await call('GET', `/kv?${query}`)).body['code'], 'INVALID_ARGUMENT', query)
  }
})

test('a page ends early when its values are large', async t => {
  const { call } = await start(t)
  const value = 'x'.repeat(3 * 1024 * 1024)
  for (const key of ['a', 'b', 'c', 'd', 'e']) await call('PUT', `/kv/${key}`, { value })
  const page = await call('GET', '/kv')
  assert.deepEqual([(page.body['items'] as []).length, page.body['next']], [3, 'c'])
})

test('bytes that are not JSON show as base64', async t => {
  const { call, node } = await start(t)
  await call('PUT', '/kv/bin', { value: 1 })
  node.rawValues.set('bin', '/w==')
  const { value, value_base64 } = (await call('GET', '/kv/bin')).body
  assert.deepEqual([value, value_base64], [null, '/w=='])
  const { items } = (await call('GET', '/kv')).body as { items: Record<string, unknown>[] }
  assert.equal(items[0]?.['value_base64'], '/w==')
})

test('a batch is written as one, and one bad op refuses all of it', async t => {
  const { call, node } = await start(t)
  await call('PUT', '/kv/old', { value: 0 })
  const ops = [
    { type: 'put', key: 'a', value: 1 },
    { type: 'del', key: 'old' }
  ]
  const done = await call('POST', '/batch', { ops, ack: 'local', wait: '1s' }, { 'idempotency-key': 'b1' })
  assert.deepEqual([done.status, (done.body['op_ids'] as []).length], [200, 2])
  const again = await call('POST', '/batch', { ops }, { 'idempotency-key': 'b1' })
  assert.deepEqual(again.body['op_ids'], done.body['op_ids'])
  const before = (await node.status()).ops
  const bad: [unknown, string][] = [
    [{ type: 'put', key: 'x' }, 'INVALID_VALUE'],
    [{ type: 'put', key: 'x', value: null }, 'INVALID_VALUE'],
    [{ type: 'del', key: 'x', value: 1 }, 'INVALID_VALUE'],
    [{ type: 'put', value: 1 }, 'INVALID_KEY'],
    [{ type: 'put', key: '', value: 1 }, 'INVALID_KEY'],
    [{ type: 'put', key: '\ud800', value: 1 }, 'INVALID_KEY'],
    [{ type: 'inc', key: 'x', value: 1 }, 'INVALID_ARGUMENT'],
    [{ type: 'put', key: 'x', value: 1, ttl: 1 }, 'INVALID_ARGUMENT'],
    [7, 'INVALID_ARGUMENT']
  ]
  for (const [op, code] of bad) {
    const reply = await call('POST', '/batch', { ops: [ops[0], op] })
    assert.deepEqual([reply.status, reply.body['code']], [400, code], JSON.stringify(op))
    assert.match(String(reply.body['error']), /^ops\[1\]: /)
  }
  for (const body of [{}, { ops: [] }, { ops: {} }, { ops, ack: 'most' }, { ops, wait: -1 }]) {
    assert.equal((await call('POST', '/batch', body)).body['code'], 'INVALID_ARGUMENT')
  }
  assert.equal((await node.status()).ops, before)
})

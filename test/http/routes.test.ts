import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NatterError } from '../../src/base/index.js'
import { OTHER_PEER_ID, PEER_ID, peerInfo } from '../support/fake-node.js'
import { start } from './harness.js'

const codeOf = (reply: { status: number; body: Record<string, unknown> }) => [
  reply.status,
  reply.body['code']
]

test('GET / is JSON for programs and a page for browsers', async t => {
  const { call, served } = await start(t)
  const json = await call('GET', '/')
  assert.deepEqual([json.body['ok'], json.body['peerId'], json.body['name']], [true, PEER_ID, 'fake <node>'])
  const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }
  const page = await fetch(`${served.url}/`, { headers: browser })
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/)
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/)
  const html = await page.text()
  assert.ok(html.includes('fake &#60;node&#62;') && html.includes('/kv/:key'))
})

test('status carries the fields of node.status() beside ok', async t => {
  const { call, node } = await start(t)
  assert.deepEqual((await call('GET', '/status')).body, { ok: true, ...(await node.status()) })
})

test('unknown query parameters are refused on every route', async t => {
  const { call } = await start(t)
  const { routes } = (await call('GET', '/')).body as { routes: { method: string; path: string }[] }
  for (const { method, path } of routes) {
    const target = path.replaceAll(/:[a-z]+/g, 'x')
    const reply = await call(
      method,
      `${target}?definitely=1`,
      method === 'POST' || method === 'PUT' ? {} : undefined
    )
    assert.deepEqual(codeOf(reply), [400, 'UNKNOWN_PARAMETER'], `${method} ${path}`)
  }
  assert.equal((await call('GET', '/status?')).status, 200)
})

test('another method on a known path is 405 and says which there are', async t => {
  const { call } = await start(t)
  for (const [method, path, allow] of [
    ['POST', '/kv/a', 'PUT, GET, HEAD, DELETE'],
    ['PATCH', '/kv/a', 'PUT, GET, HEAD, DELETE'],
    ['OPTIONS', '/status', 'GET, HEAD'],
    ['GET', '/batch', 'POST'],
    ['PUT', '/sync/pause', 'POST'],
    ['DELETE', '/kv', 'GET, HEAD']
  ]) {
    const reply = await call(String(method), String(path), method === 'POST' ? {} : undefined)
    assert.deepEqual(codeOf(reply), [405, 'METHOD_NOT_ALLOWED'], `${method} ${path}`)
    assert.equal(reply.headers.get('allow'), allow)
  }
  assert.deepEqual(codeOf(await call('GET', '/metrics')), [404, 'ROUTE_NOT_FOUND'])
})

test('HEAD answers as GET does, without the body', async t => {
  const { call, served } = await start(t)
  await call('PUT', '/kv/a', { value: 1 })
  const [got, headed] = [
    await fetch(`${served.url}/kv/a`),
    await fetch(`${served.url}/kv/a`, { method: 'HEAD' })
  ]
  assert.equal(await headed.text(), '')
  for (const name of ['etag', 'content-length', 'content-type']) {
    assert.equal(headed.headers.get(name), got.headers.get(name), name)
  }
  assert.equal((await fetch(`${served.url}/kv/b`, { method: 'HEAD' })).status, 404)
})

test('versions, conflicts and resolving', async t => {
  const { call, node } = await start(t)
  const own = await call('PUT', '/kv/a', { value: 'mine' })
  const theirs = node.remote('a', 'theirs')
  assert.equal((await call('GET', '/kv/a')).body['conflicts'], 1)
  const { versions } = (await call('GET', '/kv/a/versions')).body as { versions: Record<string, unknown>[] }
  assert.deepEqual(
    versions.map(version => [version['op_id'], version['value'], version['winner']]),
    [
      [own.body['op_id'], 'mine', false],
      [theirs, 'theirs', true]
    ]
  )
  assert.deepEqual((await call('GET', '/conflicts')).body, {
    ok: true,
    conflicts: [{ key: 'a', versions: 2 }],
    next: null
  })
  assert.deepEqual((await call('GET', '/conflicts?gt=a')).body['conflicts'], [])
  const resolved = await call('POST', '/kv/a/resolve', { take: own.body['op_id'] })
  assert.deepEqual([resolved.status, resolved.body['key'], resolved.body['reached']], [200, 'a', true])
  assert.deepEqual((await call('GET', '/conflicts')).body['conflicts'], [])
  assert.equal((await call('GET', '/kv/a')).body['value'], 'mine')
  assert.equal((await call('POST', '/kv/a/resolve', { value: 'both' })).status, 200)
  const bad = [{}, { take: own.body['op_id'], value: 1 }, { take: 7 }, { take: '' }, { pick: 'x' }]
  for (const body of bad) {
    assert.deepEqual(codeOf(await call('POST', '/kv/a/resolve', body)), [400, 'INVALID_ARGUMENT'])
  }
  assert.deepEqual(codeOf(await call('POST', '/kv/a/resolve', { take: 'x' })), [400, 'INVALID_OP_ID'])
  assert.deepEqual(codeOf(await call('POST', '/kv/a/resolve', { value: null })), [400, 'INVALID_VALUE'])
  assert.deepEqual(codeOf(await call('POST', '/kv/none/resolve', { value: 1 })), [404, 'NOT_FOUND'])
  assert.deepEqual(codeOf(await call('GET', '/kv/none/versions')), [404, 'NOT_FOUND'])
})

test('history comes newest first, in pages', async t => {
  const { call } = await start(t)
  for (const value of [1, 2, 3]) await call('PUT', '/kv/a', { value })
  await call('DELETE', '/kv/a')
  const first = await call('GET', '/kv/a/history?limit=2')
  const rows = (reply: typeof first) => reply.body['history'] as Record<string, unknown>[]
  assert.deepEqual(
    rows(first).map(row => [row['kind'], row['value']]),
    [
      ['del', undefined],
      ['put', 3]
    ]
  )
  const second = await call('GET', `/kv/a/history?limit=2&before=${first.body['next']}`)
  assert.deepEqual(
    rows(second).map(row => row['value']),
    [2, 1]
  )
  assert.equal(second.body['next'], null)
  assert.deepEqual(codeOf(await call('GET', '/kv/none/history')), [404, 'NOT_FOUND'])
  assert.deepEqual(codeOf(await call('GET', '/kv/a/history?before=x')), [400, 'INVALID_OP_ID'])
})

test('ops are found by op id and by client id', async t => {
  const { call, node } = await start(t)
  node.peerList = [peerInfo()]
  const { body } = await call('POST', '/batch', {
    ops: [1, 2].map(i => ({ type: 'put', key: `k${i}`, value: i }))
  })
  const second = (body['op_ids'] as string[])[1]
  const found = await call('GET', `/ops/${second}`)
  const { at, ...rest } = found.body
  assert.deepEqual(rest, { ok: true, op_id: second, applied: true, acks: [], missing: [OTHER_PEER_ID] })
  assert.ok(!Number.isNaN(Date.parse(String(at))))
  assert.deepEqual(codeOf(await call('GET', '/ops/nobody-knows')), [404, 'NOT_FOUND'])
})

test('programs hand over ops: acknowledged ones are listed, invalid ones rejected by name', async t => {
  const { call, node } = await start(t)
  const op = { id: 'o1', kind: 'put', key: 'a', value: 1, ts_ms: 1_700_000_000_000 }
  const sent = await call('POST', '/p2p/ops', { from: 'till-3', ops: [op], sent_at: 'ignored' })
  assert.deepEqual([sent.status, sent.body], [200, { ok: true, acked_ids: ['o1'] }])
  const again = await call('POST', '/p2p/ops', {
    from: 'till-3',
    ops: [op, { ...op, value: 2 }, { ...op, id: 'o2', kind: 'inc' }, {}]
  })
  assert.deepEqual(again.body['acked_ids'], ['o1'])
  const rejected = again.body['rejected'] as Record<string, unknown>[]
  assert.deepEqual(
    rejected.map(({ id, code, retryable }) => [id, code, retryable]),
    [
      ['o1', 'ID_REUSED', false],
      ['o2', 'INVALID_ARGUMENT', false],
      [null, 'INVALID_ARGUMENT', false]
    ]
  )
  assert.equal((await call('GET', '/kv/a')).body['value'], 1)
  assert.deepEqual(codeOf(await call('POST', '/p2p/ops', { from: PEER_ID, ops: [] })), [
    403,
    'FROM_IS_A_PEER'
  ])
  for (const body of [
    { ops: [] },
    { from: 'a' },
    { from: '', ops: [] },
    { from: 'ü'.repeat(129), ops: [] },
    []
  ]) {
    assert.deepEqual(codeOf(await call('POST', '/p2p/ops', body)), [400, 'INVALID_ARGUMENT'])
  }
  const acked = await call('POST', '/p2p/ack', { from: 'till-3', acked_ids: ['o1', 'unknown'] })
  assert.deepEqual(
    [acked.status, acked.body, node.calls.at(-1)],
    [200, { ok: true }, 'ack till-3 o1 unknown']
  )
  assert.deepEqual(codeOf(await call('POST', '/p2p/ack', { from: 'a', acked_ids: [1] })), [
    400,
    'INVALID_ARGUMENT'
  ])
})

test('peers are listed, connected, forgotten and blocked', async t => {
  const { call, node } = await start(t)
  node.peerList = [peerInfo(), peerInfo({ peer: PEER_ID, name: 'two' })]
  assert.deepEqual((await call('GET', '/peers')).body, { ok: true, peers: node.peerList })
  const addr = '/ip4/127.0.0.1/tcp/4001'
  assert.deepEqual((await call('POST', '/peers', { addr })).body, { ok: true, peer: OTHER_PEER_ID })
  assert.deepEqual(codeOf(await call('POST', '/peers', { addr: 'x' })), [400, 'INVALID_MULTIADDR'])
  assert.deepEqual(codeOf(await call('POST', '/peers', {})), [400, 'INVALID_ARGUMENT'])
  assert.deepEqual((await call('DELETE', '/peers/shop')).body, { ok: true })
  assert.deepEqual((await call('POST', '/peers/two/block')).body, { ok: true })
  assert.deepEqual(codeOf(await call('DELETE', '/peers/nobody')), [404, 'UNKNOWN_PEER'])
  assert.deepEqual(codeOf(await call('POST', '/peers/12D3/block', {})), [409, 'AMBIGUOUS_PEER'])
  assert.deepEqual(node.calls, [`connect ${addr}`, `forget ${OTHER_PEER_ID}`, `block ${PEER_ID}`])
  const invite = await call('POST', '/invite', { rotate: true })
  assert.deepEqual([invite.body['invite'], node.calls.at(-1)], ['natter1:secret', 'invite true'])
  assert.equal(invite.headers.get('cache-control'), 'no-store')
  assert.deepEqual(codeOf(await call('POST', '/invite', { rotate: 'yes' })), [400, 'INVALID_ARGUMENT'])
})

test('outboxes, and the ops of one', async t => {
  const { call, node } = await start(t)
  node.peerList = [peerInfo()]
  for (const key of ['a', 'b']) await call('PUT', `/kv/${key}`, { value: 1 })
  assert.deepEqual((await call('GET', '/outbox')).body, { ok: true, peers: [] })
  const { ops, more } = (await call('GET', '/outbox/shop?limit=1')).body as { ops: object[]; more: boolean }
  assert.deepEqual([ops.length, Object.keys(ops[0]!).sort(), more], [1, ['at', 'key', 'kind', 'op_id'], true])
  assert.deepEqual(codeOf(await call('GET', '/outbox/nobody')), [404, 'UNKNOWN_PEER'])
})

test('sync by hand, pause and resume, and waiting', async t => {
  const { call, node } = await start(t)
  node.peerList = [peerInfo()]
  for (const path of ['/sync', '/sync/shop']) {
    const { rounds } = (await call('POST', path, { timeout: '2s' })).body as { rounds: { peer: string }[] }
    assert.deepEqual(
      rounds.map(round => round.peer),
      [OTHER_PEER_ID]
    )
  }
  assert.deepEqual(codeOf(await call('POST', '/sync/nobody')), [404, 'UNKNOWN_PEER'])
  assert.deepEqual(codeOf(await call('POST', '/sync', { timeout: 'soon' })), [400, 'INVALID_ARGUMENT'])
  assert.equal((await call('POST', '/sync/pause')).status, 200)
  assert.equal((await call('POST', '/sync/resume', {})).status, 200)
  assert.deepEqual(node.calls, ['pause', 'resume'])
  const met = await call('POST', '/wait', { connected: 1, inSync: true, timeout: 1500 })
  assert.deepEqual([met.status, met.body], [200, { ok: true }])
  assert.equal(node.calls.at(-1), 'wait {"connected":1,"inSync":true,"timeout":1500}')
  const missed = await call('POST', '/wait', { connected: 2 })
  assert.deepEqual([missed.body['ok'], ...codeOf(missed)], [false, 202, 'TARGET_NOT_REACHED'])
  for (const body of [{}, { inSync: false }, { connected: 'all' }, { acked: -1 }, { cursor: 7 }]) {
    assert.deepEqual(codeOf(await call('POST', '/wait', body)), [400, 'INVALID_ARGUMENT'])
  }
})

test('verify reports damage with its code, and repairs where it is asked to', async t => {
  const { call, node } = await start(t)
  assert.deepEqual((await call('POST', '/verify', {})).body, { ...node.verification })
  node.verification = {
    ok: false,
    batches: 1,
    ops: 1,
    keys: 1,
    damage: [{ where: 'b', what: 'checksum' }],
    repaired: [],
    waiting: []
  }
  const damaged = await call('POST', '/verify')
  assert.deepEqual([damaged.body['ok'], ...codeOf(damaged)], [false, 200, 'STORE_DAMAGED'])
  assert.deepEqual(damaged.body['damage'], node.verification.damage)
  assert.equal((await call('POST', '/verify', { repair: true })).status, 200)
  assert.equal(node.calls.at(-1), 'verify {"repair":true}')
  assert.deepEqual(codeOf(await call('POST', '/verify', { repair: 1 })), [400, 'INVALID_ARGUMENT'])
})

test('health says alive, readiness says more', async t => {
  const { call, node } = await start(t)
  assert.deepEqual((await call('GET', '/healthz')).body, { ok: true })
  assert.equal((await call('GET', '/readyz')).status, 200)
  assert.deepEqual(codeOf(await call('GET', '/readyz?peers=1')), [503, 'BEHIND'])
  node.peerList = [
    peerInfo({ weLack: { ops: 5, bytes: 9, oldestMs: 3_000 } }),
    peerInfo({ state: 'offline', weLack: 'unknown' })
  ]
  for (const [query, status] of [
    ['peers=1', 200],
    ['peers=2', 503],
    ['lag=5', 200],
    ['lag=4', 503],
    ['lag=3s', 200],
    ['lag=2900ms', 503],
    ['lag=x', 400],
    ['peers=x', 400]
  ]) {
    assert.equal((await call('GET', `/readyz?${query}`)).status, status, String(query))
  }
  node.peerList = [peerInfo({ weLack: 'unknown' })]
  assert.equal((await call('GET', '/readyz?lag=100')).status, 503)
})

test('while the node is not ready writes are 503 with Retry-After, and reads go on', async t => {
  const { call, node } = await start(t)
  await call('PUT', '/kv/a', { value: 1 })
  node.readiness = { ready: false, reason: 'stopping' }
  for (const [method, path, body] of [
    ['PUT', '/kv/a', { value: 2 }],
    ['DELETE', '/kv/a', undefined],
    ['POST', '/batch', { ops: [] }],
    ['POST', '/kv/a/resolve', { value: 2 }],
    ['POST', '/p2p/ops', { from: 'a', ops: [] }]
  ] as const) {
    const reply = await call(method, path, body)
    assert.deepEqual([...codeOf(reply), reply.headers.get('retry-after')], [503, 'NOT_READY', '1'], path)
  }
  const ready = await call('GET', '/readyz')
  assert.deepEqual([...codeOf(ready), ready.headers.get('retry-after')], [503, 'NOT_READY', '1'])
  assert.equal((await call('GET', '/healthz')).status, 200)
  assert.equal((await call('GET', '/kv/a')).body['value'], 1)
})

test('a fenced store answers for itself', async t => {
  const { call, node } = await start(t)
  node.readiness = { ready: false, reason: 'fenced' }
  node.storageState = 'fenced'
  for (const [code, status] of [
    ['STORE_FENCED', 503],
    ['INDETERMINATE', 503],
    ['DISK_FULL', 507]
  ] as const) {
    node.failure = new NatterError(code, 'the disk')
    const reply = await call('PUT', '/kv/a', { value: 1 })
    assert.deepEqual([...codeOf(reply), reply.headers.get('retry-after')], [status, code, '1'])
    assert.ok(reply.body['remedy'])
  }
})

/** The routes of the delivery outbox, on a real outbox in memory: what they take, refuse and show. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { AllowedTargets } from '../../src/delivery/allowed-targets.js'
import type { Operation } from '../../src/delivery/index.js'
import { Outbox } from '../../src/delivery/index.js'
import { routesOf } from '../../src/http/index.js'
import { DeliveryDesk } from '../../src/node/delivery/desk.js'
import { admit } from '../../src/node/delivery/host.js'
import { HandClock } from '../store/harness.js'
import { FakeNode } from '../support/fake-node.js'
import { faults } from '../support/schema-check.js'
import { type Body, head, type JsonReply, startOn } from './harness.js'

const URL_A = 'http://127.0.0.1:9000'
const TARGET = `${URL_A}/in/orders`

async function start(t: TestContext, urls = [`${URL_A}/in`]) {
  const clock = new HandClock()
  const outbox = await Outbox.open({ clock, owner: 'test' })
  t.after(() => outbox.close())
  const targets = new AllowedTargets(urls)
  const state = { offlineSinceMs: null as number | null }
  const desk = new DeliveryDesk({
    outbox,
    clock,
    senders: {
      urls: targets.urls,
      admit: op => admit(op, targets),
      formOf: (target: string) => targets.formOf(target),
      senderOf: target => ({
        allowed: targets.allows(target),
        server: URL_A,
        offlineSinceMs: state.offlineSinceMs
      }),
      offline: () => (state.offlineSinceMs === null ? [] : [{ server: URL_A, sinceMs: state.offlineSinceMs }])
    }
  })
  return { clock, outbox, state, desk, ...(await startOn(t, new FakeNode(), { delivery: desk })) }
}

const codeOf = ({ status, body }: JsonReply) => [status, body['code']]
const reasons = (body: Body) => (body['why'] as { reason: string }[]).map(({ reason }) => reason)
const ids = (body: Body) => (body['operations'] as { id: string }[]).map(({ id }) => id)

test('without an outbox the routes are absent, and so are they from the description', async t => {
  const { call } = await startOn(t, new FakeNode())
  for (const [method, path] of [
    ['POST', '/delivery'],
    ['GET', '/delivery'],
    ['GET', '/delivery/x'],
    ['POST', '/delivery/x/retry'],
    ['DELETE', '/delivery/x']
  ] as const) {
    assert.deepEqual(codeOf(await call(method, path, method === 'POST' ? {} : undefined)), [
      404,
      'ROUTE_NOT_FOUND'
    ])
  }
  const { paths, components } = (await call('GET', '/openapi.json')).body as {
    paths: object
    components: { schemas: object }
  }
  const named = [...Object.keys(paths), ...Object.keys(components.schemas)]
  assert.deepEqual(
    named.filter(name => /deliver|^Operation/i.test(name)),
    []
  )
  const { routes } = (await call('GET', '/')).body as { routes: { path: string }[] }
  assert.ok(!routes.some(({ path }) => path.startsWith('/delivery')))
})

test('an operation is taken, shown, listed and dropped', async t => {
  const { call, outbox, clock } = await start(t)
  const added = await call('POST', '/delivery', { kind: 'http.put', target: TARGET, payload: { items: 3 } })
  assert.equal(added.status, 200)
  const id = String(added.body['id'])
  const at = new Date(clock.ms).toISOString()
  const shown = {
    id,
    kind: 'http.put',
    target: TARGET,
    status: 'pending',
    attempt: 0,
    createdAt: at,
    updatedAt: at,
    nextRetryAt: null,
    lastError: null,
    owner: null,
    idempotencyKey: id,
    ordered: true,
    payloadBytes: 11
  }
  assert.deepEqual(added.body, { ok: true, ...shown })
  assert.deepEqual((await call('GET', `/delivery/${id}`)).body, {
    ok: true,
    ...shown,
    payload: { items: 3 },
    why: []
  })
  clock.ms += 5000
  assert.deepEqual((await call('GET', '/delivery')).body, {
    ok: true,
    operations: [shown],
    next: null,
    counts: { pending: 1, inflight: 0, done: 0, failed: 0, 'permanent-failed': 0 },
    oldestMs: 5000,
    deliverTo: [`${URL_A}/in`],
    offline: []
  })
  assert.deepEqual((await call('DELETE', `/delivery/${id}`)).body, { ok: true })
  assert.deepEqual(codeOf(await call('DELETE', `/delivery/${id}`)), [404, 'NOT_FOUND'])
  assert.deepEqual(codeOf(await call('GET', `/delivery/${id}`)), [404, 'NOT_FOUND'])
  assert.equal(await outbox.get(id), undefined)
})

test('payloads: text, JSON, bytes and none come back as what they were', async t => {
  const { call, outbox } = await start(t)
  const cases: [Body, Operation['payload'], Body][] = [
    [{ payload: 'ä' }, 'ä', { payload: 'ä', payloadBytes: 2 }],
    [{ payload: null }, null, { payload: null, payloadBytes: 4 }],
    [
      { payload: [1, { __proto__: null, a: 'b' }] },
      [1, { a: 'b' }],
      { payload: [1, { a: 'b' }], payloadBytes: 13 }
    ],
    [
      { payload_base64: '/wAB' },
      new Uint8Array([255, 0, 1]),
      { payload: null, payload_base64: '/wAB', payloadBytes: 3 }
    ],
    [{ payload_base64: '' }, new Uint8Array(), { payload: null, payload_base64: '', payloadBytes: 0 }],
    [{}, undefined, { payloadBytes: 0 }]
  ]
  for (const [given, kept, answered] of cases) {
    const { status, body } = await call('POST', '/delivery', { target: TARGET, ...given })
    assert.equal(status, 200, JSON.stringify(body))
    assert.deepEqual((await outbox.get(String(body['id'])))?.payload, kept)
    const shown = (await call('GET', `/delivery/${body['id']}`)).body
    const { payload, payload_base64, payloadBytes } = shown
    assert.deepEqual(JSON.parse(JSON.stringify({ payload, payload_base64, payloadBytes })), answered)
  }
  for (const bad of ['/wA', '/wAB=', '_wAB', ' /wAB', 7, null, {}]) {
    const reply = await call('POST', '/delivery', { target: TARGET, payload_base64: bad })
    assert.deepEqual(codeOf(reply), [400, 'INVALID_ARGUMENT'], String(bad))
  }
  const both = await call('POST', '/delivery', { target: TARGET, payload: 'a', payload_base64: '' })
  assert.deepEqual(codeOf(both), [400, 'INVALID_ARGUMENT'])
})

test('a payload of 1 MiB is taken, one byte more is 413, whichever way it comes', async t => {
  const { call, outbox } = await start(t)
  const bytes = Buffer.alloc(1024 * 1024, 0xff)
  assert.equal(
    (await call('POST', '/delivery', { target: TARGET, payload_base64: bytes.toString('base64') })).status,
    200
  )
  assert.equal(
    (await call('POST', '/delivery', { target: TARGET, payload: 'x'.repeat(1024 * 1024) })).status,
    200
  )
  const more = Buffer.concat([bytes, Buffer.of(1)])
  for (const payload of [
    { payload_base64: more.toString('base64') },
    { payload: 'x'.repeat(more.length) },
    { payload: 'ä'.repeat(600_000) },
    { payload: ['x'.repeat(more.length - 4)] }
  ]) {
    const reply = await call('POST', '/delivery', { target: TARGET, ...payload })
    assert.deepEqual(codeOf(reply), [413, 'PAYLOAD_TOO_LARGE'])
  }
  assert.equal(outbox.counts().pending, 2)
  const endless = await call('POST', '/delivery', { target: TARGET, payload: 'x'.repeat(9 * 1024 * 1024) })
  assert.deepEqual(codeOf(endless), [413, 'BODY_TOO_LARGE'])
})

test('targets outside of the URLs are 403, and nothing is kept of them', async t => {
  const { call, outbox } = await start(t)
  const refused = [
    'http://127.0.0.1:9001/in/orders',
    'http://127.0.0.1:9000/',
    'http://127.0.0.1:9000/inside',
    'http://127.0.0.1:9000/in/../out',
    'http://127.0.0.1:9000/in/%2e%2e/out',
    'http://127.0.0.1:9000/in/..%2fout',
    'http://127.0.0.1:9000@evil.example/in/x',
    'http://127.0.0.1.evil.example:9000/in/x',
    'http://localhost:9000/in/x',
    'https://127.0.0.1:9000/in/x',
    'file:///in/x'
  ]
  for (const target of refused) {
    const reply = await call('POST', '/delivery', { target })
    assert.deepEqual(codeOf(reply), [403, 'TARGET_NOT_ALLOWED'], target)
    assert.match(String(reply.body['remedy']), /http:\/\/127\.0\.0\.1:9000\/in/)
  }
  for (const target of [
    '',
    'no url',
    7,
    null,
    ['http://127.0.0.1:9000/in'],
    'http://',
    '//evil.example/in',
    'http://127.0.0.1:9000.evil.example/in/x'
  ]) {
    assert.deepEqual(
      codeOf(await call('POST', '/delivery', { target })),
      [400, 'INVALID_ARGUMENT'],
      String(target)
    )
  }
  assert.deepEqual(codeOf(await call('POST', '/delivery', {})), [400, 'INVALID_ARGUMENT'])
  assert.deepEqual(Object.values(outbox.counts()), [0, 0, 0, 0, 0])
  const same = await call('POST', '/delivery', { target: 'HTTP://127.0.0.1:09000/in/./x#top' })
  assert.equal(same.body['target'], 'http://127.0.0.1:9000/in/x')
  assert.equal(
    (await call('POST', '/delivery', { target: '/x' })).body['target'],
    'http://127.0.0.1:9000/in/x'
  )
})

test('the same id adds nothing; with other content it is 409', async t => {
  const { call, outbox } = await start(t)
  const key = { 'idempotency-key': 'order/17' }
  const first = await call('POST', '/delivery', { target: TARGET, payload: 1 }, key)
  assert.deepEqual([first.body['id'], first.body['idempotencyKey']], ['order/17', 'order/17'])
  const again = await call('POST', '/delivery', { target: TARGET, payload: 1 }, key)
  assert.deepEqual([again.status, again.body], [200, first.body])
  const spelled = await call(
    'POST',
    '/delivery',
    { target: TARGET.toUpperCase().replace('/IN/ORDERS', '/in/orders'), payload: 1 },
    key
  )
  assert.equal(spelled.status, 200, 'another spelling of the same URL is the same content')
  assert.deepEqual(codeOf(await call('POST', '/delivery', { target: TARGET, payload: 2 }, key)), [
    409,
    'ID_REUSED'
  ])
  assert.equal((await call('GET', '/delivery/order%2F17')).status, 200)
  assert.equal(outbox.counts().pending, 1)

  const named = await call('POST', '/delivery', { target: TARGET, id: 'a', idempotencyKey: 'k' })
  assert.deepEqual([named.body['id'], named.body['idempotencyKey']], ['a', 'k'])
  const mixed = await call('POST', '/delivery', { target: TARGET, id: 'b' }, { 'idempotency-key': 'k' })
  assert.deepEqual([mixed.body['id'], mixed.body['idempotencyKey']], ['b', 'k'])
  const utf8 = await call(
    'POST',
    '/delivery',
    { target: TARGET },
    { 'idempotency-key': Buffer.from('ördér').toString('latin1') }
  )
  assert.equal(utf8.body['id'], 'ördér')
  for (const bad of ['', 'x'.repeat(257), 7, '\ud800']) {
    assert.deepEqual(codeOf(await call('POST', '/delivery', { target: TARGET, id: bad })), [
      400,
      'INVALID_ARGUMENT'
    ])
  }
  const long = await call('POST', '/delivery', { target: TARGET }, { 'idempotency-key': 'x'.repeat(257) })
  assert.deepEqual(codeOf(long), [400, 'INVALID_ARGUMENT'])
})

test('why it is not sent now: offline, behind another, waiting for a retry, in flight, given up, done', async t => {
  const { call, outbox, clock, state } = await start(t)
  for (const id of ['1', '2', '3']) await call('POST', '/delivery', { target: TARGET, id })
  await call('POST', '/delivery', { target: TARGET, id: 'free', ordered: false })
  const why = async (id: string) => (await call('GET', `/delivery/${id}`)).body
  assert.deepEqual(reasons(await why('1')), [])
  assert.deepEqual(reasons(await why('free')), [])
  assert.deepEqual((await why('3'))['why'], [
    {
      reason: 'waits-for-target',
      text: ((await why('3'))['why'] as { text: string }[])[0]!.text,
      behind: '1'
    }
  ])
  state.offlineSinceMs = clock.ms - 60_000
  assert.deepEqual(reasons(await why('1')), ['offline'])
  assert.deepEqual(reasons(await why('2')), ['offline', 'waits-for-target'])
  assert.deepEqual((await call('GET', '/delivery')).body['offline'], [
    { server: URL_A, sinceAt: new Date(state.offlineSinceMs).toISOString() }
  ])
  state.offlineSinceMs = null

  assert.equal(await outbox.claim('1', clock.ms), true)
  const [held] = (await why('1'))['why'] as Body[]
  assert.deepEqual(
    [held?.['reason'], held?.['owner'], held?.['sinceAt']],
    ['in-flight', 'test', new Date(clock.ms).toISOString()]
  )
  assert.deepEqual(codeOf(await call('DELETE', '/delivery/1')), [409, 'OPERATION_IN_FLIGHT'])
  assert.deepEqual(codeOf(await call('POST', '/delivery/1/retry', {})), [409, 'OPERATION_IN_FLIGHT'])

  await outbox.fail('1', 'HTTP 503', { nowMs: clock.ms })
  clock.ms += 100
  const [wait] = (await why('1'))['why'] as Body[]
  assert.equal(wait?.['reason'], 'waits-for-retry')
  assert.ok(Number(wait?.['dueInMs']) >= 300 && Number(wait?.['dueInMs']) <= 500, JSON.stringify(wait))
  assert.equal((await why('1'))['lastError'], 'HTTP 503')
  clock.ms -= 600_000
  assert.deepEqual(reasons(await why('1')), ['waits-for-retry', 'clock-went-back'])
  clock.ms += 600_000
  const again = await call('POST', '/delivery/1/retry', {})
  assert.deepEqual([again.status, again.body['status']], [200, 'pending'])
  assert.deepEqual(reasons(await why('1')), [])

  await outbox.claim('1', clock.ms)
  await outbox.fail('1', 'HTTP 404', { nowMs: clock.ms, retryable: false })
  assert.deepEqual(reasons(await why('1')), ['gave-up'])
  assert.deepEqual(reasons(await why('2')), [])
  assert.deepEqual(ids((await call('GET', '/delivery?status=permanent-failed')).body), ['1'])
  await outbox.claim('2', clock.ms)
  await outbox.complete('2', clock.ms)
  assert.deepEqual(reasons(await why('2')), ['done'])
  assert.deepEqual(codeOf(await call('POST', '/delivery/2/retry', {})), [409, 'OPERATION_DONE'])
  assert.deepEqual(codeOf(await call('POST', '/delivery/none/retry', {})), [404, 'NOT_FOUND'])
})

test('lists come in pages, by state and by target', async t => {
  const { call } = await start(t)
  const all = Array.from({ length: 45 }, (_, i) => `op${String(i).padStart(2, '0')}`)
  for (const [i, id] of all.entries())
    await call('POST', '/delivery', { id, target: `/${i % 2}`, payload: 'x'.repeat(1000) })
  assert.deepEqual(ids((await call('GET', '/delivery')).body), all)
  const seen: string[] = []
  for (let path = '/delivery?limit=20', pages = 0; ; pages++) {
    const { body } = await call('GET', path)
    seen.push(...ids(body))
    if (body['next'] === null) {
      assert.equal(pages, 2)
      break
    }
    path = `/delivery?limit=20&after=${body['next']}`
  }
  assert.deepEqual(seen, all)
  const even = (await call('GET', `/delivery?target=${encodeURIComponent(`${URL_A}/in/0`)}&limit=100`)).body
  assert.deepEqual(
    ids(even),
    all.filter((_, i) => i % 2 === 0)
  )
  for (const spelled of ['/0', 'HTTP://127.0.0.1:9000/in/0']) {
    const { body } = await call('GET', `/delivery?target=${encodeURIComponent(spelled)}&limit=100`)
    assert.deepEqual(ids(body), ids(even))
  }
  assert.deepEqual(ids((await call('GET', '/delivery?target=no%20url')).body), [])
  assert.equal((await call('GET', '/delivery?limit=45')).body['next'], null)
  assert.deepEqual(ids((await call('GET', '/delivery?status=done')).body), [])
  for (const query of [
    'status=open',
    'status=',
    'limit=0',
    'limit=x',
    'state=done',
    'status=done&status=failed'
  ])
    assert.equal((await call('GET', `/delivery?${query}`)).status, 400, query)
})

test('bodies and content types are those of the other routes', async t => {
  const { call, raw, served, outbox } = await start(t)
  const plain = await fetch(`${served.url}/delivery`, {
    method: 'POST',
    body: JSON.stringify({ target: TARGET })
  })
  assert.equal(plain.status, 415)
  const form = await fetch(`${served.url}/delivery`, {
    method: 'POST',
    body: new URLSearchParams({ target: TARGET })
  })
  assert.equal(form.status, 415)
  for (const body of ['', '{', '[]', '7', 'null', '"x"']) {
    assert.equal((await call('POST', '/delivery', body)).status, 400, body)
  }
  assert.deepEqual(codeOf(await call('POST', '/delivery', { target: TARGET, paylaod: 1 })), [
    400,
    'INVALID_ARGUMENT'
  ])
  for (const kind of ['http.pots', 'http.trace', 'http.connect', 'http.', 'HTTP.OPTIONS', 'http.get\r\nx'])
    assert.deepEqual(
      codeOf(await call('POST', '/delivery', { target: TARGET, kind })),
      [400, 'INVALID_ARGUMENT'],
      kind
    )
  const get = await call('POST', '/delivery', { target: TARGET, kind: 'http.get', payload: 1 })
  assert.deepEqual(codeOf(get), [400, 'INVALID_ARGUMENT'])
  for (const bad of [{ kind: 7 }, { kind: '' }, { ordered: 'yes' }, { ordered: null }]) {
    assert.deepEqual(codeOf(await call('POST', '/delivery', { target: TARGET, ...bad })), [
      400,
      'INVALID_ARGUMENT'
    ])
  }
  assert.match(await raw(head('GET /delivery', 'Host: evil.example')), /^HTTP\/1.1 (400|403) /)
  const foreign = await call('POST', '/delivery', { target: TARGET }, { origin: 'https://evil.example' })
  assert.deepEqual(codeOf(foreign), [403, 'ORIGIN_NOT_ALLOWED'])
  assert.match(await raw(head('GET /delivery/%ff')), /^HTTP\/1.1 400 /)
  assert.match(await raw(head('GET /delivery/')), /^HTTP\/1.1 404 /)
  assert.equal((await call('PUT', '/delivery', { target: TARGET })).status, 405)
  assert.equal(outbox.counts().pending, 0)
})

test('a node that stops takes nothing, and an outbox that is closed says so', async t => {
  const { desk, outbox } = await start(t)
  const node = new FakeNode()
  node.readiness = { ready: false, reason: 'the node is stopping' }
  const { call } = await startOn(t, node, { delivery: desk })
  assert.deepEqual(codeOf(await call('POST', '/delivery', { target: TARGET })), [503, 'NOT_READY'])
  node.readiness = { ready: true }
  await outbox.close()
  assert.deepEqual(codeOf(await call('POST', '/delivery', { target: TARGET })), [503, 'STORE_CLOSED'])
})

test('the description is that of what is served, and live answers fit it', async t => {
  const client = await start(t)
  const { call, outbox } = client
  const document = (await call('GET', '/openapi.json')).body as {
    paths: Record<string, Record<string, { requestBody?: Doc; responses: Record<string, Doc> }>>
    components: { schemas: Record<string, object> }
  }
  interface Doc {
    content?: Record<string, { schema: object }>
  }
  const described = Object.keys(document.paths).filter(path => path.startsWith('/delivery'))
  assert.deepEqual(described, ['/delivery', '/delivery/{id}', '/delivery/{id}/retry'])
  assert.deepEqual(
    routesOf({ delivery: client.desk })
      .filter(({ path }) => path.startsWith('/delivery'))
      .map(row => `${row.method} ${row.path}`),
    [
      'POST /delivery',
      'GET /delivery',
      'GET /delivery/:id',
      'POST /delivery/:id/retry',
      'DELETE /delivery/:id'
    ]
  )
  const { schemas } = document.components
  const fits = (reply: JsonReply, method: string, path: string) => {
    assert.equal(reply.status, 200, JSON.stringify(reply.body))
    const schema = document.paths[path]![method]!.responses['200']!.content!['application/json']!.schema
    assert.deepEqual(faults(reply.body, schema, schemas), [], `${method} ${path}`)
  }
  const bodies = [
    { target: TARGET, id: '1', kind: 'note', payload: 'x', idempotencyKey: 'k', ordered: false },
    { target: TARGET, id: '2', payload_base64: '/wAB' }
  ]
  for (const body of bodies) {
    const schema = document.paths['/delivery']!['post']!.requestBody!.content!['application/json']!.schema
    assert.deepEqual(faults(body, schema, schemas), [])
    fits(await call('POST', '/delivery', body), 'post', '/delivery')
  }
  await outbox.claim('1')
  for (const id of ['1', '2']) fits(await call('GET', `/delivery/${id}`), 'get', '/delivery/{id}')
  await outbox.fail('1', 'no', { retryable: false })
  fits(await call('GET', '/delivery/1'), 'get', '/delivery/{id}')
  fits(await call('GET', '/delivery'), 'get', '/delivery')
  fits(await call('POST', '/delivery/1/retry'), 'post', '/delivery/{id}/retry')
  fits(await call('DELETE', '/delivery/1'), 'delete', '/delivery/{id}')
  const refused = await call('POST', '/delivery', { target: 'http://evil.example' })
  assert.deepEqual(faults(refused.body, schemas['Problem']!, schemas), [])
})

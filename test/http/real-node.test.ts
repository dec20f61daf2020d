import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Schema } from '../../src/http/schemas.js'
import { createNode, type NatterNode } from '../../src/index.js'
import { faults } from '../support/schema-check.js'
import { startOn } from './harness.js'

type Json = Record<string, unknown>

/** Makes nodes that are stopped at the end of the test, and their directories, which are removed after that. */
function nodes(t: TestContext) {
  const started: NatterNode[] = []
  const directories: string[] = []
  t.after(async () => {
    await Promise.all(started.map(node => node.stop()))
    await Promise.all(directories.map(path => rm(path, { recursive: true })))
  })
  return {
    async directory(): Promise<string> {
      const path = await mkdtemp(join(tmpdir(), 'natter-http-'))
      directories.push(path)
      return path
    },
    async run(name: string, dataDir?: string): Promise<NatterNode> {
      const node = await createNode({ dataDir: dataDir ?? (await this.directory()), name, mdns: false })
      started.push(node)
      return node
    }
  }
}

test('one node: values, conditions, ids, versions, batches and listings', async t => {
  const node = await nodes(t).run('one')
  const { call } = await startOn(t, node)
  const put = await call('PUT', '/kv/cart%2F42', '{"value":{"__proto__":1,"n":[1,2.5,"ü"]}}')
  assert.deepEqual(
    [put.status, put.body['key'], put.body['reached'], put.body['acks']],
    [200, 'cart/42', true, []]
  )
  const got = await call('GET', '/kv/cart%2F42')
  assert.equal(JSON.stringify(got.body['value']), '{"__proto__":1,"n":[1,2.5,"ü"]}')
  assert.deepEqual([got.body['op_id'], got.body['conflicts']], [put.body['op_id'], 0])

  const opId = String(put.body['op_id'])
  assert.equal((await call('PUT', '/kv/cart%2F42', { value: 2 }, { 'if-match': `"${opId}"` })).status, 200)
  const stale = await call('PUT', '/kv/cart%2F42', { value: 3 }, { 'if-match': opId })
  assert.deepEqual([stale.status, stale.body['code']], [412, 'PRECONDITION_FAILED'])
  assert.equal((await call('PUT', '/kv/cart%2F42', { value: 3 }, { 'if-none-match': '*' })).status, 412)
  assert.equal((await call('PUT', '/kv/__proto__', { value: 3 }, { 'if-none-match': '*' })).status, 200)
  assert.equal((await call('PUT', '/kv/__proto__', { value: 3 }, { 'if-none-match': '*' })).status, 412)

  const id = { 'idempotency-key': 'order-1' }
  const first = await call('PUT', '/kv/a', { value: 1 }, id)
  const again = await call('PUT', '/kv/a', { value: 1 }, id)
  assert.deepEqual([again.status, again.body['op_id']], [200, first.body['op_id']])
  assert.equal((await call('PUT', '/kv/a', { value: 2 }, id)).body['code'], 'ID_REUSED')
  assert.equal((await call('PUT', '/kv/b', { value: 1 }, id)).body['code'], 'ID_REUSED')
  const receipt = await call('GET', '/ops/order-1')
  assert.deepEqual(
    [receipt.body['op_id'], receipt.body['id'], receipt.body['applied']],
    [first.body['op_id'], 'order-1', true]
  )

  const ops = [
    { type: 'put', key: 'b', value: 1 },
    { type: 'del', key: 'a' }
  ]
  const batch = await call('POST', '/batch', { ops })
  assert.deepEqual([batch.status, (batch.body['op_ids'] as string[]).length], [200, 2])
  assert.deepEqual((await call('GET', '/kv?limit=2')).body['next'], 'b')
  const items = (await call('GET', '/kv')).body['items'] as Json[]
  assert.deepEqual(
    items.map(item => item['key']),
    ['__proto__', 'b', 'cart/42']
  )
  assert.equal((await call('GET', '/kv/a')).body['code'], 'NOT_FOUND')
  const history = (await call('GET', '/kv/a/history')).body['history'] as Json[]
  assert.deepEqual(
    history.map(version => version['kind']),
    ['del', 'put']
  )
  assert.equal((await call('GET', '/kv/never/history')).status, 404)
  assert.equal((await call('GET', '/kv/never/versions')).status, 404)
  const versions = (await call('GET', '/kv/b/versions')).body['versions'] as Json[]
  assert.deepEqual(
    versions.map(version => [version['value'], version['winner']]),
    [[1, true]]
  )
  assert.equal((await call('POST', '/kv/b/resolve', { take: versions[0]!['op_id'] })).status, 200)

  const large = await call('PUT', '/kv/large', { value: 'x'.repeat(300 * 1024) })
  assert.deepEqual([large.status, large.body['code']], [413, 'VALUE_TOO_LARGE'])
  const verify = await call('POST', '/verify', {})
  assert.deepEqual([verify.status, verify.body['ok'], verify.body['damage']], [200, true, []])
  await node.db.put('raw', new Uint8Array([0xff, 0x00]), { valueEncoding: 'view' })
  const raw = await call('GET', '/kv/raw')
  assert.deepEqual([raw.body['value'], raw.body['value_base64']], [null, '/wA='])
})

test('one node: changes resume by cursor, also over a restart; ids of programs too', async t => {
  const made = nodes(t)
  const dataDir = await made.directory()
  const node = await made.run('one', dataDir)
  const before = await startOn(t, node)
  const op = { id: 'o-1', kind: 'put', key: 'till', value: 9, ts_ms: 1_700_000_000_000 }
  const sent = await before.call('POST', '/p2p/ops', {
    from: 'till-3',
    ops: [op, { ...op, id: 'o-2', kind: 'inc' }]
  })
  assert.deepEqual([sent.status, sent.body['acked_ids']], [200, ['o-1']])
  assert.deepEqual(
    (sent.body['rejected'] as Json[]).map(entry => entry['id']),
    ['o-2']
  )
  for (const noun of ['versions', 'history']) {
    const [version] = (await before.call('GET', `/kv/till/${noun}`)).body[noun] as Json[]
    assert.equal(version?.['ts_ms'], 1_700_000_000_000, noun)
  }
  await before.call('PUT', '/kv/a', { value: 1 })
  const page = await before.call('GET', '/changes')
  assert.deepEqual(
    (page.body['changes'] as Json[]).map(change => change['key']),
    ['till', 'a']
  )
  await node.stop()

  const second = await made.run('one', dataDir)
  const after = await startOn(t, second)
  await after.call('PUT', '/kv/b', { value: 2 })
  const rest = await after.call('GET', `/changes?since=${page.body['cursor']}`)
  assert.deepEqual(
    (rest.body['changes'] as Json[]).map(change => change['key']),
    ['b']
  )
  const again = await after.call('POST', '/p2p/ops', { from: 'till-3', ops: [op] })
  assert.deepEqual(again.body, { ok: true, acked_ids: ['o-1'] })
  assert.equal(((await after.call('GET', '/kv/till/history')).body['history'] as Json[]).length, 1)
  const peer = await after.call('POST', '/p2p/ops', { from: second.peerId, ops: [] })
  assert.deepEqual([peer.status, peer.body['code']], [403, 'FROM_IS_A_PEER'])
  assert.deepEqual((await after.call('POST', '/p2p/ack', { from: 'till-3', acked_ids: ['o-1', '?'] })).body, {
    ok: true
  })
  const outbox = (await after.call('GET', '/outbox')).body['peers'] as Json[]
  assert.ok(outbox.some(entry => entry['peer'] === 'till-3'))
  const foreign = await after.call('GET', '/changes?since=ffffffffffffffff.0')
  assert.deepEqual([foreign.status, foreign.body['code']], [409, 'CURSOR_FOREIGN'])
  const gone = await after.call('GET', `/changes?since=${String(rest.body['cursor']).split('.')[0]}.9999`)
  assert.deepEqual([gone.status, gone.body['code']], [410, 'CURSOR_GONE'])
})

test('two nodes: connecting, acknowledgements, streams and steering over HTTP', async t => {
  const made = nodes(t)
  const one = await made.run('one')
  const two = await made.run('two')
  const a = await startOn(t, one)
  const b = await startOn(t, two)
  const alone = await a.call('PUT', '/kv/early?ack=1&wait=50ms', { value: 1 })
  assert.deepEqual([alone.status, alone.body['reached']], [202, false])
  const [addr] = (await b.call('GET', '/status')).body['addrs'] as string[]
  const connected = await a.call('POST', '/peers', { addr })
  assert.deepEqual(
    [connected.status, connected.body['peer']],
    [200, two.peerId],
    JSON.stringify(connected.body)
  )
  const waited = await a.call('POST', '/wait', { connected: 1, inSync: true, timeout: '10s' })
  assert.deepEqual([waited.status, waited.body], [200, { ok: true }])

  const stream = await fetch(`${b.served.url}/changes?since=start&limit=2`, {
    headers: { accept: 'application/x-ndjson' }
  })
  const put = await a.call('PUT', '/kv/name?ack=1&wait=10s', { value: 'Alice' })
  assert.deepEqual([put.status, put.body['reached']], [200, true])
  assert.deepEqual(
    (put.body['acks'] as Json[]).map(ack => ack['peer']),
    [two.peerId]
  )
  assert.equal((await b.call('GET', '/kv/name')).body['value'], 'Alice')
  const changes = (await stream.text())
    .trimEnd()
    .split('\n')
    .map(text => JSON.parse(text) as Json)
  const remote = changes.find(change => change['key'] === 'name')
  assert.deepEqual([remote?.['origin'], remote?.['from'], remote?.['value']], ['remote', one.peerId, 'Alice'])
  const receipt = await a.call('GET', `/ops/${put.body['op_id']}`)
  assert.deepEqual([receipt.body['missing'], (receipt.body['acks'] as Json[]).length], [[], 1])

  const peers = (await a.call('GET', '/peers')).body['peers'] as Json[]
  assert.deepEqual(
    peers.map(peer => [peer['peer'], peer['name']]),
    [[two.peerId, 'two']]
  )
  assert.equal((await a.call('GET', '/readyz?peers=1&lag=5s')).status, 200)
  assert.equal((await a.call('GET', '/readyz?peers=2')).body['code'], 'BEHIND')
  const rounds = (await a.call('POST', '/sync/two', {})).body['rounds'] as Json[]
  assert.deepEqual(
    rounds.map(round => [round['peer'], round['status']]),
    [[two.peerId, 'ok']]
  )
  assert.equal((await a.call('POST', '/sync/nobody', {})).body['code'], 'UNKNOWN_PEER')

  assert.equal((await b.call('POST', '/sync/pause', {})).status, 200)
  await a.call('PUT', '/kv/name', { value: 'from a' })
  await b.call('PUT', '/kv/name', { value: 'from b' })
  const lacking = (await a.call('GET', '/outbox/two')).body['ops'] as Json[]
  assert.deepEqual(
    lacking.map(op => op['key']),
    ['name']
  )
  assert.equal((await b.call('POST', '/sync/resume', {})).status, 200)
  for (const side of [a, b]) {
    const settled = await side.call('POST', '/wait', { connected: 1, inSync: true, acked: 1, timeout: '20s' })
    assert.equal(settled.status, 200, JSON.stringify(settled.body))
  }
  const [left, right] = [await a.call('GET', '/kv/name'), await b.call('GET', '/kv/name')]
  assert.deepEqual([left.body['value'], left.body['conflicts']], [right.body['value'], 1])
  assert.deepEqual((await b.call('GET', '/conflicts')).body['conflicts'], [{ key: 'name', versions: 2 }])
  assert.equal((await b.call('POST', '/kv/name/resolve?ack=1&wait=10s', { value: 'both' })).status, 200)
  assert.equal((await a.call('GET', '/kv/name')).body['conflicts'], 0)
  await described(a.call)
})

/** Reading answers of a real node fit what `/openapi.json` says of them. */
async function described(call: Awaited<ReturnType<typeof startOn>>['call']): Promise<void> {
  const document = (await call('GET', '/openapi.json')).body as {
    paths: Record<
      string,
      Record<string, { responses: Record<string, { content: Record<string, { schema: Schema }> }> }>
    >
    components: { schemas: Record<string, Schema> }
  }
  for (const [path, { get }] of Object.entries(document.paths)) {
    const schema = get?.responses['200']?.content['application/json']?.schema
    if (schema === undefined || path === '/ops/{id}') continue
    const reply = await call('GET', path.replace('{key}', 'name').replace('{peer}', 'two'))
    assert.equal(reply.status, 200, path)
    assert.deepEqual(faults(reply.body, schema, document.components.schemas), [], path)
  }
}

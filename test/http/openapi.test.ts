import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERRORS, type ErrorCode } from '../../src/base/index.js'
import { ROUTES } from '../../src/http/index.js'
import type { Schema } from '../../src/http/schemas.js'
import { peerInfo } from '../support/fake-node.js'
import { faults } from '../support/schema-check.js'
import { type Client, start } from './harness.js'

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly tags: string[]
  readonly parameters?: {
    name: string
    in: string
    required?: boolean
    description?: string
    schema: Schema
  }[]
  readonly requestBody?: { content: Record<string, { schema: Schema }> }
  readonly responses: Record<string, { description: string; content?: Record<string, { schema: Schema }> }>
}

interface Document {
  readonly openapi: string
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { schemas: Record<string, Schema> }
}

async function documentOf({ call }: Client): Promise<Document> {
  return (await call('GET', '/openapi.json')).body as unknown as Document
}

test('routes served, routes of the table and routes described are the same', async t => {
  const client = await start(t)
  const document = await documentOf(client)
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map(method => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`)
  )
  assert.deepEqual(described.sort(), ROUTES.map(row => `${row.method} ${row.path}`).sort())
  const { routes } = (await client.call('GET', '/')).body as { routes: { method: string; path: string }[] }
  assert.deepEqual(routes.map(row => `${row.method} ${row.path}`).sort(), described)
  for (const path of Object.keys(document.paths)) {
    for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS']) {
      const target = path.replaceAll(/\{\w+\}/g, 'x')
      const body = method === 'GET' || method === 'DELETE' ? undefined : {}
      const { status, body: answer } = await client.call(method, `${target}?no=such`, body)
      const served = described.includes(`${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`)
      assert.deepEqual(
        [status, answer['code']],
        served ? [400, 'UNKNOWN_PARAMETER'] : [405, 'METHOD_NOT_ALLOWED']
      )
    }
  }
})

test('every row of the interface is there, and nothing that is not built', () => {
  const expected = `GET / PUT /kv/:key GET /kv/:key DELETE /kv/:key GET /kv POST /batch GET /kv/:key/versions
    GET /kv/:key/history POST /kv/:key/resolve GET /conflicts GET /ops/:id GET /changes POST /p2p/ops POST /p2p/ack
    GET /status GET /peers GET /outbox GET /outbox/:peer POST /peers DELETE /peers/:peer POST /peers/:peer/block
    POST /invite POST /sync POST /sync/:peer POST /sync/pause POST /sync/resume POST /wait GET /events POST /verify
    GET /doctor GET /healthz GET /readyz GET /openapi.json`
  const rows = [...expected.matchAll(/(\w+) (\/\S*)/g)].map(match => `${match[1]} ${match[2]}`)
  assert.deepEqual(ROUTES.map(row => `${row.method} ${row.path}`).sort(), rows.sort())
})

test('the document holds together: references, parameters, ids, descriptions, error codes', async t => {
  const document = await documentOf(await start(t))
  assert.equal(document.openapi, '3.1.0')
  const text = JSON.stringify(document)
  for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) {
    assert.ok(name! in document.components.schemas, name)
  }
  const ids = new Set<string>()
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      assert.ok(!ids.has(operation.operationId))
      ids.add(operation.operationId)
      assert.ok(operation.summary && operation.tags.length === 1)
      const inPath = (operation.parameters ?? []).filter(parameter => parameter.in === 'path')
      assert.deepEqual(
        inPath.map(parameter => `{${parameter.name}}`),
        path.match(/\{\w+\}/g) ?? []
      )
      for (const parameter of operation.parameters ?? []) assert.ok(parameter.description && parameter.schema)
      assert.equal(operation.requestBody !== undefined, ['put', 'post'].includes(method))
      assert.ok('200' in operation.responses && '403' in operation.responses && '401' in operation.responses)
      for (const [status, response] of Object.entries(operation.responses)) {
        const codes = response.description.match(/\b[A-Z][A-Z_]{4,}(?=: )/g) ?? []
        for (const code of codes) assert.equal(ERRORS[code as ErrorCode].status, Number(status), code)
      }
    }
  }
})

test('live answers fit the schemas that describe them', async t => {
  const client = await start(t)
  const { call, node } = client
  const document = await documentOf(client)
  node.peerList = [peerInfo()]
  node.outboxList = [
    {
      peer: 'p',
      name: null,
      position: '0123456789abcdef.1',
      ops: 1,
      bytes: 9,
      oldestMs: 1,
      lastError: null,
      nextTryAt: null
    }
  ]
  await call('PUT', '/kv/x', { value: { any: ['json', null, 1.5] } })
  node.remote('x', 'theirs')
  await call('PUT', '/kv/bin', { value: 0 })
  node.rawValues.set('bin', '/w==')
  const bodies: Record<string, unknown> = {
    'PUT /kv/{key}': { value: 1 },
    'POST /batch': { ops: [{ type: 'put', key: 'b', value: 1 }] },
    'POST /kv/{key}/resolve': { value: 2 },
    'POST /p2p/ops': {
      from: 'a',
      ops: [
        { id: '1', kind: 'put', key: 'c', value: 1 },
        { id: '1', kind: 'put', key: 'c', value: 2 }
      ]
    },
    'POST /p2p/ack': { from: 'a', acked_ids: ['1'] },
    'POST /peers': { addr: '/ip4/127.0.0.1/tcp/1' },
    'POST /wait': { connected: 1 }
  }
  const streams = ['/events']
  let held = 0
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (streams.includes(path)) continue
      const name = `${method.toUpperCase()} ${path}`
      const target = path
        .replace('{peer}', 'shop')
        .replace('{key}', 'x')
        .replace('{id}', (await node.cell('x')).opId)
      const body = method === 'post' || method === 'put' ? (bodies[name] ?? {}) : undefined
      if (body !== undefined) {
        const described = operation.requestBody!.content['application/json']!.schema
        assert.deepEqual(faults(body, described, document.components.schemas), [], `${name} body`)
      }
      // Removing the key last keeps it there for the others.
      const reply = await call(name === 'DELETE /kv/{key}' ? 'GET' : method.toUpperCase(), target, body)
      if (name === 'DELETE /kv/{key}') continue
      assert.equal(reply.status, 200, `${name} ${JSON.stringify(reply.body)}`)
      const schema = operation.responses['200']?.content?.['application/json']?.schema
      assert.ok(schema !== undefined, name)
      assert.deepEqual(faults(reply.body, schema, document.components.schemas), [], name)
      held++
    }
  }
  const del = document.paths['/kv/{key}']!['delete']!.responses['200']!.content!['application/json']!.schema
  assert.deepEqual(faults((await call('DELETE', '/kv/x')).body, del, document.components.schemas), [])
  assert.ok(held >= 28)
  const problem = document.components.schemas['Problem']!
  for (const path of ['/kv/none', '/nowhere', '/kv?limit=x', '/changes?since=x']) {
    assert.deepEqual(faults((await call('GET', path)).body, problem, document.components.schemas), [], path)
  }
})

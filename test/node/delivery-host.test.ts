/** A node of the library that delivers: in memory and in a directory, and what is left of it when it stops or never starts. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Outbox } from '../../src/delivery/index.js'
import { createNode, type NatterNode } from '../../src/index.js'
import { targetServer } from '../support/target-server.js'
import { until } from '../support/until.js'

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'natter-host-'))
  t.after(() => rm(path, { recursive: true }))
  return path
}

async function post(url: string, body: object): Promise<{ status: number; body: Record<string, unknown> }> {
  const reply = await fetch(`${url}/delivery`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })
  return { status: reply.status, body: (await reply.json()) as Record<string, unknown> }
}

async function isDone(url: string, id: string): Promise<boolean> {
  const { status } = (await (await fetch(`${url}/delivery/${id}`)).json()) as { status: string }
  return status === 'done'
}

const checksOf = async (node: NatterNode) => (await node.doctor()).checks.map(({ name }) => name)

test('in memory: the routes are served, operations are sent, doctor looks at it', async t => {
  const server = await targetServer(t)
  await using node = await createNode({ deliverTo: [server.url], mdns: false })
  const { url } = await node.serve({ port: 0 })
  assert.equal((await post(url, { target: '/x', id: '1', payload: 'hello' })).status, 200)
  await until('it is done', 10_000, () => isDone(url, '1'))
  assert.deepEqual(
    server.arrivals.map(({ path, key, body }) => [path, key, body.toString()]),
    [['/x', '1', 'hello']]
  )
  assert.ok((await checksOf(node)).includes('delivery'))
})

test('a node that delivers to nobody has no outbox', async () => {
  await using node = await createNode({ deliverTo: [], mdns: false })
  const { url } = await node.serve({ port: 0 })
  assert.equal((await fetch(`${url}/delivery`)).status, 404)
  assert.ok(!(await checksOf(node)).includes('delivery'))
})

test('in a directory: what a stop interrupts is due again, and the folder is free for others', async t => {
  const server = await targetServer(t)
  server.rule = () => 'hang'
  const dataDir = await folder(t)
  const node = await createNode({ dataDir, deliverTo: [server.url], mdns: false })
  const { url } = await node.serve({ port: 0 })
  await post(url, { target: '/x', id: '1' })
  await until('it is being sent', 10_000, () => server.arrivals.length === 1)
  await assert.rejects(Outbox.open({ dataDir: join(dataDir, 'delivery') }), { code: 'DIRECTORY_IN_USE' })
  await node.stop()
  await using outbox = await Outbox.open({ dataDir: join(dataDir, 'delivery') })
  const op = await outbox.get('1')
  assert.deepEqual([op?.status, op?.attempt, op?.owner], ['failed', 1, null])
  assert.deepEqual(
    (await outbox.ready()).map(({ id }) => id),
    ['1']
  )
})

test('a node that cannot start leaves its outbox closed', async t => {
  const dataDir = await folder(t)
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const { port } = taken.address() as { port: number }
  const options = { dataDir, deliverTo: ['http://127.0.0.1:9'], mdns: false }
  const listen = [`/ip4/127.0.0.1/tcp/${port}`]
  await assert.rejects(createNode({ ...options, listen }), { code: 'PORT_IN_USE' })
  const node = await createNode(options)
  await node.stop()
})

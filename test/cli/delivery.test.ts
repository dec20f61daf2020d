/** `natter delivery` on a running node and on directories: what it prints, what it answers to programs, its exit codes. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Outbox } from '../../src/delivery/index.js'
import { targetServer } from '../support/target-server.js'
import { until } from '../support/until.js'
import { natter, type Running, startNode, temporaryFolder } from './support.js'

type Body = Record<string, unknown>

const parse = (text: string) => JSON.parse(text) as Body
const ids = (text: string) => (parse(text)['operations'] as { id: string }[]).map(({ id }) => id)
const reasons = (text: string) => (parse(text)['why'] as { reason: string }[]).map(({ reason }) => reason)

async function add(node: Running, id: string, target: string, payload: unknown = { n: 1 }): Promise<void> {
  const reply = await fetch(`${node.http}/delivery`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': id },
    body: JSON.stringify({ target, payload })
  })
  assert.equal(reply.status, 200, await reply.text())
}

async function status(node: Running, id: string): Promise<unknown> {
  return ((await (await fetch(`${node.http}/delivery/${id}`)).json()) as Body)['status']
}

test('on a running node: lists, reasons, sending again, dropping', async t => {
  const server = await targetServer(t)
  await server.stop()
  const node = await startNode(t, [
    '--data',
    join(temporaryFolder(t), 'data'),
    '--deliver-to',
    `${server.url}/in`
  ])
  const empty = await node.natter(['delivery', 'ls'])
  assert.deepEqual([empty.code, empty.stdout, empty.stderr], [0, '', 'the delivery outbox is empty\n'])

  await add(node, 'a', `${server.url}/in/x`)
  await add(node, 'b', `${server.url}/in/x`)
  await add(node, 'c', `${server.url}/in/y`, 'z'.repeat(1000))
  await until('the server is missed', 10_000, async () => {
    const { offline } = (await (await fetch(`${node.http}/delivery`)).json()) as { offline: unknown[] }
    return offline.length > 0
  })
  const listed = await node.natter(['delivery', 'ls'])
  assert.equal(listed.code, 0)
  assert.match(listed.stdout, /^ID +STATUS +TRIES +AGE +NEXT TRY +TARGET +LAST ERROR\na +pending +0 /)
  assert.match(
    listed.stderr,
    /^3 wait, the oldest for .*\ntargets are at http:.*\nhttp:\/\/127\.0\.0\.1:\d+ cannot be reached, for /
  )
  const shown = await node.natter(['delivery', 'show', 'b'])
  assert.equal(shown.code, 0)
  assert.match(shown.stdout, /^id +b$/m)
  assert.match(
    shown.stdout,
    /^not sent as +http:\/\/127\.0\.0\.1:\d+ cannot be reached, for .*\n +a comes before it on /m
  )
  assert.match(shown.stdout, /^payload +7 B: \{"n":1\}$/m)
  assert.match(
    (await node.natter(['delivery', 'show', 'c'])).stdout,
    /1\.0 kB: z+… {3}\(all of it with --json\)/
  )
  const body = (await node.natter(['delivery', 'show', 'b', '--json'])).stdout
  assert.deepEqual(reasons(body), ['offline', 'waits-for-target'])
  const answered = (await (await fetch(`${node.http}/delivery/b`)).json()) as Body
  assert.deepEqual({ ...parse(body), why: [] }, { ...answered, why: [] })

  assert.deepEqual(
    ids((await node.natter(['delivery', 'ls', '--json', '--target', `${server.url}/in/x`])).stdout),
    ['a', 'b']
  )
  const page = await node.natter(['delivery', 'ls', '--limit', '1'])
  assert.match(page.stderr, /and more: natter delivery ls --limit 1 --after a\)/)
  assert.deepEqual(ids((await node.natter(['delivery', 'ls', '--after', 'a', '--json'])).stdout), ['b', 'c'])
  const none = await node.natter(['delivery', 'ls', '--status', 'done'])
  assert.deepEqual([none.code, none.stdout], [0, ''])
  assert.match(none.stderr, /^none of these; 3 wait/)

  const dropped = await node.natter(['delivery', 'drop', 'c'])
  assert.deepEqual([dropped.code, dropped.stdout, dropped.stderr], [0, '', 'dropped: c\n'])
  const missing = await node.natter(['delivery', 'show', 'c'])
  assert.deepEqual([missing.code, missing.stdout], [4, ''])
  assert.match(missing.stderr, /no operation c .*\nList what is there with: natter delivery ls\n$/)
  for (const command of ['retry', 'drop'])
    assert.equal((await node.natter(['delivery', command, 'c'])).code, 4)

  server.rule = () => 404
  await server.start()
  await until('both are given up', 20_000, async () => (await status(node, 'b')) === 'permanent-failed')
  assert.match((await node.natter(['delivery', 'show', 'a'])).stdout, /attempt 1 was the last: .*404/)
  const { stdout: sick } = await node.natter(['doctor'])
  assert.match(sick, /^warn {2}delivery +2 operations given up; nothing waits\n +a to http/m)
  server.rule = () => 200
  const again = await node.natter(['delivery', 'retry', 'a'])
  assert.match(again.stdout, /^a is sent again to http/)
  await until('it is done', 10_000, async () => (await status(node, 'a')) === 'done')
  const all = await node.natter(['delivery', 'retry', '--all'])
  assert.match(all.stdout, /^b is sent again to http[^\n]*\n$/)
  await until('all is done', 10_000, async () => (await status(node, 'b')) === 'done')
  const nothing = await node.natter(['delivery', 'retry', '--all'])
  assert.deepEqual([nothing.code, nothing.stdout, nothing.stderr], [0, '', 'nothing has failed for good\n'])
  const done = await node.natter(['delivery', 'retry', 'a', '--json'])
  assert.deepEqual([done.code, parse(done.stderr)['code']], [6, 'OPERATION_DONE'])
  assert.match((await node.natter(['delivery', 'ls'])).stderr, /^nothing waits, 2 done\ntargets are at .*\n$/)
  assert.match((await node.natter(['doctor', '-v'])).stdout, /^ok {4}delivery +nothing waits$/m)
  assert.equal((await node.stop()).code, 0)
})

test('no node, a node without an outbox, and one that refuses the target', async t => {
  const nowhere = await natter(['delivery', 'ls', '--api', 'http://127.0.0.1:1'])
  assert.equal(nowhere.code, 3)
  assert.match(nowhere.stderr, /no node answers .*\n.*natter delivery ls --data /)
  const data = join(temporaryFolder(t), 'data')
  const node = await startNode(t, ['--data', data])
  const absent = await node.natter(['delivery', 'ls'])
  assert.equal(absent.code, 4)
  assert.match(absent.stderr, /hosts no delivery outbox.*natter up --deliver-to URL\n$/)
  assert.equal(existsSync(join(data, 'delivery')), false)
  const { stdout } = await node.natter(['doctor', '--json'])
  assert.doesNotMatch(stdout, /delivery/)
  await node.stop()
  const offline = await natter(['delivery', 'ls', '--data', data])
  assert.equal(offline.code, 1)
  assert.match(offline.stderr, /has no delivery outbox\.\n.*natter up --data .* --deliver-to URL\n$/)
})

test('on the directory of a node that does not run', async t => {
  const server = await targetServer(t)
  await server.stop()
  const data = join(temporaryFolder(t), 'data')
  const node = await startNode(t, ['--data', data, '--deliver-to', server.url])
  for (const id of ['a', 'b', 'c']) await add(node, id, `${server.url}/x`)
  const busy = await natter(['delivery', 'ls', '--data', data])
  assert.equal(busy.code, 7)
  assert.ok(busy.stderr.endsWith(`natter delivery ls --api ${node.http}\n`), busy.stderr)
  assert.equal((await node.stop()).code, 0)

  const at = ['--data', data]
  const listed = await natter(['delivery', 'ls', '--json', ...at])
  assert.equal(listed.code, 0, listed.stderr)
  assert.deepEqual(ids(listed.stdout), ['a', 'b', 'c'])
  assert.deepEqual(reasons((await natter(['delivery', 'show', 'a', '--json', ...at])).stdout), [
    'nobody-sends'
  ])
  const shown = await natter(['delivery', 'show', 'b', ...at])
  assert.match(shown.stdout, /^not sent as +no process sends .*\n +a comes before it on /m)
  assert.match(
    (await natter(['delivery', 'ls', '--limit', '2', ...at])).stderr,
    /ls --limit 2 --data \S+ --after b\)/
  )
  assert.equal((await natter(['delivery', 'drop', 'b', 'c', ...at])).code, 0)
  const gone = await natter(['delivery', 'show', 'b', ...at])
  assert.equal(gone.code, 4)
  assert.ok(gone.stderr.endsWith(`natter delivery ls --data ${data}\n`), gone.stderr)
  const sick = await natter(['doctor', ...at])
  assert.match(
    sick.stdout,
    /^warn {2}delivery +1 operation waiting, the oldest for .*, and no node sends them$/m
  )

  await server.start()
  const restarted = await startNode(t, [...at, '--deliver-to', server.url])
  await until('what was left is sent', 10_000, async () => (await status(restarted, 'a')) === 'done')
  assert.deepEqual(
    server.arrivals.map(({ key }) => key),
    ['a']
  )
  const missing = await natter(['delivery', 'ls', '--data', join(data, 'nothing')])
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /no node and no outbox has its data in/)
  assert.equal(existsSync(join(data, 'nothing')), false)
})

test('on the directory of an outbox that a program made', async t => {
  const dataDir = join(temporaryFolder(t), 'outbox')
  const outbox = await Outbox.open({ dataDir, owner: 'program' })
  await outbox.enqueue({ kind: 'mail', target: 'alice', payload: new Uint8Array([1, 255]), id: 'hello' })
  await outbox.claim('hello')
  const busy = await natter(['delivery', 'ls', '--data', dataDir])
  assert.equal(busy.code, 7)
  assert.match(busy.stderr, new RegExp(`Stop process ${process.pid} first`))
  await outbox.fail('hello', 'mailbox full', { retryable: false })
  await outbox.close()
  const shown = parse((await natter(['delivery', 'show', 'hello', '--json', '--data', dataDir])).stdout)
  assert.deepEqual([shown['kind'], shown['payload'], shown['payload_base64']], ['mail', null, 'Af8='])
  assert.match((await natter(['delivery', 'show', 'hello', '--data', dataDir])).stdout, /mailbox full/)
  assert.equal((await natter(['delivery', 'retry', 'hello', '--data', dataDir])).code, 0)
  const again = await Outbox.open({ dataDir })
  assert.equal((await again.get('hello'))?.status, 'pending')
  await again.close()
})

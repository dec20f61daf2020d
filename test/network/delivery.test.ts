/** `natter up --deliver-to` as a process: servers that are away, hang, redirect, and ends of the process meanwhile. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { Fleet, natter, type PeerProcess } from '../support/peer-process.js'
import { targetServer } from '../support/target-server.js'
import { until } from '../support/until.js'

let fleet = new Fleet()
afterEach(async () => {
  await fleet.end()
  fleet = new Fleet()
})

/** A stop takes at most so many milliseconds. */
const STOPS_MS = 10_000

async function add(peer: PeerProcess, id: string, target: string, payload: unknown = id): Promise<void> {
  const { status, body } = await peer.request('POST', '/delivery', { id, target, payload })
  assert.equal(status, 200, JSON.stringify(body))
}

async function statusOf(peer: PeerProcess, id: string): Promise<string> {
  return (await peer.get(`/delivery/${id}`)).body.status
}

async function reasonsOf(peer: PeerProcess, id: string): Promise<string[]> {
  return (await peer.get(`/delivery/${id}`)).body.why.map(({ reason }: { reason: string }) => reason)
}

const done = (peer: PeerProcess, id: string, withinMs = 15_000) =>
  until(`${id} is done`, withinMs, async () => (await statusOf(peer, id)) === 'done')

test('a server that is away: queued, with its reason, across a restart; it comes, and gets each once, in order', async t => {
  const server = await targetServer(t)
  await server.stop()
  const peer = await fleet.start('a', ['--deliver-to', server.url])
  const ids = ['1', '2', '3']
  for (const id of ids) await add(peer, id, `${server.url}/orders`)
  await until('the reason is known', 10_000, async () => (await reasonsOf(peer, '1')).includes('offline'))
  assert.deepEqual(await reasonsOf(peer, '2'), ['offline', 'waits-for-target'])
  const { code, stdout } = await natter(['delivery', 'show', '1'], { api: peer.http })
  assert.equal(code, 0)
  assert.match(stdout, /cannot be reached/)
  const doctor = (await peer.get('/doctor')).body
  const check = doctor.checks.find(({ name }: { name: string }) => name === 'delivery')
  assert.deepEqual([check.status, check.details.offline.length], ['warn', 1])

  assert.equal(await peer.stop(), 0)
  const again = await fleet.restart(peer)
  await until('the reason is known again', 10_000, async () =>
    (await reasonsOf(again, '1')).includes('offline')
  )
  for (const id of ids)
    assert.equal((await again.get(`/delivery/${id}`)).body.attempt, 0, 'it costs no attempt')
  await server.start()
  await done(again, '3')
  assert.deepEqual(
    server.arrivals.map(({ key, method, path, body }) => [key, method, path, body.toString()]),
    [
      ['1', 'POST', '/orders', '1'],
      ['2', 'POST', '/orders', '2'],
      ['3', 'POST', '/orders', '3']
    ]
  )
  assert.deepEqual((await again.get('/delivery')).body.offline, [])
})

test('SIGKILL in the middle of a send: it is sent again under the same key, and those behind it after it', async t => {
  const server = await targetServer(t)
  server.rule = () => 'hang'
  const peer = await fleet.start('a', ['--deliver-to', server.url])
  for (const id of ['1', '2']) await add(peer, id, `${server.url}/x`)
  await until('it is being sent', 10_000, () => server.arrivals.length === 1)
  assert.deepEqual(await reasonsOf(peer, '1'), ['in-flight'])
  await peer.stop('SIGKILL')
  server.rule = () => 200
  const again = await fleet.restart(peer)
  await done(again, '2', 30_000)
  assert.deepEqual(
    server.arrivals.map(({ key }) => key),
    ['1', '1', '2']
  )
})

test('a clean stop within 10 s while a server hangs: nothing is lost, and the attempt does not count', async t => {
  const server = await targetServer(t)
  server.rule = () => 'hang'
  const peer = await fleet.start('a', ['--deliver-to', server.url])
  for (let i = 0; i < 6; i++) await add(peer, `${i}`, `${server.url}/${i}`)
  await until('some are being sent', 10_000, () => server.arrivals.length > 1)
  const startedAtMs = performance.now()
  assert.equal(await peer.stop(), 0)
  assert.ok(performance.now() - startedAtMs < STOPS_MS)
  for (const folder of ['', 'delivery'])
    assert.equal(existsSync(join(peer.init.dataDir, folder, 'lock')), false)
  const listed = await natter(['delivery', 'ls', '--json', '--data', peer.init.dataDir])
  const { operations } = JSON.parse(listed.stdout) as { operations: { status: string }[] }
  assert.equal(operations.length, 6)
  assert.ok(
    operations.every(({ status }) => status === 'pending' || status === 'failed'),
    listed.stdout
  )
  server.rule = () => 200
  const again = await fleet.restart(peer)
  for (let i = 0; i < 6; i++) await done(again, `${i}`)
})

test('a server that is away or hangs holds up no other, however much waits for it', async t => {
  const [away, slow, well] = [await targetServer(t), await targetServer(t), await targetServer(t)]
  await away.stop()
  slow.rule = () => 'hang'
  const urls = [away, slow, well].map(({ url }) => url)
  const peer = await fleet.start(
    'a',
    urls.flatMap(url => ['--deliver-to', url])
  )
  for (let n = 0; n < 20; n++) {
    await add(peer, `away-${n}`, `${away.url}/${n}`)
    await add(peer, `slow-${n}`, `${slow.url}/${n}`)
  }
  await until('the slow one hangs', 5000, () => slow.arrivals.length > 1)
  for (const n of [1, 2, 3]) await add(peer, `well-${n}`, `${well.url}/x`)
  for (const n of [1, 2, 3]) await done(peer, `well-${n}`, 6000)
  assert.equal((await peer.get('/delivery/away-1')).body.attempt, 0)
  assert.deepEqual(await reasonsOf(peer, 'away-1'), ['offline'])
  const { offline } = (await peer.get('/delivery')).body
  assert.deepEqual(
    offline.map(({ server }: { server: string }) => server),
    [away.url]
  )
  const relative = await peer.request('POST', '/delivery', { target: '/x' })
  assert.deepEqual([relative.status, relative.body.code], [400, 'INVALID_ARGUMENT'])
})

test('a redirect is not followed, wherever it leads', async t => {
  const [server, elsewhere] = [await targetServer(t), await targetServer(t)]
  server.rule = ({ path }) => ({
    status: Number(path.slice('/in/'.length, '/in/'.length + 3)),
    headers: { location: path.endsWith('out') ? '/out' : `${elsewhere.url}/x` }
  })
  const peer = await fleet.start('a', ['--deliver-to', `${server.url}/in`])
  const cases = [301, 302, 303, 307, 308].flatMap(status => [`${status}`, `${status}-out`])
  for (const path of cases) await add(peer, path, `${server.url}/in/${path}`)
  for (const path of cases) {
    await until(`${path} was tried`, 15_000, async () => {
      const { lastError } = (await peer.get(`/delivery/${path}`)).body
      return /redirect to .* which is not followed/.test(lastError)
    })
  }
  assert.deepEqual(elsewhere.arrivals, [])
  const asked = new Set(server.arrivals.map(({ path }) => path))
  assert.deepEqual(asked, new Set(cases.map(path => `/in/${path}`)))
})

test('what was taken under another URL waits until the node may deliver there again', async t => {
  const [server, other] = [await targetServer(t), await targetServer(t)]
  await server.stop()
  const urls = [`${server.url}/old`, other.url]
  const peer = await fleet.start(
    'a',
    urls.flatMap(url => ['--deliver-to', url])
  )
  other.rule = () => 503
  for (const [i, url] of urls.entries()) await add(peer, `old-${i}`, `${url}/x`)
  await peer.stop()
  await server.start()
  const before = other.arrivals.length
  const moved = await fleet.restart(peer, ['--deliver-to', `${server.url}/new`])
  await add(moved, 'new', `${server.url}/new/x`)
  await done(moved, 'new')
  for (const id of ['old-0', 'old-1']) assert.deepEqual((await reasonsOf(moved, id))[0], 'target-not-allowed')
  assert.equal((await moved.get('/delivery/old-0')).body.attempt, 0)
  await moved.stop()
  assert.deepEqual([server.arrivals.length, other.arrivals.length], [1, before])
  other.rule = () => 200
  const both = await fleet.restart(
    peer,
    [...urls, `${server.url}/new`].flatMap(url => ['--deliver-to', url])
  )
  for (const id of ['old-0', 'old-1']) await done(both, id)
})

test('payloads arrive as what they were, by the method of the kind, and each send is one line of the log', async t => {
  const server = await targetServer(t)
  const dataDir = await fleet.dir('a')
  const peer = await fleet.startWith({
    dataDir,
    args: ['--deliver-to', server.url],
    env: { DEBUG: 'natter:delivery' }
  })
  const cases: [object, string, string, string | undefined][] = [
    [{ payload: 'ä', kind: 'http.put' }, 'PUT', 'ä', 'text/plain;charset=UTF-8'],
    [{ payload: { a: [1] } }, 'POST', '{"a":[1]}', 'application/json'],
    [
      { payload_base64: Buffer.from([0, 255]).toString('base64'), kind: 'note' },
      'POST',
      '\0\xff',
      'application/octet-stream'
    ],
    [{ kind: 'http.delete' }, 'DELETE', '', undefined]
  ]
  for (const [i, [fields]] of cases.entries()) {
    const { status } = await peer.request('POST', '/delivery', { id: `${i}`, target: `/${i}`, ...fields })
    assert.equal(status, 200)
  }
  for (const i of cases.keys()) await done(peer, `${i}`)
  for (const [i, [, method, body, type]] of cases.entries()) {
    const arrival = server.arrivals.find(({ path }) => path === `/${i}`)!
    const text = i === 2 ? arrival.body.toString('latin1') : arrival.body.toString()
    assert.deepEqual([arrival.method, text, arrival.key], [method, body, `${i}`])
    assert.equal(arrival.contentType, type)
  }
  const lines = peer.stderr
    .split('\n')
    .filter(line => line.includes('natter:delivery') && line.includes('attempt'))
  assert.equal(lines.length, cases.length, peer.stderr)
})

test('a start that fails leaves both directories free; the settings are those of a node', async t => {
  const server = await targetServer(t)
  const dataDir = await fleet.dir('a')
  const refused = await natter(['up', '--data', dataDir, '--http', '0', '--deliver-to', 'ftp://x', '--json'])
  assert.deepEqual([refused.code, JSON.parse(refused.stderr).code], [2, 'INVALID_ARGUMENT'])
  assert.equal(existsSync(dataDir), false)
  const taken = await fleet.startWith({
    dataDir,
    env: { NATTER_DELIVER_TO: `${server.url}/a,${server.url}/b` }
  })
  assert.deepEqual((await taken.get('/delivery')).body.deliverTo, [`${server.url}/a`, `${server.url}/b`])
  const second = await natter(['up', '--data', dataDir, '--http', '0', '--deliver-to', server.url, '--json'])
  assert.deepEqual([second.code, JSON.parse(second.stderr).code], [7, 'DIRECTORY_IN_USE'])
  await taken.stop()
  const manifest = await readFile(join(dataDir, 'delivery', 'natter.json'), 'utf8')
  assert.equal((JSON.parse(manifest) as { state: string }).state, 'made')
  const without = await fleet.startWith({ dataDir })
  assert.deepEqual(
    [(await without.get('/delivery')).status, (await without.get('/healthz')).status],
    [404, 200]
  )
})

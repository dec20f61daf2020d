/** Every command against a running node, with its exit codes. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { ClassicLevel } from 'classic-level'
import type { NodeStatus } from '../../src/base/index.js'
import { natter, outcomeOf, spawnNatter, startNode, temporaryFolder } from './support.js'

function parse(text: string): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>
}

test('writing and reading', async t => {
  const node = await startNode(t, ['--data', join(temporaryFolder(t), 'data')])

  const put = await node.natter(['put', 'name', 'Alice', '--json'])
  assert.equal(put.code, 0, put.stderr)
  const written = parse(put.stdout)
  assert.equal(written['ok'], true)
  assert.equal(written['key'], 'name')
  assert.equal(written['value'], 'Alice')
  const opId = String(written['op_id'])

  assert.equal((await node.natter(['get', 'name'])).stdout, 'Alice\n')
  assert.equal((await node.natter(['get', 'name', '--raw'])).stdout, 'Alice')
  assert.equal(parse((await node.natter(['get', 'name', '--json'])).stdout)['op_id'], opId)
  assert.equal(parse((await node.natter(['get', 'name', '--meta'])).stdout)['conflicts'], 0)

  await node.natter(['put', 'n', '7'])
  assert.equal(parse((await node.natter(['get', 'n', '--json'])).stdout)['value'], 7)
  await node.natter(['put', 'n', '7', '--string'])
  assert.equal(parse((await node.natter(['get', 'n', '--json'])).stdout)['value'], '7')
  await node.natter(['put', 'n', '-'], { input: '{"a":[1]}\n' })
  assert.equal((await node.natter(['get', 'n', '--raw'])).stdout, '{"a":[1]}')
  await node.natter(['put', 'n', '-'], { input: 'text\n' })
  assert.equal((await node.natter(['get', 'n', '--raw'])).stdout, 'text')

  const stale = await node.natter(['put', 'name', 'Bob', '--if', 'none'])
  assert.equal(stale.code, 6)
  assert.match(stale.stderr, /natter get name --meta\n$/)
  assert.equal((await node.natter(['put', 'name', 'Bob', '--if', opId])).code, 0)
  assert.equal((await node.natter(['put', 'name', 'Carol', '--if', opId])).code, 6)

  const first = await node.natter(['put', 'order', '1', '--id', 'ördér-1'])
  const again = await node.natter(['put', 'order', '1', '--id', 'ördér-1'])
  assert.equal(first.stdout, again.stdout)
  assert.equal((await node.natter(['put', 'order', '2', '--id', 'ördér-1'])).code, 6)
  assert.match((await node.natter(['receipt', 'ördér-1'])).stdout, /this node only/)
  assert.equal(parse((await node.natter(['receipt', opId, '--json'])).stdout)['op_id'], opId)
  assert.equal((await node.natter(['receipt', 'nothing'])).code, 4)

  const none = await node.natter(['put', 'a', 'null'])
  assert.equal(none.code, 2)
  assert.match(none.stderr, /null is not a value[\s\S]*natter del a\n$/)

  assert.equal((await node.natter(['del', 'name'])).code, 0)
  const gone = await node.natter(['get', 'name'])
  assert.equal(gone.code, 4)
  assert.match(gone.stderr, /natter ls\n$/)
  assert.equal(parse((await node.natter(['get', 'name', '--json'])).stderr)['code'], 'NOT_FOUND')
})

test('keys that a path could lose', async t => {
  const node = await startNode(t, ['--data', join(temporaryFolder(t), 'data')])
  const keys = ['.', '..', '--', 'a b/%?#ключ']
  for (const key of keys) assert.equal((await node.natter(['put', '--', key, key])).code, 0, key)
  assert.equal((await node.natter(['get', '.'])).stdout, '.\n')
  assert.deepEqual((await node.natter(['ls'])).stdout.trimEnd().split('\n').sort(), keys.sort())
})

test('listing, importing and exporting', async t => {
  const folder = temporaryFolder(t)
  const node = await startNode(t, ['--data', join(folder, 'data')])
  const file = join(folder, 'records.ndjson')
  const records = Array.from({ length: 2500 }, (_, i) => ({
    key: `k/${String(i).padStart(4, '0')}`,
    value: { i, text: 'ä'.repeat(i % 50) }
  }))
  const text = records.map(record => `${JSON.stringify(record)}\n`).join('')
  writeFileSync(file, text)

  const imported = await node.natter(['import', file, '--json'])
  assert.equal(imported.code, 0, imported.stderr)
  const { cursor, ...totals } = parse(imported.stdout)
  assert.deepEqual(totals, { ok: true, records: 2500, batches: 3 })
  assert.match(String(cursor), /^[0-9a-f]{16}\.\d+$/)

  assert.equal((await node.natter(['export', 'k/'])).stdout, text)
  assert.equal((await node.natter(['ls', '--limit', '2', '--reverse'])).stdout, 'k/2499\nk/2498\n')
  assert.equal(
    (await node.natter(['ls', 'k/000', '--limit', '1', '--values'])).stdout,
    'k/0000\t{"i":0,"text":""}\n'
  )
  const { items, next } = parse((await node.natter(['ls', '--json'])).stdout)
  assert.equal((items as unknown[]).length, 2500)
  assert.equal(next, null)
  assert.deepEqual(parse((await node.natter(['ls', 'zzz', '--json'])).stdout)['items'], [])

  const piped = await node.natter(['import', '-', '--key', 'email'], { input: '{"email":"a@b","n":1}\n' })
  assert.match(piped.stdout, /imported 1 records in 1 batches/)
  assert.equal(parse((await node.natter(['get', 'a@b'])).stdout)['n'], 1)

  const broken = await node.natter(['import', '-'], { input: `${text}{"key":"x"}\n` })
  assert.equal(broken.code, 1)
  assert.match(broken.stderr, /line 2501: it has no value/)
  const large = JSON.stringify({ key: 'x', value: 'y'.repeat(300 * 1024) })
  const refused = await node.natter(['import', '-', '--json'], { input: `{"key":"a","value":1}\n${large}\n` })
  assert.equal(refused.code, 1)
  assert.equal(parse(refused.stderr)['code'], 'INVALID_RECORD')
  assert.equal((parse(refused.stderr)['details'] as { line: number }).line, 2)

  assert.equal((await node.stop()).code, 0)
  assert.equal((await natter(['export', 'k/', '--data', join(folder, 'data')])).stdout, text)
})

test('history, versions and the state of the node', async t => {
  const folder = temporaryFolder(t)
  const data = join(folder, 'data')
  const node = await startNode(t, ['--data', data, '--name', 'alpha', '--network', 'shop'])
  await node.natter(['put', 'k', 'one'])
  await node.natter(['put', 'k', 'two'])

  const history = await node.natter(['history', 'k'])
  assert.match(history.stdout, /^\* .*"two"\n {4}\S+\n {2}2.*"one"\n {4}\S+\n$/)
  assert.equal(
    (parse((await node.natter(['history', 'k', '--json'])).stdout)['history'] as unknown[]).length,
    2
  )
  assert.match((await node.natter(['versions', 'k'])).stdout, /^\* .*"two"/)
  assert.equal((await node.natter(['versions', 'nothing'])).code, 4)
  assert.deepEqual(parse((await node.natter(['conflicts', '--json'])).stdout)['conflicts'], [])
  assert.equal((await node.natter(['resolve', 'k', '--value', 'three'])).code, 0)
  assert.equal((await node.natter(['get', 'k'])).stdout, 'three\n')

  const status = JSON.parse((await node.natter(['status', '--json'])).stdout) as NodeStatus
  assert.equal(status.peerId, node.peerId)
  assert.equal(status.network, 'shop')
  assert.equal(status.name, 'alpha')
  assert.equal(status.keys, 1)
  assert.match((await node.natter(['status'])).stdout, /^peer id +12D3KooW/)
  assert.equal((await node.natter(['id'])).stdout, `${node.peerId}\n`)
  assert.match((await node.natter(['peers'])).stderr, /no peers known/)
  assert.deepEqual(parse((await node.natter(['peers', '--json'])).stdout)['peers'], [])
  assert.deepEqual(parse((await node.natter(['outbox', '--json'])).stdout)['peers'], [])
  assert.equal((await node.natter(['outbox', 'nobody'])).code, 4)
  assert.equal((await node.natter(['forget', 'nobody'])).code, 4)
  assert.equal((await node.natter(['connect', 'nonsense'])).code, 2)
  assert.match((await node.natter(['verify'])).stdout, /all is well/)

  const missed = await node.natter(['put', 'k', 'four', '--ack', '1', '--wait', '200ms'])
  assert.equal(missed.code, 5)
  const opId = missed.stdout.trim()
  assert.match(missed.stderr, /the write is safe here/)
  assert.ok(missed.stderr.endsWith(`natter receipt ${opId}\n`), missed.stderr)
  const waited = await node.natter(['wait', '--connected', '1', '--timeout', '200ms'])
  assert.equal(waited.code, 5)

  assert.equal((await node.natter(['pause'])).code, 0)
  assert.equal((await node.natter(['sync'])).code, 1)
  assert.equal((await node.natter(['resume'])).code, 0)

  const busy = await natter(['up', '--data', data, '--http', 'off'])
  assert.equal(busy.code, 7)
  assert.match(busy.stderr, / up --http off --data \.\/other-data\n$/)
  assert.equal((await natter(['verify', '--data', data])).code, 7)
  const port = new URL(node.http).port
  const taken = await natter(['up', '--data', join(folder, 'other'), '--http', port])
  assert.equal(taken.code, 1)
  assert.match(taken.stderr, /port is in use/)
  assert.match(
    taken.stderr,
    new RegExp(` up --data ${join(folder, 'other')} --http 0\n$`),
    'the whole command'
  )
  const [, at = ''] = /^(\/ip4\/127\.0\.0\.1\/tcp\/\d+)\/p2p/.exec(node.addrs[0] ?? '') ?? []
  const listening = await natter(['up', '--data', join(folder, 'third'), '--http', 'off', '--listen', at])
  assert.equal(listening.code, 1)
  assert.match(listening.stderr, /another program listens on [\s\S]*--listen/)

  assert.equal((await node.stop('SIGINT')).code, 0)
  assert.match((await natter(['verify', '--data', data])).stdout, /1 keys: all is well/)
  assert.equal((await natter(['id', '--data', data])).stdout, `${node.peerId}\n`)
  assert.equal((await natter(['up', '--data', data, '--network', 'other'])).code, 7)

  const back = await startNode(t, ['--data', data])
  assert.equal(back.http, node.http, 'the port that 0 chose is kept')
  assert.equal(back.peerId, node.peerId)
  assert.deepEqual(back.addrs, node.addrs)
  assert.equal((await back.natter(['get', 'k'])).stdout, 'four\n')
})

test('following changes until interrupted', async t => {
  const node = await startNode(t, ['--data', join(temporaryFolder(t), 'data')])
  await node.natter(['put', 'old', '1'])
  const child = spawnNatter(['watch', '--since', 'start', '--json', '--api', node.http])
  const ended = outcomeOf(child)
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => parse((await lines.next()).value as string)

  const old = await next()
  assert.deepEqual([old['type'], old['key'], old['value'], old['origin']], ['put', 'old', 1, 'local'])
  assert.equal((await next())['type'], 'caught-up')
  await node.natter(['put', 'new', '"x"'])
  assert.equal((await next())['key'], 'new')
  await node.natter(['del', 'new'])
  assert.equal((await next())['type'], 'del')

  child.kill('SIGINT')
  assert.equal((await ended).code, 130)

  const foreign = await node.natter(['watch', '--since', '0123456789abcdef.1'])
  assert.equal(foreign.code, 2)
})

test('damage ends with 8', async t => {
  const data = join(temporaryFolder(t), 'data')
  const node = await startNode(t, ['--data', data])
  const text = Array.from({ length: 200 }, (_, i) => `{"key":"${i}","value":"some text ${i}"}\n`).join('')
  await node.natter(['import', '-'], { input: text })
  await node.stop()
  assert.equal((await natter(['verify', '--data', data])).code, 0)
  await damageLargestRecord(join(data, 'db'))
  const { code, stderr } = await natter(['verify', '--data', data, '--json'])
  assert.equal(code, 8)
  assert.equal(parse(stderr)['code'], 'STORE_DAMAGED')
  assert.match(String(parse(stderr)['remedy']), /natter verify --repair --data/)
  const repair = await natter(['verify', '--repair', '--data', data, '--json'])
  assert.equal(repair.code, 8, 'nobody else has the batch')
  assert.equal((parse(repair.stdout)['waiting'] as unknown[]).length, 1)
  assert.doesNotMatch(String(parse(repair.stderr)['remedy']), /natter verify/, 'no advice to do it again')

  rmSync(join(data, 'identity.key'))
  assert.equal((await natter(['id', '--data', data])).code, 7, 'a lost key is no missing node')
})

/** Flips a byte of a record itself: one in a file of LevelDB may be of an older version that nobody reads. */
async function damageLargestRecord(location: string): Promise<void> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(location, {
    keyEncoding: 'view',
    valueEncoding: 'view'
  })
  const records = await level.iterator().all()
  const [key, value] = records.reduce((largest, record) =>
    record[1].length > largest[1].length ? record : largest
  )
  const damaged = Uint8Array.from(value)
  damaged[damaged.length >> 1]! ^= 0x55
  await level.put(key, damaged)
  await level.close()
}

test('a reader that goes away is no failure', async t => {
  const node = await startNode(t, ['--data', join(temporaryFolder(t), 'data')])
  const text = Array.from({ length: 3000 }, (_, i) => `{"key":"${i}","value":"${'x'.repeat(200)}"}\n`).join(
    ''
  )
  await node.natter(['import', '-'], { input: text })
  const child = spawnNatter(['export', '--api', node.http])
  const ended = outcomeOf(child)
  child.stdout.once('data', () => child.stdout.destroy())
  const { code, stderr } = await ended
  assert.equal(code, 0)
  assert.equal(stderr.includes('EPIPE'), false)
})

test('beyond loopback the API asks for a token, kept in the directory', async t => {
  const data = join(temporaryFolder(t), 'data')
  const node = await startNode(t, ['--data', data, '--http', '0.0.0.0:0'])
  const tokenFile = join(data, 'http-token')
  assert.ok(readFileSync(tokenFile, 'utf8').trim().length >= 16)
  assert.equal((await node.natter(['status'])).code, 7)
  assert.equal((await node.natter(['status', '--token-file', tokenFile])).code, 0)
})

test('nobody may join beyond loopback unless something says who', async t => {
  const data = join(temporaryFolder(t), 'data')
  const { code, stderr } = await natter([
    'up',
    '--data',
    data,
    '--http',
    'off',
    '--listen',
    '/ip4/0.0.0.0/tcp/0'
  ])
  assert.equal(code, 7)
  assert.match(stderr, /natter invite/)
})

/** `natter doctor`: the screen, the exit codes, and a directory whose node does not run. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ClassicLevel } from 'classic-level'
import type { DoctorReport } from '../../src/base/index.js'
import { wrapped } from '../../src/cli/wrapped.js'
import { logKey } from '../../src/store/keys.js'
import { until } from '../support/until.js'
import { natter, startNode, temporaryFolder } from './support.js'

function parse(text: string): DoctorReport & { ok: boolean } {
  return JSON.parse(text) as DoctorReport & { ok: boolean }
}

test('a node that runs: what wants attention comes first, with what to do', async t => {
  const folder = temporaryFolder(t)
  const node = await startNode(t, ['--data', join(folder, 'a')])
  const well = await node.natter(['doctor'])
  assert.equal(well.code, 0, well.stderr)
  assert.ok(well.stdout.startsWith(`${node.peerId} in network default: all is well\n\nok    version`))
  const body = parse((await node.natter(['doctor', '--json'])).stdout)
  assert.deepEqual([body.ok, body.status, body.running], [true, 'ok', true])

  const other = await startNode(t, ['--data', join(folder, 'b'), '--bootstrap', node.addrs[0]!])
  await other.natter(['wait', '--connected', '1'])
  await node.stop()
  await until('the peer is missed', 15_000, async () => {
    const report = (await (await fetch(`${other.http}/doctor`)).json()) as DoctorReport
    return report.status === 'warn'
  })
  const { code, stdout: missed } = await other.natter(['doctor'])
  assert.equal(code, 0, 'a warning is no failure')
  assert.ok(!missed.includes('\u001b'), 'no colours where there is no terminal')
  const lines = missed.split('\n')
  assert.match(lines[0]!, /: 1 check wants attention$/)
  const first = lines.findIndex(line => line.startsWith('warn'))
  assert.equal(first, 2, 'what wants attention comes first')
  assert.match(missed, /^warn {2}peers +connected to 0 of 1 known node\n[\s\S]*; last contact/m)
  assert.match(missed, /\n +→ See that this machine has a network/)
  assert.ok(
    lines.every(line => line.length <= 100 || !line.trim().includes(' ')),
    missed
  )

  rmSync(join(folder, 'b', 'lock'))
  const failed = await other.natter(['doctor'])
  assert.equal(failed.code, 1)
  assert.match(
    failed.stdout,
    /^\S+ in network default: 1 check failed, 1 check wants attention\n\nfail {2}directory /
  )
})

test('a directory whose node does not run: the checks that need no network, and the exit codes', async t => {
  const data = join(temporaryFolder(t), 'data')
  const node = await startNode(t, ['--data', data])
  const busy = await natter(['doctor', '--data', data])
  assert.equal(busy.code, 7)
  for (const key of ['k', 'l']) await fetch(`${node.http}/kv/${key}`, { method: 'PUT', body: '{"value":1}' })
  await node.stop()

  const { code, stdout } = await natter(['doctor', '--data', data, '--json'])
  assert.equal(code, 0)
  const report = parse(stdout)
  assert.deepEqual([report.running, report.peerId, report.status], [false, node.peerId, 'ok'])
  const made = report.checks.map(({ name }) => name)
  for (const name of ['storage', 'space', 'integrity', 'forks', 'conflicts', 'clock'])
    assert.ok(made.includes(name))
  const out = report.leftOut
    .filter(({ reason }) => reason === 'the node does not run')
    .map(({ name }) => name)
  for (const name of ['peers', 'refusals', 'lag', 'wants']) assert.ok(out.includes(name))
  const screen = (await natter(['doctor', '--data', data])).stdout
  assert.match(screen, /which does not run: all is well\n/)
  assert.match(screen, /\nnot looked at, as the node does not run: network, addresses, /)

  await damageLog(join(data, 'db'))
  const flipped = await natter(['doctor', '--data', data])
  assert.equal(flipped.code, 8)
  assert.match(flipped.stdout, /^fail {2}integrity .*\n +position 1/m)
  rmSync(join(data, 'db', 'CURRENT'))
  const damaged = await natter(['doctor', '--data', data])
  assert.equal(damaged.code, 8)
  assert.match(damaged.stdout, /^fail {2}integrity {2}.* is damaged/m)
  assert.equal((await natter(['doctor', '--data', join(data, 'none')])).code, 1)
  assert.equal((await natter(['doctor', '--api', 'http://127.0.0.1:9'])).code, 3)
  assert.match(
    (await natter(['doctor', '--help'])).stdout,
    /8 when damage was found; 1 when another check failed/
  )
})

/** Flips a byte of the first batch. */
async function damageLog(location: string): Promise<void> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(location, {
    keyEncoding: 'view',
    valueEncoding: 'view'
  })
  const key = logKey(1)
  const damaged = Uint8Array.from((await level.get(key))!)
  damaged[damaged.length >> 1]! ^= 0x55
  await level.put(key, damaged)
  await level.close()
}

test('text is broken between words, behind an indent, and long words stay whole', () => {
  assert.deepEqual(
    wrapped('one two three', '  ', '→ ', '  ', 12),
    ['  → one two three'],
    'some room is left in any case'
  )
  const long = 'x'.repeat(50)
  assert.deepEqual(wrapped(`a ${long} b`, '  ', '- ', '  ', 40), ['  - a', `    ${long}`, '    b'])
})

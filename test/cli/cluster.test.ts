/** `natter cluster`: members find each other, go on when one ends, come back by the printed command, stop together. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { ReadyLine } from '../../src/cli/commands/up.js'
import { natter, outcomeOf, RUNNING_MS, spawnNatter, temporaryFolder } from './support.js'

/** A port with free ones behind it, as far as can be told. */
async function freePorts(count: number): Promise<number> {
  for (let base = 20_000 + (process.pid % 20_000); base < 60_000; base += 10) {
    const servers = await Promise.all(
      Array.from({ length: count }, (_, i) => {
        const server = createServer()
        return new Promise<{ server: typeof server; ok: boolean }>(resolve => {
          server.once('error', () => resolve({ server, ok: false }))
          server.listen(base + i, '127.0.0.1', () => resolve({ server, ok: true }))
        })
      })
    )
    const free = servers.every(({ ok }) => ok)
    const first = free ? (servers[0]!.server.address() as AddressInfo).port : 0
    await Promise.all(
      servers.map(({ server, ok }) => (ok ? new Promise(done => server.close(done)) : undefined))
    )
    if (free) return first
  }
  throw new Error('no free ports')
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('three members, one killed and brought back', async t => {
  const data = join(temporaryFolder(t), 'cluster')
  const basePort = await freePorts(3)
  const child = spawnNatter(['cluster', '3', '--data', data, '--base-port', String(basePort), '--json'])
  const ended = outcomeOf(child, RUNNING_MS)
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async <T>(): Promise<T> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error(`the cluster ended: ${(await ended).stderr}`)
    return JSON.parse(value as string) as T
  }
  const members = [await next<ReadyLine>(), await next<ReadyLine>(), await next<ReadyLine>()]
  assert.deepEqual(
    members.map(member => member.http),
    [0, 1, 2].map(i => `http://127.0.0.1:${basePort + i}`)
  )
  const api = (i: number) => ['--api', members[i]!.http!]

  for (const i of [0, 1, 2]) {
    assert.equal((await natter(['wait', '--connected', '2', '--timeout', '15s', ...api(i)])).code, 0)
  }
  const put = await natter(['put', 'name', 'Alice', '--ack', '2', '--wait', '15s', ...api(0)])
  assert.equal(put.code, 0, put.stderr)
  for (const i of [1, 2]) assert.equal((await natter(['get', 'name', ...api(i)])).stdout, 'Alice\n')

  process.kill(members[1]!.pid, 'SIGKILL')
  const end = await next<{ event: string; name: string; how: string; command: string }>()
  assert.deepEqual([end.event, end.name, end.how], ['ended', 'node-2', 'SIGKILL'])
  const missed = await natter(['put', 'name', 'Bob', '--ack', '2', '--wait', '300ms', ...api(0)])
  assert.equal(missed.code, 5)
  const opId = missed.stdout.trim()

  // Where the cluster was started: the command may name the script relative to it.
  const back = spawn('/bin/sh', ['-c', `exec ${end.command} --json`], {
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.after(() => back.kill('SIGKILL'))
  const ready = await createInterface({ input: back.stdout })[Symbol.asyncIterator]().next()
  assert.equal((JSON.parse(ready.value as string) as ReadyLine).peerId, members[1]!.peerId)
  assert.equal((await natter(['wait', '--acked', '2', '--timeout', '15s', ...api(0)])).code, 0)
  const receipt = JSON.parse((await natter(['receipt', opId, '--json', ...api(0)])).stdout) as {
    acks: unknown[]
  }
  assert.equal(receipt.acks.length, 2)
  assert.equal((await natter(['get', 'name', ...api(1)])).stdout, 'Bob\n')

  child.kill('SIGINT')
  assert.equal((await ended).code, 0)
  assert.deepEqual(
    [0, 2].map(i => alive(members[i]!.pid)),
    [false, false]
  )
  back.kill('SIGTERM')
})

test('a port that is taken is told, and no member is left behind', async t => {
  const data = join(temporaryFolder(t), 'cluster')
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const { code, stderr } = await natter(['cluster', '1', '--data', data, '--base-port', String(port)])
  assert.equal(code, 1)
  assert.match(stderr, /node-1: .*port is in use/)
  const left = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .filter(line => line.includes(data))
  assert.deepEqual(left, [])
})

/** Ends and starts of a real node that go wrong or come at a bad moment. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, cp, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTmpfs, remount } from '../disk/tmpfs.js'
import { BIN, Fleet, natter, type PeerProcess } from '../support/peer-process.js'
import { seededFractions, testSeed } from '../support/random.js'
import { until } from '../support/until.js'

let fleet = new Fleet()
afterEach(async () => {
  await fleet.end()
  fleet = new Fleet()
})

/** A stop takes at most so many milliseconds. */
const STOPS_MS = 10_000
/** A start is loading modules, opening the directory or joining the network within so many. */
const STARTS_MS = 1_500

/** Writes one op after the other until there is no answer; answers the keys that were acknowledged. */
async function load(peer: PeerProcess, name: string, acked: string[]): Promise<void> {
  for (let n = 0; ; n++) {
    const key = `${name} ${n}`
    const answer = await peer.put(key, n).catch(() => undefined)
    if (answer === undefined) return
    if (answer.status === 200) acked.push(key)
  }
}

async function timed<T>(run: Promise<T>): Promise<T> {
  const from = performance.now()
  const result = await run
  const ms = performance.now() - from
  assert.ok(ms < STOPS_MS, `${ms} ms`)
  return result
}

async function keysOf(dataDir: string): Promise<Set<string>> {
  const { code, stdout, stderr } = await natter(['export', '--data', dataDir])
  assert.equal(code, 0, stderr)
  const lines = stdout.split('\n').filter(line => line !== '')
  return new Set(lines.map(line => (JSON.parse(line) as { key: string }).key))
}

test('SIGTERM under load: exit 0 within 10 s, the lock is free, nothing acknowledged is lost', async () => {
  const peer = await fleet.start('a')
  const acked: string[] = []
  const loads = ['x', 'y', 'z'].map(name => load(peer, name, acked))
  await until('some writes', 10_000, () => acked.length > 30)
  assert.equal(await timed(peer.stop('SIGTERM')), 0)
  await Promise.all(loads)
  assert.equal(existsSync(join(peer.init.dataDir, 'lock')), false)
  const keys = await keysOf(peer.init.dataDir)
  assert.deepEqual(
    acked.filter(key => !keys.has(key)),
    []
  )
})

test('a second SIGTERM ends the node at once, and nothing acknowledged is lost', async () => {
  const peer = await fleet.start('a')
  const acked: string[] = []
  const loading = load(peer, 'x', acked)
  await until('some writes', 10_000, () => acked.length > 10)
  process.kill(peer.ready.pid, 'SIGTERM')
  const code = await timed(peer.stop('SIGTERM'))
  assert.ok(code === 0 || code === 1, `exit ${code}`)
  await loading
  const again = await fleet.restart(peer)
  for (const key of acked) assert.notEqual(await again.value(key), undefined, `${key} was acknowledged`)
})

test('a stop at any moment of a start ends within 10 s, and the next start finds the directory free', async () => {
  const fraction = seededFractions(testSeed('stops during a start'))
  const dataDir = await fleet.dir('a')
  for (let i = 0; i < 4; i++) {
    const child = spawn(
      process.execPath,
      [BIN, 'up', '--json', '--data', dataDir, '--http', '0', '--no-mdns'],
      {
        stdio: 'ignore'
      }
    )
    const ended = once(child, 'close')
    await sleep(fraction() * STARTS_MS)
    child.kill('SIGTERM')
    const [code, signal] = (await timed(ended)) as [number | null, string | null]
    assert.ok(code === 0 || signal === 'SIGTERM', `exit ${code} by ${signal}`)
  }
  const peer = await fleet.startWith({ dataDir })
  assert.equal((await peer.put('key', 1)).status, 200)
})

/** A start that fails; answers the exit code and what it said. */
async function failedStart(
  dataDir: string,
  ...args: string[]
): Promise<{ exit: number; code: string; error: string }> {
  const { code, stderr } = await natter([
    'up',
    '--json',
    '--data',
    dataDir,
    '--http',
    '0',
    '--no-mdns',
    ...args
  ])
  assert.ok(code !== null && code > 0, `exit ${code}`)
  const line = stderr.trim().split('\n').at(-1)!
  return { exit: code, ...(JSON.parse(line) as { code: string; error: string }) }
}

test('a start that fails (port taken, directory in use, another network, a damaged key) says why and leaves the directory free and whole', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const dataDir = await fleet.dir('a')
  try {
    const failed = await failedStart(dataDir, '--network', 'shop', '--http', `${port}`)
    assert.deepEqual([failed.exit, failed.code], [1, 'PORT_IN_USE'])
    assert.equal(existsSync(join(dataDir, 'lock')), false)
  } finally {
    taken.close()
  }
  const peer = await fleet.startWith({ dataDir, args: ['--network', 'shop'] })
  assert.equal((await peer.put('key', 1)).status, 200)
  const second = await failedStart(dataDir)
  assert.deepEqual([second.exit, second.code], [7, 'DIRECTORY_IN_USE'])
  assert.equal(await peer.value('key'), 1)
  await peer.stop()
  const other = await failedStart(dataDir, '--network', 'bank')
  assert.deepEqual([other.exit, other.code], [7, 'NETWORK_MISMATCH'])
  await refusesDamagedIdentity(dataDir)
  const loose = ['identity.key', 'settings.json'].map(file => join(dataDir, file))
  for (const path of loose) await chmod(path, 0o644)
  const again = await fleet.restart(peer)
  assert.equal(await again.value('key'), 1)
  for (const path of loose)
    assert.equal((await stat(path)).mode & 0o777, 0o600, `${path} is closed to others`)
})

/** A key that is missing or empty ends the start with its reason; put right, the node is the same. */
async function refusesDamagedIdentity(dataDir: string): Promise<void> {
  const key = join(dataDir, 'identity.key')
  await cp(key, `${key}.kept`)
  const faults: [RegExp, () => Promise<unknown>][] = [
    [/is missing/, () => rm(key)],
    [/has 0 bytes/, () => truncate(key, 0)]
  ]
  for (const [reason, make] of faults) {
    await cp(`${key}.kept`, key)
    await make()
    const failed = await failedStart(dataDir)
    assert.deepEqual([failed.exit, failed.code], [7, 'IDENTITY_DAMAGED'])
    assert.match(failed.error, reason)
  }
  await cp(`${key}.kept`, key)
}

test('a directory that cannot be written is refused with its reason, and served again when it can', async t => {
  const tried = await onTmpfs(32 * 1024, async folder => {
    const dataDir = join(folder, 'data')
    const peer = await fleet.startWith({ dataDir })
    assert.equal((await peer.put('key', 1)).status, 200)
    await peer.stop()
    remount(folder, 'ro')
    const failed = await failedStart(dataDir)
    assert.deepEqual([failed.exit, failed.code], [1, 'DIRECTORY_UNUSABLE'])
    assert.match(failed.error, /EROFS/)
    remount(folder, 'rw')
    const again = await fleet.restart(peer)
    assert.equal(await again.value('key'), 1)
    await again.stop()
  })
  if (!tried) t.diagnostic('not tried: this user may not mount a tmpfs')
  const file = join(await fleet.root(), 'file')
  await writeFile(file, '')
  const failed = await failedStart(file)
  assert.deepEqual([failed.exit, failed.code], [1, 'DIRECTORY_UNUSABLE'])
})

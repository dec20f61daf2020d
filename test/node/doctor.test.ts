/** The doctor of real nodes on loopback: who refuses whom and why, what became of the directory, and the time it takes. */
import assert from 'node:assert/strict'
import { appendFile, chmod, cp, mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import type { DoctorCheck } from '../../src/base/index.js'
import { DEFAULT_LIMITS, withLimits } from '../../src/base/index.js'
import { systemClock, systemRandom } from '../../src/base/system.js'
import { openLevelDisk } from '../../src/disk/classic-disk.js'
import { DataDirectory } from '../../src/disk/directory.js'
import type { NatterNode, NodeOptions } from '../../src/index.js'
import { createNode } from '../../src/index.js'
import { databaseIdOf } from '../../src/log/index.js'
import { Doctor } from '../../src/node/doctor/index.js'
import { openStore } from '../../src/store/index.js'
import { logKey } from '../../src/store/keys.js'
import { Faults, faultyLevel } from '../disk/faulty-level.js'
import { onTmpfs } from '../disk/tmpfs.js'
import { RawPeer } from '../hostile/raw-peer.js'
import { batchesOf } from '../store/exchange.js'
import { put } from '../store/harness.js'
import { until } from '../support/until.js'

const nodes: NatterNode[] = []
const folders: string[] = []

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'natter-doctor-'))
  folders.push(path)
  return path
}

async function start(name: string, options: NodeOptions = {}): Promise<NatterNode> {
  const dataDir = options.dataDir ?? (await folder())
  const node = await createNode({ name, mdns: false, ...options, dataDir })
  nodes.push(node)
  return node
}

async function addrOf(node: NatterNode): Promise<string> {
  return (await node.status()).addrs[0]!
}

async function check(
  node: { doctor(): ReturnType<NatterNode['doctor']> },
  name: string
): Promise<DoctorCheck> {
  const found = (await node.doctor()).checks.find(one => one.name === name)
  assert.ok(found !== undefined, name)
  assert.equal(found.remedy === undefined, found.status === 'ok', `${name} says what to do`)
  return found
}

/** The check as soon as it is no longer well. */
function troubled(node: NatterNode, name: string): Promise<DoctorCheck> {
  return until(`${name} is not ok`, 15_000, async () => {
    const found = await check(node, name)
    return found.status === 'ok' ? undefined : found
  })
}

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(node => node.stop()))
  await Promise.all(folders.splice(0).map(path => rm(path, { recursive: true, force: true })))
})

test('two nodes that are well: every check is made, and all are ok', async () => {
  const a = await start('a')
  const b = await start('b', { bootstrap: [await addrOf(a)] })
  await a.db.put('k', 1)
  await until('in sync', 10_000, async () => (await a.peers())[0]?.state === 'current')
  await b.sync.wait({ acked: 1, timeout: 10_000 })
  const report = await until('all ok', 10_000, async () => {
    const made = await a.doctor()
    return made.status === 'ok' ? made : undefined
  })
  assert.deepEqual(
    report.checks.map(({ name }) => name),
    (
      'version directory sentinel storage space durability integrity unreadable clock peer-clocks forks client-ids ' +
      'conflicts network addresses http peers refusals circuits streams lag wants parked formats impossible'
    ).split(' ')
  )
  assert.deepEqual([report.running, report.peerId, report.leftOut], [true, a.peerId, []])
  assert.match(report.checks.find(({ name }) => name === 'peers')!.evidence, /connected to 1 of 1 known node/)
})

test('other keys: both sides say that they do not understand each other', async () => {
  const a = await start('a', { listen: ['/ip4/127.0.0.1/tcp/0'], psk: new Uint8Array(32).fill(1) })
  const b = await start('b', {
    listen: ['/ip4/127.0.0.1/tcp/0'],
    psk: new Uint8Array(32).fill(2),
    bootstrap: [await addrOf(a)]
  })
  const there = await troubled(b, 'refusals')
  assert.match(there.evidence, /do not understand each other: the peer .*pre-shared key/)
  assert.match(there.remedy!, /natter invite/)
  const [refusal] = there.details!['refusals'] as { peer: string; by: string }[]
  assert.deepEqual([refusal?.peer, refusal?.by], [a.peerId, 'keys'])
  assert.match((await troubled(a, 'refusals')).evidence, /somebody at \/ip4\/127\.0\.0\.1/)
  const peers = await troubled(b, 'peers')
  assert.match(peers.evidence, /connected to 0 of 1 known node\n.*pre-shared key.*never met.*, next try in /)
  const alone = await check(a, 'addresses')
  assert.equal(alone.status, 'warn', 'a network with a key, and nobody else can reach this node')
})

test('a list of who may connect: the one says that it refuses, the other that it is refused', async () => {
  const stranger = '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5'
  const a = await start('a', { listen: ['/ip4/127.0.0.1/tcp/0'], allow: [stranger] })
  const b = await start('b', { bootstrap: [await addrOf(a)] })
  const here = await troubled(a, 'refusals')
  assert.ok(here.evidence.includes(`this node refuses ${b.peerId}: the peer is not on the allow list here`))
  assert.equal(here.remedy, `Let it in, if that is meant: natter up --allow ${b.peerId}`)
  const there = await troubled(b, 'refusals')
  assert.ok(there.evidence.includes(`${a.peerId} refuses this node`), there.evidence)
  assert.equal(there.remedy, `Have this node allowed there: natter up --allow ${b.peerId}`)
})

test('a copied directory that runs beside the original is a failure of both', async () => {
  const meeting = await start('meeting')
  const bootstrap = [await addrOf(meeting)]
  const [original, copy] = [await folder(), await folder()]
  await (await start('twin', { dataDir: original, bootstrap })).stop()
  await cp(original, copy, { recursive: true })
  const left = await start('twin', { dataDir: original, bootstrap, listen: ['/ip4/127.0.0.1/tcp/0'] })
  const right = await start('twin', { dataDir: copy, bootstrap, listen: ['/ip4/127.0.0.1/tcp/0'] })
  const found = await Promise.any([troubled(left, 'refusals'), troubled(right, 'refusals')])
  assert.equal(found.status, 'fail')
  assert.match(found.evidence, /another process runs with the key of this node/)
  assert.match(found.remedy!, /a directory of its own/)
})

test('peers that are gone, addresses where nobody is, a paused node', async () => {
  const a = await start('a')
  const b = await start('b', { bootstrap: [await addrOf(a), '/ip4/127.0.0.1/tcp/9'] })
  await b.sync.wait({ connected: 1, timeout: 10_000 })
  await until('a is known by name', 5000, async () => (await b.peers())[0]?.name === 'a')
  await a.stop()
  const peers = await until('a is missed', 15_000, async () => {
    const found = await check(b, 'peers')
    return /^a \(12D3/m.test(found.evidence) && found.evidence.includes('/tcp/9') ? found : undefined
  })
  assert.match(peers.evidence, /connected to 0 of 1 known node/)
  assert.match(peers.evidence, /^a \(12D3KooW\w+\): .+; last contact .+ ago/m)
  await b.sync.pause()
  const { checks, leftOut } = await b.doctor()
  assert.equal(checks.find(({ name }) => name === 'network')?.remedy, 'Rejoin it: natter resume')
  assert.ok(leftOut.some(({ name, reason }) => name === 'peers' && /takes no part/.test(reason)))
})

test('a peer that breaks the protocol shows with its circuit', async () => {
  const a = await start('a', { breaker: { threshold: 1, coolDownMs: 60_000 } })
  const raw = await RawPeer.start(databaseIdOf('default', nodeCrypto))
  try {
    const connection = await raw.dial(await addrOf(a))
    await raw.presence(connection, Uint8Array.of(0xff, 0xff, 0xff))
    const refusals = await troubled(a, 'refusals')
    assert.match(refusals.evidence, /this node refuses 12D3\w+: the peer broke the protocol too often/)
  } finally {
    await raw.stop()
  }
})

test('rights, lock and HTTP of a node', async () => {
  const dataDir = await folder()
  const tokenFile = join(dataDir, 'token')
  const node = await start('a', { dataDir })
  await node.serve({ host: '0.0.0.0', port: 0, tokenFile })
  const http = await check(node, 'http')
  assert.deepEqual([http.status, (http.details!['served'] as object[]).length], ['ok', 1])
  assert.match(http.evidence, /other machines reach it, without TLS, with a token/)
  await chmod(tokenFile, 0o644)
  assert.match((await troubled(node, 'http')).remedy!, /^Close it to them/)
  await chmod(dataDir, 0o755)
  await chmod(join(dataDir, 'identity.key'), 0o640)
  const rights = await check(node, 'directory')
  assert.equal(rights.status, 'warn')
  assert.match(rights.evidence, /^\. has mode 0755\nidentity\.key has mode 0640/m)
  await rm(join(dataDir, 'lock'))
  const lock = await check(node, 'directory')
  assert.deepEqual([lock.status, lock.details?.['lock']], ['fail', 'gone'])
})

/** A doctor over a directory whose disk fails as `faults` says. */
async function onFaultyDisk(path: string, faults: Faults, limits = withLimits()) {
  const directory = await DataDirectory.open(path)
  const disk = await openLevelDisk({
    location: join(path, 'db'),
    durability: 'fsync',
    limits,
    clock: systemClock,
    level: faultyLevel(faults)
  })
  const store = await openStore({
    disk,
    network: 'default',
    signer: nodeSigner(directory.seed),
    crypto: nodeCrypto,
    clock: systemClock,
    random: systemRandom,
    limits,
    strategy: () => 'latest'
  })
  const { settings } = directory
  const doctor = new Doctor({ store, clock: systemClock, limits, network: 'default', settings, directory })
  const close = async () => {
    await store.close()
    await disk.close()
    await directory.close()
  }
  return { store, doctor: { doctor: () => doctor.examine() }, examined: doctor, close }
}

test('a disk that refuses a write is a failure while the fence is down, and told of afterwards', async () => {
  const faults = new Faults()
  const { store, doctor, close } = await onFaultyDisk(await folder(), faults)
  try {
    assert.equal((await check(doctor, 'storage')).status, 'ok')
    faults.writes = 'before'
    await assert.rejects(store.write({ ops: [put('a', 1)] }))
    const fenced = await check(doctor, 'storage')
    assert.equal(fenced.status, 'fail')
    assert.match(fenced.evidence, /fenced and takes no writes: .*No space left on device/)
    faults.writes = 'no'
    await until('open again', 15_000, () => store.disk.state === 'open')
    const after = await check(doctor, 'storage')
    assert.equal(after.status, 'warn')
    assert.match(after.evidence, /failed 1 time since the start/)
  } finally {
    await close()
  }
})

test('a file system that runs full is told before writes are refused, and when they are', async () => {
  const mib = 1024 * 1024
  const looked = await onTmpfs(64 * 1024, async path => {
    const limits = (freeBytes: number) => ({ ...DEFAULT_LIMITS, freeBytes })
    const { store, doctor, close } = await onFaultyDisk(path, new Faults(), limits(mib))
    try {
      assert.equal((await check(doctor, 'space')).status, 'ok')
      await fillTo(path, 1.5 * mib)
      assert.equal((await check(doctor, 'space')).status, 'warn')
      await fillTo(path, 0.5 * mib)
      const full = await check(doctor, 'space')
      assert.equal(full.status, 'fail')
      assert.equal(full.details?.['marginBytes'], mib)
      await until('writes are refused', 5000, async () => {
        const refused = await store
          .write({ ops: [put('a', 1)] })
          .catch((error: { code: string }) => error.code)
        return refused === 'DISK_FULL'
      })
    } finally {
      await close()
    }
  })
  if (!looked) console.log('not looked at: this machine lets no test mount a file system')
})

/** Fills the file system of a folder until so many bytes are free. */
async function fillTo(path: string, leave: number): Promise<void> {
  const { bavail, bsize } = await statfs(path)
  await appendFile(join(path, 'filler'), new Uint8Array(Math.max(0, bavail * bsize - leave)))
}

test('a damaged batch is a failure until it is mended, and told of until a verification is well', async () => {
  const { store, doctor, examined, close } = await onFaultyDisk(await folder(), new Faults())
  try {
    await store.write({ ops: [put('a', 1)] })
    await store.write({ ops: [put('b', 1)] })
    const [first] = await batchesOf(store)
    assert.equal((await check(doctor, 'integrity')).status, 'ok')
    const at = logKey(1)
    const torn = (await store.disk.get(at))!.slice()
    torn[torn.length >> 1]! ^= 1
    const write = store.disk.write()
    write.put(at, torn)
    await store.disk.commit(write)
    assert.equal(await store.checkAt(1), undefined)
    const found = await until('it is known which batch it was', 5000, async () => {
      const { status, ...rest } = await check(doctor, 'integrity')
      return status === 'fail' ? rest : undefined
    })
    assert.match(found.evidence, /^1 batch of the log damaged here\nposition 1, seq 1 of this node/)
    assert.deepEqual((found.details!['missing'] as { batch: string }[])[0]?.batch, first!.id)

    await store.apply([first!])
    const mended = await until('it is mended', 5000, async () => {
      const now = await check(doctor, 'integrity')
      return now.status === 'fail' ? undefined : now
    })
    assert.equal(mended.status, 'warn')
    assert.match(mended.evidence, /no batch is missing now\nposition 1 of the log is damaged/)
    examined.noteVerified(await store.verify())
    assert.equal((await check(doctor, 'integrity')).status, 'ok')
    examined.noteVerified({
      ...(await store.verify()),
      damage: [{ where: 'key k', what: 'its checksum does not fit' }]
    })
    assert.match(
      (await check(doctor, 'integrity')).evidence,
      /^1 damaged place found; .*\nkey k: its checksum/
    )
  } finally {
    await close()
  }
})

test('many keys are looked at in a bounded time', async () => {
  const node = await start('a')
  for (let i = 0; i < 10; i++) {
    const ops = Array.from(
      { length: 1000 },
      (_, n) => ({ type: 'put', key: `k/${i}/${n}`, value: n }) as const
    )
    await node.write(ops)
  }
  const { durationMs, status } = await node.doctor()
  // A tenth of a second where nothing else runs; the machine of the tests does several things at once.
  assert.ok(durationMs < 5000, `${durationMs} ms`)
  assert.equal(status, 'ok')
})

/**
 * A directory put back from an older raw copy while its node was away, on real processes: first contact is a peer that knows
 * less than the node once had, then one that knows more.
 */
import assert from 'node:assert/strict'
import { cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connectedTo, equalDigests } from '../support/cluster.js'
import type { Fleet, PeerProcess } from '../support/peer-process.js'
import { until } from '../support/until.js'
import { checkSignedOnce } from './logs.js'

/** What the case holds, as the name of a test. */
export const PUT_BACK_HOLDS =
  'first contact a stale peer: no name is signed twice, each id takes effect once, lost writes come back, receipts count who holds them'

interface Put {
  readonly id: string
  readonly kind: 'put'
  readonly key: string
  readonly value: unknown
}

function putOp(id: string, key: string, value: unknown): Put {
  return { id, kind: 'put', key, value }
}

async function post(peer: PeerProcess, ...ops: Put[]): Promise<void> {
  const { status, body } = await peer.request('POST', '/p2p/ops', { from: 'till', ops })
  assert.equal(status, 200, JSON.stringify(body))
  assert.deepEqual(
    body.acked_ids,
    ops.map(op => op.id)
  )
}

/** The name of the key's winner. */
export async function opIdOf(peer: PeerProcess, key: string): Promise<string> {
  return (await peer.get(`/kv/${key}`)).body.op_id
}

export async function acksOf(peer: PeerProcess, opId: string): Promise<string[]> {
  const { body } = await peer.get(`/ops/${encodeURIComponent(opId)}`)
  return body.acks.map((ack: { peer: string }) => ack.peer).sort()
}

export async function stopAll(...peers: PeerProcess[]): Promise<void> {
  await Promise.all(peers.map(peer => peer.stop()))
}

/** Puts the files of a copy over those of a directory as rsync does: what is the same stays untouched, what is not there goes. */
export async function syncInto(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const name of await readdir(to)) {
    if (!(await exists(join(from, name)))) await rm(join(to, name), { recursive: true })
  }
  for (const name of await readdir(from)) {
    const [source, target] = [join(from, name), join(to, name)]
    if ((await stat(source)).isDirectory()) {
      await syncInto(source, target)
      continue
    }
    const bytes = await readFile(source)
    if ((await exists(target)) && bytes.equals(await readFile(target))) continue
    await writeFile(`${target}.part`, bytes)
    await rename(`${target}.part`, target)
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false
  )
}

export async function replaceBy(copy: string, dir: string): Promise<void> {
  await rm(dir, { recursive: true })
  await cp(copy, dir, { recursive: true })
}

/** The whole story with three nodes, once; `putBack` brings the copy in place of the directory. */
export async function putBackCase(
  fleet: Fleet,
  putBack: (copy: string, dir: string) => Promise<void>
): Promise<void> {
  let a = await fleet.start('a')
  let b = await fleet.start('b', ['--bootstrap', a.addr])
  let c = await fleet.start('c', ['--bootstrap', a.addr, '--bootstrap', b.addr])
  for (const peer of [a, b, c]) await connectedTo(peer, 2)
  await post(a, putOp('early', 'early', 1), putOp('early-2', 'shared', 'early'))
  await equalDigests([a, b, c])
  const old = await fleet.dir('old')
  await a.stop()
  await cp(a.init.dataDir, old, { recursive: true })
  await c.stop()
  a = await fleet.restart(a, ['--bootstrap', b.addr])
  await connectedTo(a, 1)

  // What only A and B will know: writes of A, and one of B that A has acknowledged.
  await post(a, putOp('late', 'late', 2), putOp('late-2', 'shared', 'late'))
  assert.equal((await a.put('last', 3, '?ack=1&wait=10s')).status, 200)
  assert.equal((await b.put('of-b', 4, '?ack=1&wait=10s')).status, 200)
  const lastId = await opIdOf(a, 'last')
  const { cursor } = (await a.get('/changes')).body
  await stopAll(a, b)
  await putBack(old, a.init.dataDir)

  // Offline, over the same keys, with the same ids as the lost writes, before it meets anybody.
  a = await fleet.restart(a, [])
  assert.equal(await a.value('late'), undefined)
  await post(a, putOp('late', 'late', 2), putOp('late-2', 'shared', 'late'))
  await a.put('last', 'rewritten')
  const rewritten = await opIdOf(a, 'last')
  const foreign = await a.get(`/changes?since=${cursor}`)
  assert.deepEqual([foreign.status, foreign.body.code], [409, 'CURSOR_FOREIGN'])
  assert.deepEqual(await acksOf(a, rewritten), [])

  // C knows less than A once had.
  c = await fleet.restart(c, ['--bootstrap', a.addr])
  await connectedTo(a, 1)
  await equalDigests([a, c])
  await until('C has acknowledged', 10_000, async () => (await acksOf(a, rewritten)).length === 1)
  assert.deepEqual(await acksOf(a, rewritten), [c.peerId])
  assert.equal((await a.get(`/ops/${encodeURIComponent(lastId)}`)).status, 404)

  // B knows more, and is told that A has lost what it had acknowledged.
  b = await fleet.restart(b, ['--bootstrap', a.addr, '--bootstrap', c.addr])
  await equalDigests([a, b, c])
  for (const peer of [a, b, c]) {
    assert.deepEqual(await Promise.all(['early', 'late', 'of-b'].map(key => peer.value(key))), [1, 2, 4])
    assert.equal(await peer.value('shared'), 'late')
    assert.equal((await peer.get('/kv/late')).body.conflicts, 0, 'two copies of one id are one version')
    const { body } = await peer.get('/kv/last/versions')
    const values = body.versions.map((version: { value: unknown }) => version.value)
    assert.deepEqual(values.sort(), [3, 'rewritten'], 'neither write is undone')
  }
  await until('both have acknowledged', 20_000, async () => {
    const both = [await acksOf(a, lastId), await acksOf(a, rewritten)]
    return both.every(acks => acks.length === 2)
  })
  assert.equal((await a.put('last', 'both seen')).status, 200)
  await equalDigests([a, b, c])
  assert.equal((await c.get('/kv/last')).body.conflicts, 0)
  await stopAll(a, b, c)
  const { tips, epochs } = await checkSignedOnce([a, b, c].map(peer => peer.init.dataDir))
  assert.equal(tips.get(a.peerId), 1, 'the new epoch names what the old one left')
  assert.equal(epochs.get(a.peerId), 3)
}

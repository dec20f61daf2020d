/** The main job with real processes: writes reach everybody, also those that were away, also after a crash of all. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { connectedTo, equalDigests } from '../support/cluster.js'
import type { PeerProcess } from '../support/peer-process.js'
import { Fleet, natter } from '../support/peer-process.js'
import { until } from '../support/until.js'

let fleet = new Fleet()
afterEach(async () => {
  await fleet.end()
  fleet = new Fleet()
})

/** Three connected nodes. */
async function three(): Promise<[PeerProcess, PeerProcess, PeerProcess]> {
  const a = await fleet.start('a', ['--name', 'a'])
  const b = await fleet.start('b', ['--name', 'b', '--bootstrap', a.addr])
  const c = await fleet.start('c', ['--name', 'c', '--bootstrap', a.addr])
  for (const peer of [a, b, c]) await connectedTo(peer, 2)
  return [a, b, c]
}

test('a write on one node is read on the others within a second', async () => {
  const [a, b, c] = await three()
  const put = await a.put('name', 'Alice')
  assert.equal(put.status, 200)
  for (const peer of [b, c])
    await until('the value arrives', 1000, async () => (await peer.value('name')) === 'Alice')
})

test('a node that was away during the write has it after its return', async () => {
  const [a, b, c] = await three()
  assert.equal(await b.stop(), 0)
  await a.put('name', 'Alice')
  const back = await fleet.restart(b)
  await until('the value arrives', 10_000, async () => (await back.value('name')) === 'Alice')
  await equalDigests([a, back, c])
})

test('a write answered right before SIGKILL of all three nodes is there after their restart', async () => {
  const [a, b, c] = await three()
  assert.equal((await a.put('name', 'Alice')).status, 200)
  await Promise.all([a, b, c].map(peer => peer.stop('SIGKILL')))
  const again = await Promise.all([a, b, c].map(peer => fleet.restart(peer)))
  assert.equal(await again[0]!.value('name'), 'Alice')
  for (const peer of again)
    await until('the value is everywhere', 20_000, async () => (await peer.value('name')) === 'Alice')
  await equalDigests(again)
})

test('put --ack 2 exits 0 on three nodes, 5 with one stopped, and its receipt shows both after the return', async () => {
  const [a, b, c] = await three()
  const full = await natter(['put', 'k', '1', '--ack', '2', '--wait', '10s'], { api: a.http })
  assert.equal(full.code, 0, full.stderr)
  await c.stop()
  const missed = await natter(['put', 'k', '2', '--ack', '2', '--wait', '1s', '--json'], { api: a.http })
  assert.equal(missed.code, 5, missed.stdout + missed.stderr)
  const opId: string = JSON.parse(missed.stdout).op_id
  await fleet.restart(c)
  const acks = await until('both have acknowledged', 20_000, async () => {
    const receipt = await natter(['receipt', opId, '--json'], { api: a.http })
    const body = JSON.parse(receipt.stdout)
    return body.acks.length === 2 ? body.acks : undefined
  })
  assert.deepEqual(acks.map((ack: { peer: string }) => ack.peer).sort(), [b.peerId, c.peerId].sort())
})

test('nodes that were each given one other address all know each other', async () => {
  const peers: PeerProcess[] = []
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    const last = peers.at(-1)
    peers.push(
      await fleet.start(name, ['--name', name, ...(last === undefined ? [] : ['--bootstrap', last.addr])])
    )
  }
  for (const peer of peers) {
    await until(`${peer.init.dataDir} knows all`, 20_000, async () => {
      const { body } = await peer.get('/peers')
      return body.peers.length === 4 && body.peers.every((known: { name: string }) => known.name !== null)
    })
  }
})

test('a network with a key takes in who has it, over loopback too', async () => {
  const a = await fleet.start('a')
  const invite = await natter(['invite'], { api: a.http })
  assert.equal(invite.code, 0, invite.stderr)
  assert.match(invite.stdout, /natter1:/)
  const line = /natter1:\S+/.exec(invite.stdout)![0]
  const b = await fleet.start('b', ['--join', line, '--listen', '/ip4/127.0.0.1/tcp/0'])
  await connectedTo(a, 1)
  await a.put('x', 1)
  await until('the joined node has it', 10_000, async () => (await b.value('x')) === 1)
})

test('two parted nodes write one key: all answer the same, both versions are listed, a new write clears them', async () => {
  const a = await fleet.start('a')
  const b = await fleet.start('b', ['--bootstrap', a.addr])
  await connectedTo(b, 1)
  await a.put('color', 'white')
  await equalDigests([a, b])
  for (const peer of [a, b]) assert.equal((await peer.request('POST', '/sync/pause', {})).status, 200)
  await a.put('color', 'red')
  await b.put('color', 'blue')
  for (const peer of [a, b]) assert.equal((await peer.request('POST', '/sync/resume', {})).status, 200)
  await equalDigests([a, b])
  const [atA, atB] = await Promise.all([a.get('/kv/color'), b.get('/kv/color')])
  assert.equal(atA.body.value, atB.body.value)
  assert.equal(atA.body.conflicts, 1)
  assert.equal(atB.body.conflicts, 1)
  const { body } = await b.get('/kv/color/versions')
  assert.deepEqual(body.versions.map((version: { value: string }) => version.value).sort(), ['blue', 'red'])
  await b.put('color', 'green')
  await equalDigests([a, b])
  assert.equal((await a.get('/kv/color')).body.conflicts, 0)
  assert.equal(await a.value('color'), 'green')
})

for (const overwritten of [false, true]) {
  const suffix = overwritten ? ', also when the key was overwritten in between' : ''
  test(`one client id posted to both sides of a partition takes effect once${suffix}`, async () => {
    const a = await fleet.start('a')
    const b = await fleet.start('b', ['--bootstrap', a.addr])
    await connectedTo(b, 1)
    for (const peer of [a, b]) await peer.request('POST', '/sync/pause', {})
    const op = { id: 'order-1', kind: 'put', key: 'order', value: { n: 1 }, ts_ms: 1_700_000_000_000 }
    for (const peer of [a, b]) {
      const { status, body } = await peer.request('POST', '/p2p/ops', { from: 'till-1', ops: [op] })
      assert.equal(status, 200)
      assert.deepEqual(body.acked_ids, ['order-1'])
    }
    if (overwritten) await a.put('order', { n: 2 })
    for (const peer of [a, b]) await peer.request('POST', '/sync/resume', {})
    await equalDigests([a, b])
    for (const peer of [a, b]) {
      const { body } = await peer.get('/kv/order')
      assert.deepEqual(body.value, { n: overwritten ? 2 : 1 })
      const again = await peer.request('POST', '/p2p/ops', { from: 'till-1', ops: [op] })
      assert.deepEqual(again.body.acked_ids, ['order-1'])
    }
    await equalDigests([a, b])
    assert.deepEqual(await a.value('order'), { n: overwritten ? 2 : 1 })
  })
}

test('SIGTERM ends a node cleanly', async () => {
  const a = await fleet.start('a')
  assert.equal(await a.stop('SIGTERM'), 0)
})

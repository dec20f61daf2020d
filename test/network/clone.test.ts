/**
 * One directory copied to a second machine, both running with the one key: nothing is lost, nobody goes round in circles,
 * and both say what is wrong.
 */
import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { createNode } from '../../src/index.js'
import { connectedTo, equalDigests } from '../support/cluster.js'
import { Fleet, natter } from '../support/peer-process.js'
import { until } from '../support/until.js'
import { checkSignedOnce } from './logs.js'

let fleet = new Fleet()
afterEach(async () => {
  await fleet.end()
  fleet = new Fleet()
})

test('a machine and its clone run at once: what either writes reaches the third node and each other, they take turns without a storm, both say so, and nothing is signed twice', async () => {
  const third = await fleet.start('third')
  const args = ['--bootstrap', third.addr]
  let one = await fleet.start('one', args)
  await connectedTo(one, 1)
  await one.put('before', 0)
  await equalDigests([one, third])
  await one.stop()
  await cp(one.init.dataDir, await fleet.dir('two'), { recursive: true })
  one = await fleet.restart(one, args)
  await connectedTo(one, 1)
  const two = await fleet.start('two', args)
  assert.equal(one.peerId, two.peerId)
  const begunAt = performance.now()
  await one.put('of-one', 1)
  await two.put('of-two', 2)
  await one.put('shared', 'one')
  await two.put('shared', 'two')
  await equalDigests([one, two, third], 60_000)
  for (const peer of [one, two, third]) {
    assert.deepEqual(await Promise.all(['before', 'of-one', 'of-two'].map(key => peer.value(key))), [0, 1, 2])
    assert.equal((await peer.get('/kv/shared')).body.conflicts, 1, 'they did not know of each other')
  }
  const [clone] = (await third.get('/peers')).body.peers
  const rounds = clone.successfulSyncs + clone.failedSyncs
  const seconds = (performance.now() - begunAt) / 1000
  assert.ok(rounds <= 12 + seconds, `${rounds} rounds in ${Math.round(seconds)} s`)
  await until('both say that they run twice', 30_000, () =>
    [one, two].every(peer => /another process runs with the key of this node/.test(peer.stderr))
  )

  // One of the two goes: what it wrote is here, and its next life is a node like any other.
  await one.stop()
  await two.put('shared', 'resolved')
  await equalDigests([two, third], 30_000)
  await two.stop()
  one = await fleet.restart(one, args)
  await equalDigests([one, third], 30_000)
  assert.equal(await one.value('shared'), 'resolved')
  await Promise.all([one, third].map(peer => peer.stop()))
  const dirs = [one, two, third].map(peer => peer.init.dataDir)
  const { epochs } = await checkSignedOnce(dirs)
  assert.equal(epochs.get(one.peerId), 3, 'one, one beside the clone, and the clone')
})

test('a second process on the directory of a running node is refused with exit 7, also after the first has copied its files itself, and the first loses nothing', async () => {
  const dataDir = await fleet.dir('data')
  let node = await createNode({ dataDir, mdns: false })
  try {
    await node.db.put('one', 1)
    // Closing LevelDB's LOCK file in the process that holds it drops that lock.
    await cp(join(dataDir, 'db'), await fleet.dir('copy'), { recursive: true })
    const second = await natter(['up', '--data', dataDir, '--http', '0', '--no-mdns'])
    assert.equal(second.code, 7, second.stderr)
    assert.match(second.stderr, new RegExp(`process ${process.pid} `))
    await node.db.put('two', 2)
    await node.stop()
    node = await createNode({ dataDir, mdns: false })
    assert.deepEqual(await node.db.getMany(['one', 'two']), [1, 2])
  } finally {
    await node.stop()
  }
})

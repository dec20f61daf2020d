/** A log whose batches stand in an order that cannot be is laid out anew, also when that is cut anywhere. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { NatterError } from '../../src/base/index.js'
import type { Disk } from '../../src/disk/index.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import { logKey } from '../../src/store/keys.js'
import { decodeLog, encodeLog } from '../../src/store/log-record.js'
import { carry } from './exchange.js'
import { closeStore, put, read, repairOf, storeOf } from './harness.js'

const batches = 5

/** A store where the second batch of the other author stands before its first one. */
async function disordered(disk: Disk): Promise<{ state: string; frontier: string }> {
  const store = await storeOf(1, { disk })
  const peer = await storeOf(2)
  await store.write({ ops: [put('own', 1), put('shared', 'own')] })
  for (let i = 0; i < 2; i++) await peer.write({ ops: [put(`k${i}`, i), put('shared', i)], id: `w${i}` })
  await carry(peer, store)
  for (let i = 0; i < 2; i++) await store.write({ ops: [put('own', i), put('shared', `after ${i}`)] })
  const right = { state: store.stateDigest(), frontier: store.frontierDigest() }
  assert.equal(store.mark.position, batches)
  await store.keepPeer('some', {
    acked: 4,
    ackedAtMs: 1,
    durable: true,
    kind: 'peer',
    blocked: false,
    addrs: []
  })
  await store.close()
  await closeStore(peer)
  const write = disk.write()
  for (const [from, to] of [
    [2, 3],
    [3, 2]
  ] as const) {
    const record = decodeLog(logKey(from), (await disk.get(logKey(from)))!, from, nodeCrypto)
    write.put(logKey(to), encodeLog(logKey(to), record, nodeCrypto))
  }
  await disk.commit(write)
  return right
}

/** The same disk until so many commits were made; then it takes none. */
function cutAfter(disk: Disk, commits: number): Disk {
  let left = commits
  return new Proxy(disk, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      if (name !== 'commit') return member.bind(target)
      return (...args: unknown[]) => {
        if (left-- > 0) return member.apply(target, args)
        return Promise.reject(new NatterError('DISK_FULL', 'as the test wants'))
      }
    }
  })
}

test('a repair puts the log in order, whatever commit of it is the last', async () => {
  for (let commits = 0; ; commits++) {
    const disk = await openMemoryDisk()
    const right = await disordered(disk)
    let isWhole = true
    await repairOf(1, { disk: cutAfter(disk, commits) }).catch(() => {
      isWhole = false
    })
    const what = `${commits} commits`
    if (!isWhole) {
      // Some openings are cut as well, where they go on with the repair.
      await storeOf(1, { disk: cutAfter(disk, 1) }).then(
        store => store.close(),
        () => undefined
      )
    }
    const store = await storeOf(1, { disk })
    if (!(await store.verify()).ok) await store.verify({ repair: true })
    assert.deepEqual((await store.verify()).damage, [], what)
    assert.equal(store.stateDigest(), right.state, what)
    assert.equal(store.frontierDigest(), right.frontier, what)
    assert.deepEqual([store.mark.position, store.status().ops], [batches, 2 * batches], what)
    assert.equal(store.peer('some')?.acked, 0, 'a position of before tells nothing of what a peer has')
    for (let i = 0; i < 2; i++) assert.equal(await read(store, `k${i}`), i, what)
    assert.equal(await read(store, 'shared'), 'after 1', what)
    assert.equal((await store.findClientId('w1'))?.[0]?.position, 3, what)
    await closeStore(store)
    if (isWhole) {
      assert.ok(commits > 6, 'each stage is a commit')
      return
    }
  }
})

test('verification tells of a batch that stands before what it rests on', async () => {
  const disk = await openMemoryDisk()
  await disordered(disk)
  const store = await storeOf(1, { disk })
  const { damage } = await store.verify()
  assert.ok(
    damage.some(({ what }) => what === 'it does not follow the batch before it'),
    JSON.stringify(damage)
  )
  await closeStore(store)
})

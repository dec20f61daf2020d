/** What is damaged on one node comes back from another, over the engine as it runs, and nobody is asked without end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { logKey, positionOfKey, SPACE, spaceRange } from '../../src/store/keys.js'
import { decodeLog } from '../../src/store/log-record.js'
import { until } from '../support/until.js'
import type { TestNode } from './support.js'
import { Cluster } from './support.js'

async function damageLog(node: TestNode, ...positions: number[]): Promise<void> {
  const write = node.disk.write()
  for (const position of positions) {
    const value = (await node.disk.get(logKey(position)))!.slice()
    value[value.length >> 1]! ^= 16
    write.put(logKey(position), value)
  }
  await node.disk.commit(write)
}

/** What stands at each position, with the running check and the counts of all before; signatures may come otherwise. */
async function logOf(node: TestNode): Promise<unknown[]> {
  const iterator = node.disk.iterate(spaceRange(SPACE.log))
  const records: unknown[] = []
  for (let page = await iterator.next(100); page.length > 0; page = await iterator.next(100)) {
    for (const [key, value] of page) {
      const position = positionOfKey(key)
      const { batch, branch, check, opsBefore, bytesBefore, local } = decodeLog(
        key,
        value,
        position,
        nodeCrypto
      )
      records.push({ position, id: batch.id, branch, check, opsBefore, bytesBefore, local })
    }
  }
  await iterator.close()
  return records
}

async function isSound(node: TestNode): Promise<boolean> {
  return (await node.store.verify()).ok
}

test('damaged batches of the own log and of others come back from a peer, at their places', async t => {
  const cluster = new Cluster({ sync: { intervalMs: 500 } })
  t.after(() => cluster.stop())
  const [a, b] = (await cluster.mesh(2)) as [TestNode, TestNode]
  for (let i = 0; i < 6; i++) {
    await a.put(`a${i}`, `${i}`)
    await b.put(`b${i}`, 'x'.repeat(i === 3 ? 400_000 : 10))
  }
  await cluster.settled()
  const before = await logOf(a)
  await damageLog(a, 2, 3, 4, 7, 12)
  const told: string[] = []
  a.store.onEvent('storage', ({ reason }) => told.push(reason ?? ''))
  const report = await a.store.verify({ repair: true })
  assert.deepEqual(
    report.waiting.map(({ position }) => position),
    [2, 3, 4, 7, 12]
  )
  await until('everything is whole again', 10_000, () => isSound(a))
  assert.deepEqual(await logOf(a), before)
  assert.equal(told.filter(reason => reason.includes('is whole again')).length, 5)
  assert.deepEqual(await a.store.missing(), [])
})

test('what a reader runs into is fetched without being asked to', async t => {
  const cluster = new Cluster({ sync: { intervalMs: 500 } })
  t.after(() => cluster.stop())
  const [a, b] = (await cluster.mesh(2)) as [TestNode, TestNode]
  for (let i = 0; i < 4; i++) await b.put(`b${i}`, `${i}`)
  await cluster.settled()
  await damageLog(a, 2)
  await assert.rejects(
    async () => {
      for await (const _ of a.store.replay(0)) {
        // The walk ends at the damage.
      }
    },
    { code: 'STORE_DAMAGED' }
  )
  await until('the batch is back', 10_000, () => isSound(a))
  let ops = 0
  for await (const _ of a.store.replay(0)) ops++
  assert.equal(ops, 4)
})

test('a batch that no peer has is asked of each once, named, and comes when one has it', async t => {
  const cluster = new Cluster({ sync: { intervalMs: 500 } })
  t.after(() => cluster.stop())
  const [a, b] = (await cluster.mesh(2)) as [TestNode, TestNode]
  for (let i = 0; i < 3; i++) await a.put(`a${i}`, `${i}`)
  await cluster.settled()
  const healthy = await cluster.node()
  cluster.network.connect(b.author, healthy.author)
  await cluster.settled()
  cluster.network.cut(b.author, healthy.author)
  await damageLog(a, 2)
  await damageLog(b, 2)
  await a.store.verify({ repair: true })
  await until('nobody has it', 15_000, async () => (await a.store.verify()).waiting[0]?.nobody === true)
  cluster.network.connect(a.author, healthy.author)
  await until('it came', 10_000, () => isSound(a))
})

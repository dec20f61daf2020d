/** One node by itself, through the library: writing, reading, watching, and what is refused. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, test } from 'node:test'
import type { Change, NatterNode, NodeOptions } from '../../src/index.js'
import { createNode } from '../../src/index.js'

const nodes: NatterNode[] = []
const folders: string[] = []

async function start(options: NodeOptions = {}): Promise<NatterNode> {
  const node = await createNode({ mdns: false, ...options })
  nodes.push(node)
  return node
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'natter-node-'))
  folders.push(path)
  return path
}

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(node => node.stop()))
  await Promise.all(folders.splice(0).map(path => rm(path, { recursive: true, force: true })))
})

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

describe('writing and reading', () => {
  test('what db takes, db, cell and cells give back', async () => {
    const node = await start()
    await node.db.put('name', 'Alice')
    await node.db.batch([
      { type: 'put', key: 'a/1', value: { n: 1 } },
      { type: 'put', key: 'a/2', value: [2] },
      { type: 'del', key: 'name' }
    ])
    assert.equal(await node.db.get('name'), undefined)
    assert.deepEqual((await node.cell('a/1')).value, { n: 1 })
    const cells = await all(node.cells({ prefix: 'a/' }))
    assert.deepEqual(
      cells.map(cell => [cell.key, cell.value, cell.conflicts]),
      [
        ['a/1', { n: 1 }, 0],
        ['a/2', [2], 0]
      ]
    )
    await assert.rejects(node.cell('name'), { code: 'NOT_FOUND' })
  })

  test('a receipt names every op, is found again by op id and by client id, and prints as its state', async () => {
    const node = await start()
    const ops = [
      { type: 'put', key: 'x', value: 1 },
      { type: 'put', key: 'y', value: 2 }
    ] as const
    const receipt = await node.write(ops, { id: 'order-1' })
    assert.equal(receipt.opIds.length, 2)
    assert.equal(receipt.reached, true)
    assert.equal(JSON.parse(JSON.stringify(receipt)).wait, undefined)
    assert.deepEqual((await node.receipt('order-1')).opIds, receipt.opIds)
    assert.deepEqual((await node.receipt(receipt.opIds[1]!)).opIds, [receipt.opIds[1]])
    const again = await node.write(ops, { id: 'order-1' })
    assert.deepEqual(again.opIds, receipt.opIds)
    await assert.rejects(node.write([{ type: 'put', key: 'x', value: 3 }], { id: 'order-1' }), {
      code: 'ID_REUSED'
    })
    await assert.rejects(node.receipt('order-2'), { code: 'NOT_FOUND' })
  })

  test('compare-and-set takes only what was seen', async () => {
    const node = await start()
    const first = await node.write([{ type: 'put', key: 'k', value: 1 }], { if: { k: null } })
    await assert.rejects(node.write([{ type: 'put', key: 'k', value: 2 }], { if: { k: null } }), {
      code: 'PRECONDITION_FAILED'
    })
    await node.write([{ type: 'put', key: 'k', value: 2 }], { if: { k: first.opIds[0]! } })
    assert.equal((await node.cell('k')).value, 2)
  })

  test('a target that nobody can reach is missed at the deadline, and the write is made', async () => {
    const node = await start()
    const receipt = await node.write([{ type: 'put', key: 'k', value: 1 }], { ack: 1, timeout: 50 })
    assert.equal(receipt.reached, false)
    assert.equal((await node.cell('k')).value, 1)
  })

  test('what cannot be written is refused and changes nothing', async () => {
    const node = await start({ limits: { valueBytes: 100 } })
    const before = await node.status()
    const refused: [unknown, string][] = [
      [[], 'INVALID_ARGUMENT'],
      [[{ type: 'put', key: '', value: 1 }], 'INVALID_KEY'],
      [[{ type: 'put', key: 'k', value: null }], 'INVALID_VALUE'],
      [[{ type: 'put', key: 'k'.repeat(8193), value: 1 }], 'KEY_TOO_LARGE'],
      [[{ type: 'put', key: 'k', value: 'v'.repeat(100) }], 'VALUE_TOO_LARGE'],
      [Array.from({ length: 65_537 }, (_, i) => ({ type: 'del', key: `k${i}` })), 'BATCH_TOO_LARGE']
    ]
    for (const [ops, code] of refused) await assert.rejects(node.write(ops as never), { code })
    const put = { type: 'put', key: 'k', value: 1 } as const
    await assert.rejects(node.write([put], { acks: 2 } as never), TypeError)
    for (const choice of [{}, { take: 'x', value: 1 }]) {
      await assert.rejects(node.resolve('k', choice as never), { code: 'INVALID_ARGUMENT' })
    }
    assert.equal((await node.status()).stateDigest, before.stateDigest)
    assert.equal((await node.status()).ops, 0)
  })
})

describe('watching', () => {
  test('a replay gives each key once, at its newest position, then caught-up', async () => {
    const node = await start()
    for (const n of [1, 2, 3]) await node.db.put('k', n)
    await node.db.put('other', 'x')
    await node.db.del('other')
    const changes = await all(node.changes({ since: 'start', live: false }))
    assert.deepEqual(
      changes.map(change => [change.type, change.key, change.value]),
      [
        ['put', 'k', 3],
        ['del', 'other', undefined],
        ['caught-up', undefined, undefined]
      ]
    )
  })

  test('a reader that stops inside a batch goes on behind the last key it was told', async () => {
    const node = await start()
    await node.db.batch(['a', 'b', 'c'].map(key => ({ type: 'put' as const, key, value: key })))
    const seen: string[] = []
    let since = 'start'
    for (let page = 0; page < 3; page++) {
      const [change] = await all(node.changes({ since, limit: 1, live: false }))
      seen.push(change!.key!)
      since = change!.cursor
    }
    assert.deepEqual(seen, ['a', 'b', 'c'])
    assert.deepEqual(
      (await all(node.changes({ since, live: false }))).map(change => change.type),
      ['caught-up']
    )
  })

  test('a live reader is told of a write made later, and ends with its signal', async () => {
    const node = await start()
    const stop = new AbortController()
    const seen: Change[] = []
    const reading = (async () => {
      for await (const change of node.changes({ since: 'start', signal: stop.signal })) {
        seen.push(change)
        if (change.type === 'caught-up') void node.db.put('late', 1)
        if (change.key === 'late') stop.abort()
      }
    })()
    await assert.rejects(reading, { code: 'ABORTED' })
    assert.equal(seen.at(-1)?.key, 'late')
  })

  test('a cursor of another store, of the future, or of no form is told apart', async () => {
    const node = await start()
    const { cursor } = await node.status()
    const store = cursor.split('.')[0]
    await assert.rejects(all(node.changes({ since: `${'0'.repeat(16)}.0` })), { code: 'CURSOR_FOREIGN' })
    await assert.rejects(all(node.changes({ since: `${store}.99` })), { code: 'CURSOR_GONE' })
    await assert.rejects(all(node.changes({ since: 'yesterday' })), { code: 'INVALID_CURSOR' })
  })

  test('the log replays in arrival order with positions', async () => {
    const node = await start()
    for (const n of [1, 2, 3]) await node.db.put('k', n)
    const positions: number[] = []
    await node.wal.replay({ from: 1 }, record => {
      positions.push(record.position)
    })
    assert.deepEqual(positions, [2, 3])
  })
})

describe('the directory', () => {
  test('a node comes back as the same with what it held', async () => {
    const dataDir = await folder()
    const first = await start({ dataDir, network: 'shop' })
    await first.db.put('k', 'v')
    const { peerId } = first
    const status = await first.status()
    await first.stop()
    const second = await start({ dataDir })
    assert.equal(second.peerId, peerId)
    assert.equal(await second.db.get('k'), 'v')
    assert.equal((await second.status()).network, 'shop')
    assert.equal((await second.status()).stateDigest, status.stateDigest)
  })

  test('another network is refused, and so is a second opener', async () => {
    const dataDir = await folder()
    const first = await start({ dataDir })
    await assert.rejects(createNode({ dataDir, mdns: false }), { code: 'DIRECTORY_IN_USE' })
    await first.stop()
    await assert.rejects(createNode({ dataDir, network: 'other', mdns: false }), { code: 'NETWORK_MISMATCH' })
    await start({ dataDir })
  })

  test('listening beyond loopback needs somebody who may join', async () => {
    await assert.rejects(createNode({ listen: ['/ip4/0.0.0.0/tcp/0'], mdns: false }), {
      code: 'NOBODY_MAY_JOIN'
    })
  })

  test('a port in use is told', async () => {
    const first = await start()
    const addr = (await first.status()).addrs[0]!.replace(/\/p2p\/.*/, '')
    await assert.rejects(createNode({ listen: [addr], mdns: false }), { code: 'PORT_IN_USE' })
  })
})

describe('stopping', () => {
  test('db.close stops the node; a write afterwards is refused', async () => {
    const node = await start()
    await node.db.close()
    assert.equal(node.ready().ready, false)
    await assert.rejects(node.write([{ type: 'put', key: 'k', value: 1 }]), { code: 'STORE_CLOSED' })
  })
})

/** Two nodes in one process: letting a peer go, keeping it out, and taking it back. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import type { NatterNode } from '../../src/index.js'
import { createNode } from '../../src/index.js'
import { until } from '../support/until.js'

const nodes: NatterNode[] = []
const folders: string[] = []

/** On disk: what a node in memory acknowledges does not count. */
async function start(name: string): Promise<NatterNode> {
  const dataDir = await mkdtemp(join(tmpdir(), 'natter-peers-'))
  folders.push(dataDir)
  const node = await createNode({ name, dataDir, mdns: false })
  nodes.push(node)
  return node
}

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(node => node.stop()))
  await Promise.all(folders.splice(0).map(path => rm(path, { recursive: true, force: true })))
})

test('a block keeps a peer out until it is forgotten', async () => {
  const a = await start('a')
  const b = await start('b')
  const [addr = ''] = (await b.status()).addrs
  assert.deepEqual(await a.connect(addr), { peer: b.peerId })
  await a.sync.wait({ connected: 1, timeout: 10_000 })

  await a.block(b.peerId)
  assert.equal((await a.peers())[0]?.state, 'blocked')
  await assert.rejects(a.connect(addr), { code: 'PEER_REFUSED', remedy: /natter forget PEER$/ })
  const alone = await a.write([{ type: 'put', key: 'k', value: 1 }], { ack: 'all', timeout: 5_000 })
  assert.deepEqual([alone.reached, alone.acks], [true, []], 'who is blocked is not waited for')

  await a.forget(b.peerId)
  await a.connect(addr)
  const both = await a.write([{ type: 'put', key: 'k', value: 2 }], { ack: 1, timeout: 10_000 })
  assert.equal(both.reached, true)
  assert.equal(await b.db.get('k'), 2)
})

test('who is forgotten while connected is let go, and comes back with its name when it dials', async () => {
  const a = await start('a')
  const b = await start('b')
  const [addr = ''] = (await b.status()).addrs
  await a.connect(addr)
  await until('both know each other', 10_000, async () => {
    const names = [...(await a.peers()), ...(await b.peers())].map(({ name }) => name)
    return names.join() === 'b,a'
  })
  const states: string[] = []
  a.events.addEventListener('peer', event => states.push(event.detail.state))
  await a.forget(b.peerId)
  // It may have dialled by now.
  const names = (await a.peers()).map(({ name }) => name)
  assert.deepEqual(
    names.filter(name => name !== 'b'),
    [],
    'nobody is left without a name'
  )
  await until('b is there again by its own dialling, by name', 15_000, async () => {
    const [peer] = await a.peers()
    return peer?.name === 'b' && peer.state === 'current'
  })
  assert.ok(states.includes('disconnected') && states.includes('connected'), states.join())
})

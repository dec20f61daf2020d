/** Who is there: one address is enough to know all, restarts are noticed, what is forgotten stays so. */
import './support.js'
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { systemClock } from '../../src/base/system.js'
import { peerIdOf } from '../../src/log/index.js'
import type { TestNet } from './support.js'
import { isConnected, makeNet, stopAll, until } from './support.js'

afterEach(stopAll)

test('five nodes, each with the address of one other, know and reach all', async () => {
  const nodes: TestNet[] = []
  for (let i = 0; i < 5; i++) {
    const bootstrap = nodes.length === 0 ? [] : [nodes[i - 1]!.net.addrs()[0]!]
    nodes.push(await makeNet({ name: `n${i}`, capabilities: [`c${i}`], bootstrap }))
  }
  await until('everybody knows everybody', () => nodes.every(node => node.net.presence().length === 4))
  await until('everybody reaches everybody', () => nodes.every(node => node.net.connected().length === 4))
  const seen = nodes[4]!.net.presence().find(record => record.peer === nodes[0]!.self)!
  assert.equal(seen.name, 'n0')
  assert.equal(seen.appName, 'test')
  assert.equal(seen.appVersion, '1')
  assert.deepEqual(seen.capabilities, ['c0'])
  assert.deepEqual(seen.addrs, nodes[0]!.net.addrs())
  assert.ok(Math.abs(seen.lastSeen - Date.now()) < 10_000)
  for (const node of nodes) {
    assert.equal(new Set(node.told.connected).size, 4)
    assert.deepEqual(node.told.refused, [])
    for (const { rttMs } of node.net.connected()) assert.ok(rttMs === null || rttMs >= 0)
  }
})

test('thirteen nodes know all by one address; each is joined to the next on the ring, and few to everybody', async () => {
  const first = await makeNet()
  const nodes = [first]
  for (let i = 1; i < 13; i++) nodes.push(await makeNet({ bootstrap: first.net.addrs() }))
  await until(
    'everybody knows everybody',
    () => nodes.every(node => node.net.presence().length === 12),
    60_000
  )
  nodes.sort((a, b) => (a.self < b.self ? -1 : 1))
  const isRing = (): boolean => nodes.every((node, i) => isConnected(nodes[(i + 1) % 13]!.self, node))
  await until('the ring is closed', isRing, 60_000)
  const last = [...nodes].map(node => node.net.connected().length)
  assert.ok(
    last.some(count => count < 12),
    `connections: ${last}`
  )
})

test('a bootstrap address without a peer id, and a start before the other', async () => {
  const first = await makeNet()
  const address = first.net.addrs()[0]!.replace(/\/p2p\/.*/, '')
  const { seed } = first
  await first.net.stop()
  const b = await makeNet({ bootstrap: [address] })
  const again = await makeNet({ seed, listen: [address] })
  await until('connected', () => isConnected(again.self, b) && isConnected(b.self, again))
})

test('a peer that restarts on its port is met again, with a newer record', async () => {
  const a = await makeNet({ name: 'before' })
  const b = await makeNet({ bootstrap: a.net.addrs() })
  await until('known', () => b.net.presence()[0]?.name === 'before')
  const [old] = b.net.presence()
  const listen = a.net.addrs().map(address => address.replace(/\/p2p\/.*/, ''))
  await a.net.stop()
  await until('gone', () => b.net.connected().length === 0)
  assert.deepEqual(b.told.disconnected, [a.self])
  const again = await makeNet({ seed: a.seed, listen, name: 'after' })
  await until('met again', () => isConnected(again.self, b) && b.net.presence()[0]?.name === 'after')
  assert.ok(b.net.presence()[0]!.version > old!.version)
})

test('a node whose clock has gone back is heard all the same', async () => {
  const a = await makeNet({ name: 'before' })
  const b = await makeNet({ bootstrap: a.net.addrs() })
  await until('known', () => b.net.presence()[0]?.name === 'before')
  const [old] = b.net.presence()
  await a.net.stop()
  const late = { ...systemClock, now: () => systemClock.now() - 86_400_000 }
  await makeNet({ seed: a.seed, name: 'after', clock: late, bootstrap: b.net.addrs() })
  await until('heard', () => b.net.presence()[0]?.name === 'after')
  assert.ok(b.net.presence()[0]!.version > old!.version)
})

test('a forgotten node stays so until it speaks anew', async () => {
  const a = await makeNet()
  const b = await makeNet({ bootstrap: a.net.addrs() })
  const c = await makeNet({ bootstrap: b.net.addrs() })
  await until('all know all', () => [a, b, c].every(node => node.net.presence().length === 2))
  const listen = a.net.addrs().map(address => address.replace(/\/p2p\/.*/, ''))
  await a.net.stop()
  await until('gone', () => !isConnected(a.self, b) && !isConnected(a.self, c))
  b.net.forget(a.self)
  assert.deepEqual(
    b.net.presence().map(({ peer }) => peer),
    [c.self]
  )
  assert.equal(b.net.dialState(a.self), undefined)
  // c tells b of something else; a does not come back with it.
  const d = await makeNet({ bootstrap: c.net.addrs() })
  await until('d is known', () => b.net.presence().some(({ peer }) => peer === d.self))
  assert.ok(!b.net.presence().some(({ peer }) => peer === a.self))
  const again = await makeNet({ seed: a.seed, listen })
  await until(
    'a speaks anew',
    () => isConnected(again.self, b) || b.net.presence().some(r => r.peer === a.self)
  )
})

test('peers known from an earlier run are dialled without any bootstrap address', async () => {
  const a = await makeNet()
  const known = [{ id: peerIdOf(a.self), addrs: a.net.addrs(), blocked: false }]
  const b = await makeNet({ known })
  await until('connected', () => isConnected(a.self, b))
  const c = await makeNet({ known: [{ ...known[0]!, blocked: true }] })
  await assert.rejects(c.net.connect(a.net.addrs()[0]!), { code: 'PEER_REFUSED', message: /blocked here/ })
})

test('everybody may be given the same list, themselves included', async () => {
  const a = await makeNet()
  const port = /\/tcp\/(\d+)\//.exec(a.net.addrs()[0]!)![1]
  await a.net.stop()
  const list = [`/ip4/127.0.0.1/tcp/${port}`]
  const self = await makeNet({ seed: a.seed, listen: list, bootstrap: list })
  const other = await makeNet({ bootstrap: list })
  await until('connected', () => isConnected(self.self, other) && isConnected(other.self, self))
  assert.deepEqual(self.told.refused, [])
})

test('a port that is taken is said so', async () => {
  const a = await makeNet()
  const listen = a.net.addrs().map(address => address.replace(/\/p2p\/.*/, ''))
  await assert.rejects(makeNet({ listen }), { code: 'PORT_IN_USE', message: new RegExp(listen[0]!) })
})

test('WebSocket carries the same', async () => {
  const a = await makeNet({ listen: ['/ip4/127.0.0.1/tcp/0/ws'] })
  const b = await makeNet({ bootstrap: a.net.addrs() })
  await until('connected', () => isConnected(a.self, b) && isConnected(b.self, a))
})

test('two processes with one key do not outbid each other without end, and each says that there is another', async () => {
  const third = await makeNet()
  const bootstrap = third.net.addrs()
  const left = await makeNet({ bootstrap })
  const right = await makeNet({ bootstrap, seed: left.seed })
  const saysSo = (node: TestNet): boolean =>
    node.told.refused.some(({ peer, reason }) => peer === node.self && /another process/.test(reason))
  await until('both say so', () => saysSo(left) && saysSo(right))
  assert.equal(third.told.connected.length, 1, 'one peer, however many connections')
  assert.ok(third.told.presence.length <= 12, `${third.told.presence.length} records of one node`)
})

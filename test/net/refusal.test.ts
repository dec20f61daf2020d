/** Who may not join gets nowhere, learns nothing, and both sides say why. */
import './support.js'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { afterEach, test } from 'node:test'
import { systemRandom } from '../../src/base/system.js'
import type { DatabaseId } from '../../src/log/index.js'
import { peerIdOf } from '../../src/log/index.js'
import type { TestNet } from './support.js'
import { isConnected, makeNet, stopAll, until } from './support.js'

afterEach(stopAll)

/** Both sides have said why, and neither counts the other as connected. */
async function bothSay(listener: TestNet, there: RegExp, dialler: TestNet, here: RegExp): Promise<void> {
  await until('both sides say why', () => listener.told.refused.length > 0 && dialler.told.refused.length > 0)
  assert.match(listener.told.refused[0]!.reason, there)
  assert.match(dialler.told.refused[0]!.reason, here)
  assert.ok(dialler.told.refused[0]!.addr?.startsWith('/ip4/127.0.0.1/tcp/'))
  for (const side of [listener, dialler]) {
    assert.deepEqual(side.told.connected, [])
    assert.deepEqual(side.net.connected(), [])
    assert.deepEqual(side.net.presence(), [])
  }
}

test('not on the allow list', async () => {
  const friend = await makeNet()
  const a = await makeNet({ allow: new Set([friend.self]) })
  const b = await makeNet({ bootstrap: a.net.addrs() })
  await bothSay(
    a,
    /^the peer is not on the allow list here$/,
    b,
    /closed the connection at once: it may not allow/
  )
  assert.equal(a.told.refused[0]!.peer, b.self)
  assert.equal(b.told.refused[0]!.peer, a.self)
  await until('the dial counts as failed', () => (b.net.dialState(a.self)?.failures ?? 0) > 0)
  assert.match(b.net.dialState(a.self)!.lastError!, /closed the connection at once/)
  assert.deepEqual(
    b.net.dials().map(({ peer }) => peer),
    [a.self]
  )
  await friend.net.connect(a.net.addrs()[0]!)
  assert.ok(isConnected(a.self, friend))
})

test('an allowed node does not dial out to others either', async () => {
  const a = await makeNet()
  const b = await makeNet({ allow: new Set() })
  await assert.rejects(b.net.connect(a.net.addrs()[0]!), { code: 'PEER_REFUSED', message: /allow list here/ })
})

test('another pre-shared key', async () => {
  const a = await makeNet({ psk: systemRandom.bytes(32) })
  const b = await makeNet({ psk: systemRandom.bytes(32), bootstrap: a.net.addrs() })
  await bothSay(a, /another pre-shared key/, b, /another pre-shared key/)
  assert.equal(a.told.refused[0]!.peer, undefined)
})

test('no pre-shared key', async () => {
  const a = await makeNet({ psk: systemRandom.bytes(32) })
  const b = await makeNet({ bootstrap: a.net.addrs() })
  await bothSay(
    a,
    /has no pre-shared key, and this network is private/,
    b,
    /may have a pre-shared key, ask for an invite there/
  )
})

test('a pre-shared key where there is none', async () => {
  const a = await makeNet()
  const b = await makeNet({ psk: systemRandom.bytes(32), bootstrap: a.net.addrs() })
  await bothSay(
    a,
    /nothing that this node can read/,
    b,
    /another pre-shared key, or none|has no pre-shared key/
  )
})

test('the same pre-shared key lets in', async () => {
  const psk = systemRandom.bytes(32)
  const a = await makeNet({ psk })
  const b = await makeNet({ psk, bootstrap: a.net.addrs() })
  await until('connected', () => isConnected(a.self, b) && isConnected(b.self, a))
  assert.deepEqual([...a.told.refused, ...b.told.refused], [])
})

test('whoever has no key sees random bytes and no name, id or protocol', async () => {
  const a = await makeNet({ psk: systemRandom.bytes(32), name: 'secret-name' })
  const port = Number(/\/tcp\/(\d+)\//.exec(a.net.addrs()[0]!)![1])
  const socket = connectSocket(port, '127.0.0.1')
  const seen: Buffer[] = []
  socket.on('data', chunk => seen.push(chunk))
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write('\x13/multistream/1.0.0\n\x0a/noise\n'.padEnd(200, 'x'))
  await new Promise(resolve => socket.on('close', resolve))
  const bytes = Buffer.concat(seen)
  for (const word of ['multistream', 'noise', 'yamux', 'natter', 'secret-name', peerIdOf(a.self)]) {
    assert.ok(!bytes.includes(word), word)
  }
  assert.ok(bytes.length < 100, `${bytes.length} bytes`)
  await until('the node says why', () => a.told.refused.length > 0)
})

test('another network', async () => {
  const a = await makeNet({ network: 'blue' })
  const b = await makeNet({
    database: '22'.repeat(32) as DatabaseId,
    network: 'red',
    bootstrap: a.net.addrs()
  })
  await bothSay(a, /another network, not to blue/, b, /another network, not to red/)
})

test('a block ends the connection and keeps both ends apart until it is lifted', async () => {
  const a = await makeNet()
  const b = await makeNet({ bootstrap: a.net.addrs() })
  await until('connected', () => isConnected(a.self, b) && isConnected(b.self, a))
  await a.net.block(b.self)
  await until('parted', () => !isConnected(a.self, b) && !isConnected(b.self, a))
  await until('b is refused', () => b.told.refused.length > 0)
  assert.equal(isConnected(b.self, a), false)
  a.net.unblock(b.self)
  await until('together again', () => isConnected(a.self, b) && isConnected(b.self, a))
})

test('connect says what went wrong', async () => {
  const a = await makeNet()
  const gone = await makeNet()
  const [address] = gone.net.addrs()
  await gone.net.stop()
  await assert.rejects(a.net.connect('nonsense'), { code: 'INVALID_MULTIADDR' })
  await assert.rejects(a.net.connect('/ip4/127.0.0.1/udp/1'), { code: 'INVALID_MULTIADDR' })
  await assert.rejects(a.net.connect(a.net.addrs()[0]!), { code: 'INVALID_MULTIADDR' })
  await assert.rejects(a.net.connect(address!), { code: 'PEER_UNREACHABLE' })
  await assert.rejects(a.net.openStream(gone.self), { code: 'PEER_UNREACHABLE' })
  const other = await makeNet()
  const wrong = other.net.addrs()[0]!.replace(/p2p\/.*/, `p2p/${peerIdOf(gone.self)}`)
  await assert.rejects(a.net.connect(wrong), { code: 'PEER_UNREACHABLE', message: /another node answers/ })
  await assert.rejects(a.net.connect(address!, { signal: AbortSignal.abort(new Error('enough')) }), /enough/)
})

test('a circuit opens after too many protocol errors, for both directions, and closes again', async () => {
  const breaker = { threshold: 3, coolDownMs: 400 }
  const a = await makeNet({ breaker })
  const b = await makeNet({ bootstrap: a.net.addrs() })
  await until('connected', () => isConnected(b.self, a))
  a.net.penalize(b.self, 'first')
  a.net.penalize(b.self, 'second')
  assert.equal(a.net.circuit(b.self), 'closed')
  assert.ok(isConnected(b.self, a))
  a.net.penalize(b.self, 'third')
  assert.equal(a.net.circuit(b.self), 'open')
  await until('parted', () => !isConnected(b.self, a))
  assert.match(a.told.refused[0]!.reason, /broke the protocol too often/)
  await assert.rejects(a.net.connect(b.net.addrs()[0]!), { code: 'PEER_REFUSED' })
  await until('half-open', () => a.net.circuit(b.self) !== 'open')
  await until('it may try again', () => isConnected(b.self, a))
  await until('closed', () => a.net.circuit(b.self) === 'closed')
})

/** Peers that do it wrong: each harms its own connection only, is counted, and holds up nobody else. */
import './support.js'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect as connectSocket } from 'node:net'
import { afterEach, test } from 'node:test'
import { encode } from 'it-length-prefixed'
import type { Clock } from '../../src/base/index.js'
import { PROTOCOL, utf8 } from '../../src/base/index.js'
import { systemClock } from '../../src/base/system.js'
import type { SyncStream } from '../../src/net/index.js'
import type { PresenceMessage } from '../../src/wire/index.js'
import { RawPeer, recordsMessage } from '../hostile/raw-peer.js'
import type { TestNet } from './support.js'
import { DATABASE, isConnected, makeNet, readAll, stopAll, until } from './support.js'

const raws: RawPeer[] = []

afterEach(async () => {
  await Promise.all(raws.splice(0).map(raw => raw.stop()))
  await stopAll()
})

async function rawPeer(): Promise<RawPeer> {
  const raw = await RawPeer.start(DATABASE)
  raws.push(raw)
  return raw
}

/** Time of the net runs so many times faster. */
function fastClock(factor: number): Clock {
  const startMs = systemClock.now()
  return {
    now: () => Math.floor(startMs + (systemClock.now() - startMs) * factor),
    schedule: (delayMs, run) => systemClock.schedule(delayMs / factor, run)
  }
}

const STRICT = { breaker: { threshold: 1, coolDownMs: 60_000 } }

async function isCountedAndCut(node: TestNet, raw: RawPeer): Promise<void> {
  await until('counted', () => node.net.circuit(raw.self) === 'open')
  await until('cut', () => raw.node.getConnections().length === 0 && !isConnected(raw.self, node))
}

test('a right HELLO and a truly signed record are taken', async () => {
  const node = await makeNet(STRICT)
  const raw = await rawPeer()
  await raw.presence(await raw.dial(node.net.addrs()[0]!), raw.hello(), recordsMessage(raw.record()))
  await until('known', () => node.net.presence()[0]?.peer === raw.self && isConnected(raw.self, node))
  assert.equal(node.net.circuit(raw.self), 'closed')
})

test('wrong presence counts: a false signature, records before HELLO, two HELLOs, malformed and endless frames', async () => {
  const wrongs: ((raw: RawPeer) => (PresenceMessage | Uint8Array)[])[] = [
    raw => [raw.hello(), recordsMessage({ ...raw.record(), signature: new Uint8Array(64) })],
    raw => [recordsMessage(raw.record())],
    raw => [raw.hello(), raw.hello()],
    () => [utf8('nonsense')],
    raw => [raw.hello(), new Uint8Array([0x2a, 0])],
    () => [new Uint8Array(PROTOCOL.presenceFrameBytes + 1)]
  ]
  for (const wrong of wrongs) {
    const node = await makeNet(STRICT)
    const raw = await rawPeer()
    await raw.presence(await raw.dial(node.net.addrs()[0]!), ...wrong(raw))
    await isCountedAndCut(node, raw)
    assert.deepEqual(node.net.presence(), [])
    await node.net.stop()
  }
})

test('a frame over the bound on a sync stream resets it and counts', async () => {
  const node = await makeNet(STRICT)
  const errors: { code?: string }[] = []
  node.onStream = stream => readAll(stream).catch(error => errors.push(error))
  const raw = await rawPeer()
  const connection = await raw.dial(node.net.addrs()[0]!)
  await raw.presence(connection, raw.hello())
  const stream = await connection.newStream('/sync/ops/1.0.0')
  stream.send(encode.single(new Uint8Array(PROTOCOL.frameBytes)))
  stream.send(encode.single(new Uint8Array(PROTOCOL.frameBytes + 1)))
  await isCountedAndCut(node, raw)
  assert.equal(errors[0]?.code, 'PROTOCOL_ERROR')
})

test('a sync stream before the HELLO waits for it, and nothing that was sent meanwhile is lost', async () => {
  const node = await makeNet()
  const streams: SyncStream[] = []
  node.onStream = stream => streams.push(stream)
  const raw = await rawPeer()
  const connection = await raw.dial(node.net.addrs()[0]!)
  const stream = await connection.newStream('/sync/ops/1.0.0')
  stream.send(encode.single(utf8('early')))
  await stream.close()
  assert.deepEqual(streams, [])
  await raw.presence(connection, raw.hello())
  await until('handed over', () => streams.length === 1)
  assert.deepEqual(await readAll(streams[0]!), [new Uint8Array(utf8('early'))])
})

test('who never says HELLO is hung up on, and said so', async () => {
  const node = await makeNet({ clock: fastClock(20) })
  const raw = await rawPeer()
  await raw.dial(node.net.addrs()[0]!)
  await until('hung up', () => raw.node.getConnections().length === 0)
  assert.match(node.told.refused[0]!.reason, /did not answer on \/sync\/presence/)
  assert.deepEqual(node.told.connected, [])
})

test('a dialled node that is no natter is told apart', async () => {
  const raw = await rawPeer()
  const node = await makeNet()
  await assert.rejects(node.net.connect(String(raw.node.getMultiaddrs()[0])), {
    code: 'PEER_REFUSED',
    message: /no node of natter/
  })
  assert.equal(node.told.refused[0]!.peer, raw.self)
})

test('a hundred sockets that say nothing keep nobody out and are closed soon', async () => {
  const node = await makeNet()
  const port = Number(/\/tcp\/(\d+)\//.exec(node.net.addrs()[0]!)![1])
  const sockets: Socket[] = []
  let closed = 0
  for (let i = 0; i < 100; i++) {
    const socket = connectSocket(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.on('close', () => closed++)
    sockets.push(socket)
    await once(socket, 'connect')
  }
  const other = await makeNet({ bootstrap: node.net.addrs() })
  await until('joined', () => isConnected(node.self, other))
  await until('closed', () => closed === 100)
})

test('a gossip stream that died is noticed, and the connection made anew', async () => {
  const node = await makeNet({ gossip: true, clock: fastClock(10) })
  const raw = await rawPeer()
  const connection = await raw.dial(node.net.addrs()[0]!)
  await raw.presence(connection, raw.hello())
  const gossipStreams = (): number =>
    connection.streams.filter(({ protocol }) => protocol.startsWith('/meshsub/')).length
  await until('gossip runs', () => isConnected(raw.self, node) && gossipStreams() === 2)
  for (const stream of connection.streams) {
    if (stream.protocol.startsWith('/meshsub/')) stream.abort(new Error('a bug'))
  }
  await until('recycled', () => connection.status !== 'open')
  assert.equal(node.net.circuit(raw.self), 'closed')
})

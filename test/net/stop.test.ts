/** Stopping: quick, with nothing left that keeps a process alive and nothing thrown behind anybody's back. */
import './support.js'
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { peerIdOf } from '../../src/log/index.js'
import { PeerChild } from './peer-child.js'
import { DATABASE, isConnected, makeNet, prepareNet, stopAll, until } from './support.js'

const children: PeerChild[] = []

afterEach(async () => {
  await stopAll()
  await Promise.all(children.splice(0).map(child => child.end()))
})

test('a process ends by itself after stop, with peers connected and one unreachable', async () => {
  const listen = ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws']
  const a = await PeerChild.start({ database: DATABASE, listen })
  children.push(a)
  const nobody = '/ip4/127.0.0.1/tcp/1'
  const b = await PeerChild.start({ database: DATABASE, listen, bootstrap: [a.addrs[0]!, nobody] })
  children.push(b)
  await a.has('connected', b.peerId)
  for (const child of [b, a]) {
    const { code, tookMs } = await child.stop()
    assert.equal(code, 0, child.errors)
    assert.ok(child.told('stopped')!.tookMs! < 2000, `stop took ${child.told('stopped')!.tookMs} ms`)
    assert.ok(tookMs < 5000, `gone after ${tookMs} ms`)
    assert.equal(child.errors, '')
  }
})

test('a stopped net starts again and meets whom it knew', async () => {
  const a = await makeNet()
  const b = await prepareNet({ bootstrap: a.net.addrs() })
  await b.start()
  await until('connected', () => isConnected(a.self, b))
  await b.net.stop()
  await b.net.stop()
  assert.deepEqual(b.net.connected(), [])
  assert.deepEqual(b.net.addrs(), [])
  await assert.rejects(b.net.openStream(a.self), { code: 'NOT_READY' })
  await b.start()
  await until('connected again', () => isConnected(a.self, b))
  await assert.rejects(b.start(), TypeError)
})

test('a dial of a WebSocket that is given up at any moment leaves no error that nobody takes', async () => {
  const a = await makeNet()
  const b = await makeNet()
  const nobody = `/ip4/127.0.0.1/tcp/1/ws/p2p/${peerIdOf(b.self)}`
  await assert.rejects(a.net.connect(nobody))
  for (let turns = 0; turns < 60; turns++) {
    const controller = new AbortController()
    const failed = assert.rejects(a.net.connect(nobody, { signal: controller.signal }))
    for (let turn = 0; turn < turns; turn++) await new Promise<void>(resolve => setImmediate(resolve))
    controller.abort()
    await failed
  }
})

test('a stop in the middle of a start of connections is clean', async () => {
  const a = await makeNet({ gossip: true })
  for (let i = 0; i < 5; i++) {
    const b = await makeNet({ gossip: true, bootstrap: a.net.addrs() })
    await b.net.stop()
  }
  await until('all gone', () => a.net.connected().length === 0)
})

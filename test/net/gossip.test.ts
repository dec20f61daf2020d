/** Gossip between three real nodes: to everybody at once, and what is not valid goes no further. */
import './support.js'
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { PROTOCOL, utf8 } from '../../src/base/index.js'
import type { TestNet } from './support.js'
import { isConnected, makeNet, stopAll, until } from './support.js'

afterEach(stopAll)

/** a and c have no connection to each other: b is between them. */
async function line(): Promise<[TestNet, TestNet, TestNet]> {
  const b = await makeNet({ gossip: true })
  const a = await makeNet({ gossip: true, bootstrap: b.net.addrs(), allow: new Set([b.self]) })
  const c = await makeNet({ gossip: true, bootstrap: b.net.addrs(), allow: new Set([b.self]) })
  await until(
    'joined',
    () => isConnected(b.self, a) && isConnected(b.self, c) && b.net.connected().length === 2
  )
  return [a, b, c]
}

/** Publishes until it arrives: what is sent before the subscriptions were exchanged is lost, as promised. */
async function warmUp(from: TestNet, to: TestNet): Promise<void> {
  let n = 0
  await until('gossip flows', () => {
    from.net.publish(utf8(`warm ${n++}`))
    return to.told.gossip.length > 0
  })
}

const texts = (node: TestNet): string[] => node.told.gossip.map(({ data }) => Buffer.from(data).toString())

test('a message reaches everybody once, over a node between', async () => {
  const [a, b, c] = await line()
  await warmUp(a, c)
  a.net.publish(utf8('news'))
  await until('arrived', () => texts(b).includes('news') && texts(c).includes('news'))
  a.net.publish(utf8('news')) // the same content again is the same message
  a.net.publish(utf8('more'))
  await until('arrived', () => texts(b).includes('more') && texts(c).includes('more'))
  assert.equal(texts(b).filter(text => text === 'news').length, 1)
  assert.equal(texts(c).filter(text => text === 'news').length, 1)
  assert.equal(b.told.gossip.find(({ data }) => Buffer.from(data).toString() === 'news')?.from, a.self)
  assert.equal(c.told.gossip.find(({ data }) => Buffer.from(data).toString() === 'news')?.from, b.self)
})

test('what a node rejects or ignores is not passed on', async () => {
  const [a, b, c] = await line()
  await warmUp(a, c)
  b.onGossip = data => (data[0] === 1 ? 'accept' : data[0] === 2 ? 'ignore' : 'reject')
  for (const first of [2, 3, 1]) a.net.publish(new Uint8Array([first, 9]))
  await until('the good one arrived', () => c.told.gossip.some(({ data }) => data[0] === 1 && data[1] === 9))
  assert.deepEqual(
    b.told.gossip.flatMap(({ data }) => (data[1] === 9 && data.length === 2 ? [data[0]] : [])).sort(),
    [1, 2, 3]
  )
  assert.ok(!c.told.gossip.some(({ data }) => (data[0] === 2 || data[0] === 3) && data[1] === 9))
})

test('publishing never fails: alone, too large, stopped, or without gossip', async () => {
  const alone = await makeNet({ gossip: true })
  alone.net.publish(utf8('anybody?'))
  alone.net.publish(new Uint8Array(PROTOCOL.gossipBytes + 1))
  await alone.net.stop()
  alone.net.publish(utf8('too late'))
  const silent = await makeNet({ gossip: false })
  silent.net.publish(utf8('nothing'))
})

test('a message of the largest size arrives whole', async () => {
  const [a, , c] = await line()
  await warmUp(a, c)
  const data = new Uint8Array(PROTOCOL.gossipBytes).map((_, i) => i % 253)
  a.net.publish(data)
  await until('arrived', () => c.told.gossip.some(message => message.data.length === data.length))
  assert.deepEqual(c.told.gossip.find(message => message.data.length === data.length)!.data, data)
})

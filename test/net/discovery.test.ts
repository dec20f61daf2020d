/** Finding each other on the local network by mDNS, in namespaces that this test makes: never on a real interface. */
import './support.js'
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import type { HostPair } from '../support/netns.js'
import { hostPair, loneHost } from '../support/netns.js'
import { PeerChild } from './peer-child.js'

const BLUE = 'aa'.repeat(32)
const RED = 'bb'.repeat(32)
const children: PeerChild[] = []
const hosts: { end(): Promise<void> }[] = []

afterEach(async () => {
  await Promise.all(children.splice(0).map(child => child.end()))
  await Promise.all(hosts.splice(0).map(host => host.end()))
})

async function start(...given: Parameters<typeof PeerChild.start>): Promise<PeerChild> {
  const child = await PeerChild.start(...given)
  children.push(child)
  return child
}

test('two nodes of one network on one host find each other; one of another network is left alone', async t => {
  const host = await loneHost()
  if (host === undefined) {
    t.diagnostic('this machine allows no network namespaces: nothing was tested here')
    return
  }
  hosts.push(host)
  const listen = ['/ip4/127.0.0.1/tcp/0']
  const a = await start({ database: BLUE, listen, mdns: true }, host.name)
  const other = await start({ database: RED, listen, mdns: true }, host.name)
  const b = await start({ database: BLUE, listen, mdns: true }, host.name)
  await a.has('connected', b.peerId)
  await b.has('connected', a.peerId)
  await b.has('presence', a.peerId)
  assert.ok(a.told('discovered', b.peerId) !== undefined || b.told('discovered', a.peerId) !== undefined)
  const c = await start({ database: RED, listen, mdns: true }, host.name)
  await other.has('connected', c.peerId)
  for (const [one, foreign] of [
    [a, other],
    [b, other],
    [other, a],
    [c, b]
  ] as const) {
    assert.equal(one.told('discovered', foreign.peerId), undefined)
    assert.equal(one.told('refused'), undefined)
  }
})

test('two hosts on one cable find each other, lose each other and meet again', async t => {
  const pair: HostPair | undefined = await hostPair()
  if (pair === undefined) {
    t.diagnostic('this machine allows no network namespaces: nothing was tested here')
    return
  }
  hosts.push(pair)
  const listen = ['/ip4/0.0.0.0/tcp/0']
  const psk = '5a'.repeat(32)
  const a = await start({ database: BLUE, listen, mdns: true, psk }, pair.names[0])
  const b = await start({ database: BLUE, listen, mdns: true, psk }, pair.names[1])
  await a.has('connected', b.peerId)
  await b.has('connected', a.peerId)
  assert.ok(a.addrs.some(addr => addr.startsWith(`/ip4/${pair.addresses[0]}/tcp/`)))
  await pair.cable(false)
  await a.has('disconnected', b.peerId)
  await b.has('disconnected', a.peerId)
  a.events.length = 0
  b.events.length = 0
  await pair.cable(true)
  await a.has('connected', b.peerId)
  await b.has('connected', a.peerId)
})

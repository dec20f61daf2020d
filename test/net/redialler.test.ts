/** The redialler, the breaker and the choice of targets on a clock of the test's own. */
import '../../src/polyfills.js'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Author } from '../../src/log/index.js'
import { peerIdOf } from '../../src/log/index.js'
import type { PeerAddress } from '../../src/net/address.js'
import { parseAddress } from '../../src/net/address.js'
import { Breaker } from '../../src/net/breaker.js'
import { DialledSelf, Redialler } from '../../src/net/redialler.js'
import { chooseTargets, FULL_MESH_NODES } from '../../src/net/targets.js'
import { ManualClock, settled } from './manual-clock.js'

const author = (n: number): Author => n.toString(16).padStart(64, '0') as Author
const address = (n: number): PeerAddress => parseAddress(`/ip4/127.0.0.1/tcp/${1000 + n}`)

function harness(fraction = 1) {
  const clock = new ManualClock()
  const connected = new Set<Author>()
  const hindered = new Set<Author>()
  const enough = { value: false }
  const dials: { atMs: number; addrs: string[]; settle: PromiseWithResolvers<Author> }[] = []
  const redialler = new Redialler({
    clock,
    random: { bytes: length => new Uint8Array(length), fraction: () => fraction },
    dial: addrs => {
      const settle = Promise.withResolvers<Author>()
      dials.push({ atMs: clock.now(), addrs: addrs.map(({ text }) => text), settle })
      return settle.promise
    },
    connected: peer => connected.has(peer),
    first: peer => peer < author(100),
    enough: () => enough.value,
    hindrance: peer => (hindered.has(peer) ? 'not now' : undefined),
    log: () => undefined
  })
  return { clock, connected, hindered, enough, dials, redialler }
}

test('a dead address is dialled for ever, under a bound that doubles to 30 s', async () => {
  const { clock, dials, redialler } = harness()
  redialler.setTargets(new Map([[author(1), [address(1)]]]))
  redialler.start()
  for (let i = 0; i < 20; i++) {
    await clock.advance(30_000)
    dials.at(-1)!.settle.reject(new Error('nobody there'))
    await settled()
  }
  const waits = dials.map(({ atMs }, i) => (i === 0 ? 0 : atMs - dials[i - 1]!.atMs))
  assert.ok(dials.length >= 19)
  assert.ok(waits.every(wait => wait <= 60_000))
  const state = redialler.state(author(1))!
  assert.equal(state.failures, dials.length)
  assert.equal(state.lastError, 'nobody there')
  assert.equal(state.nextTryAtMs, clock.now() + 30_000)
})

test('the waits double from one second under full jitter, and a disconnect begins anew', async () => {
  const { clock, connected, dials, redialler } = harness()
  redialler.setTargets(new Map([[author(1), [address(1)]]]))
  redialler.start()
  for (const waitMs of [1000, 2000, 4000, 8000]) {
    dials.at(-1)!.settle.reject(new Error('no'))
    await settled()
    const before = dials.length
    await clock.advance(waitMs - 1)
    assert.equal(dials.length, before)
    await clock.advance(1)
    assert.equal(dials.length, before + 1)
  }
  connected.add(author(1))
  dials.at(-1)!.settle.resolve(author(1))
  await settled()
  assert.deepEqual(redialler.state(author(1)), {
    peer: author(1),
    failures: 0,
    lastError: null,
    nextTryAtMs: null
  })
  await clock.advance(60_000)
  assert.equal(dials.length, 5)
  connected.clear()
  redialler.disconnected(author(1))
  await clock.advance(500)
  assert.equal(dials.length, 6)
})

test('at most eight dials are under way, and a discovered peer does not wait', async () => {
  const { dials, redialler } = harness()
  redialler.start()
  redialler.setTargets(new Map(Array.from({ length: 20 }, (_, i) => [author(i), [address(i)]])))
  await settled()
  assert.equal(dials.length, 8)
  dials[0]!.settle.reject(new Error('no'))
  await settled()
  assert.equal(dials.length, 9)
  redialler.kick(author(0))
  for (const { settle } of [...dials]) settle.reject(new Error('no'))
  await settled()
  assert.equal(dials.length, 17)
  assert.equal(dials.filter(({ addrs }) => addrs[0]!.endsWith('/1000')).length <= 2, true)
})

test('who is hindered is not dialled, who is no target any more is forgotten, a bootstrap address is kept', async () => {
  const { clock, hindered, dials, redialler } = harness(0)
  hindered.add(author(1))
  redialler.start()
  redialler.setTargets(new Map([[author(1), [address(1)]]]))
  await clock.advance(10)
  assert.equal(dials.length, 0)
  assert.equal(redialler.state(author(1))!.lastError, 'not now')
  hindered.clear()
  redialler.kick(author(1))
  assert.equal(dials.length, 1)
  redialler.setTargets(new Map())
  assert.equal(redialler.state(author(1)), undefined)
  redialler.addBootstrap(address(7))
  redialler.setTargets(new Map())
  assert.equal(dials.length, 2)
  dials[1]!.settle.reject(new DialledSelf('me'))
  await clock.advance(60_000)
  assert.equal(dials.length, 2)
})

test('a bootstrap address rests while enough others are connected, a target does not', async () => {
  const { clock, enough, dials, redialler } = harness()
  enough.value = true
  redialler.start()
  const own = parseAddress(`/ip4/127.0.0.1/tcp/1/p2p/${peerIdOf(author(5))}`)
  redialler.addBootstrap(own)
  redialler.setTargets(new Map([[author(1), [address(1)]]]))
  await clock.advance(100)
  assert.deepEqual(
    dials.map(({ addrs }) => addrs),
    [[address(1).text]]
  )
  enough.value = false
  await clock.advance(30_000)
  assert.equal(dials.length, 2)
})

test('the second of two that learn of each other waits for the first', async () => {
  const { clock, connected, dials, redialler } = harness()
  redialler.start()
  redialler.setTargets(new Map([101, 102].map(n => [author(n), [address(n)]])))
  await clock.advance(999)
  assert.equal(dials.length, 0)
  connected.add(author(101))
  redialler.connected(author(101))
  await clock.advance(1)
  assert.deepEqual(
    dials.map(({ addrs }) => addrs),
    [[address(102).text]]
  )
})

test('nothing is dialled after stop, and again after start', async () => {
  const { clock, dials, redialler } = harness()
  redialler.start()
  redialler.addBootstrap(address(1))
  dials[0]!.settle.reject(new Error('no'))
  await settled()
  redialler.stop()
  await clock.advance(100_000)
  assert.equal(dials.length, 1)
  redialler.start()
  assert.equal(dials.length, 2)
})

test('the breaker opens at its threshold, forgets with time, and is strict while half-open', () => {
  const breaker = new Breaker({ threshold: 3, coolDownMs: 1000 })
  const peer = author(1)
  assert.equal(breaker.fail(peer, 0), false)
  assert.equal(breaker.fail(peer, 10), false)
  assert.equal(breaker.fail(peer, 2010), false) // two quiet cool-downs forgot two
  assert.equal(breaker.fail(peer, 2020), false)
  assert.equal(breaker.fail(peer, 2030), true)
  assert.equal(breaker.state(peer, 2030), 'open')
  assert.equal(breaker.fail(peer, 2040), false)
  assert.equal(breaker.state(peer, 3039), 'open')
  assert.equal(breaker.state(peer, 3040), 'half-open')
  assert.equal(breaker.fail(peer, 3050), true)
  assert.equal(breaker.state(peer, 4050), 'half-open')
  assert.equal(breaker.state(peer, 5050), 'closed')
  assert.equal(breaker.fail(peer, 5060), false)
  assert.equal(breaker.state(author(2), 0), 'closed')
})

test('everybody is a target up to nine nodes; above, few are, and the ring joins all', () => {
  const self = author(0)
  const candidate = (n: number) => ({ peer: author(n), rttMs: null, connected: false, failures: 0 })
  const few = Array.from({ length: FULL_MESH_NODES - 1 }, (_, i) => candidate(i + 1))
  assert.equal(chooseTargets(self, few, () => 0).size, FULL_MESH_NODES - 1)

  const all = Array.from({ length: 100 }, (_, n) => author(n))
  const chance = (peer: Author): number => (Number.parseInt(peer.slice(-4), 16) * 7919) % 101
  const reached = new Set<Author>([author(0)])
  const queue = [author(0)]
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const others = all.flatMap((peer, n) => (peer === next ? [] : [candidate(n)]))
    const targets = chooseTargets(next, others, chance)
    assert.ok(targets.size <= 8, `${targets.size} targets`)
    const n = all.indexOf(next)
    for (const after of [1, 2]) assert.ok(targets.has(author((n + after) % 100)))
    for (const peer of targets) if (!reached.has(peer)) queue.push(peer) && reached.add(peer)
  }
  assert.equal(reached.size, 100)
})

test('an absent neighbour on the ring keeps its place and is stood in for; near nodes are kept', () => {
  const candidates = Array.from({ length: 20 }, (_, i) => ({
    peer: author(i + 1),
    rttMs: i >= 10 ? i : null,
    connected: i >= 10,
    failures: i === 0 ? 5 : 0
  }))
  const targets = chooseTargets(author(0), candidates, () => 0)
  for (const n of [1, 2, 3]) assert.ok(targets.has(author(n)), `${n}`)
  for (const n of [11, 12, 13, 14]) assert.ok(targets.has(author(n)), `${n}`)
})

/**
 * Crashes of real processes: random SIGKILLs under load, and an old raw copy of a directory put back.
 * `NATTER_CHAOS_SECONDS` sets how long the killing goes on (15 by default).
 */
import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import { afterEach, test } from 'node:test'
import { connectedTo, equalDigests } from '../support/cluster.js'
import type { PeerProcess } from '../support/peer-process.js'
import { Fleet } from '../support/peer-process.js'
import { seededFractions, testSeed } from '../support/random.js'
import { until } from '../support/until.js'

let fleet = new Fleet()
afterEach(async () => {
  await fleet.end()
  fleet = new Fleet()
})

const CHAOS_MS = Number(process.env['NATTER_CHAOS_SECONDS'] ?? 15) * 1000

/** Writes in turn to whichever of the peers lives, until told to stop; remembers what was acknowledged. */
class Load {
  readonly acked = new Map<string, number>()
  readonly #peers: readonly PeerProcess[]
  readonly #fraction: () => number
  #count = 0
  stopped = false

  constructor(peers: readonly PeerProcess[], fraction: () => number) {
    this.#peers = peers
    this.#fraction = fraction
  }

  async run(): Promise<void> {
    while (!this.stopped) await this.#write(this.#count++)
  }

  /** One op with a client id, handed to a peer and, when that gave no answer, to another. */
  async #write(n: number): Promise<void> {
    const op = { id: `write-${n}`, kind: 'put', key: `key-${n}`, value: n }
    for (let tries = 0; tries < 2; tries++) {
      const peer = this.#peers[Math.floor(this.#fraction() * this.#peers.length)]!
      const answer = await peer
        .request('POST', '/p2p/ops', { from: 'load', ops: [op] })
        .catch(() => undefined)
      if (answer?.status === 200 && answer.body.acked_ids.includes(op.id)) this.acked.set(op.key, n)
    }
  }
}

test('under random SIGKILLs nothing acknowledged is lost and no client id takes effect twice', async () => {
  const fraction = seededFractions(testSeed('random SIGKILLs'))
  const first = await fleet.start('n0')
  const peers = [
    first,
    await fleet.start('n1', ['--bootstrap', first.addr]),
    await fleet.start('n2', ['--bootstrap', first.addr])
  ]
  for (const peer of peers) await connectedTo(peer, 2)
  const load = new Load(peers, fraction)
  const running = load.run()
  const end = performance.now() + CHAOS_MS
  let kills = 0
  while (performance.now() < end) {
    const victim = Math.floor(fraction() * peers.length)
    const goal = load.acked.size + 5 + Math.floor(fraction() * 30)
    await until('the load goes on', 30_000, () => load.acked.size >= goal)
    await peers[victim]!.stop('SIGKILL')
    kills++
    peers[victim] = await fleet.restart(peers[victim]!)
  }
  load.stopped = true
  await running
  console.log(`${kills} kills, ${load.acked.size} acknowledged writes`)
  assert.ok(kills > 0)
  await equalDigests(peers, 60_000)
  const values = await valuesOf(peers[0]!)
  for (const [key, value] of load.acked) assert.equal(values.get(key), value, `${key} is there`)
  for await (const conflict of conflictsOf(peers[0]!))
    assert.fail(`two effects of one id: ${JSON.stringify(conflict)}`)
})

async function valuesOf(peer: PeerProcess): Promise<Map<string, unknown>> {
  const values = new Map<string, unknown>()
  for (let next: string | null = ''; next !== null; ) {
    const { body } = await peer.get(`/kv?gt=${encodeURIComponent(next)}`)
    for (const { key, value } of body.items) values.set(key, value)
    next = body.next ?? null
  }
  return values
}

async function* conflictsOf(peer: PeerProcess): AsyncGenerator<unknown> {
  const { body } = await peer.get('/conflicts')
  yield* body.conflicts
}

test('a raw copy put back that writes before it meets anybody loses nothing and ends equal', async () => {
  let a = await fleet.start('a')
  let b = await fleet.start('b', ['--bootstrap', a.addr])
  await connectedTo(a, 1)
  await a.put('one', 1)
  await a.stop('SIGKILL')
  const copy = await fleet.dir('copy')
  await cp(a.init.dataDir, copy, { recursive: true })
  a = await fleet.restart(a)
  await connectedTo(a, 1)
  const spread = await a.put('two', 2, '?ack=1&wait=10s')
  assert.equal(spread.status, 200)
  await a.stop()
  await b.stop()
  await rm(a.init.dataDir, { recursive: true })
  await cp(copy, a.init.dataDir, { recursive: true })
  a = await fleet.restart(a)
  assert.equal(await a.value('two'), undefined)
  assert.equal((await a.put('three', 3)).status, 200)
  b = await fleet.restart(b)
  await equalDigests([a, b])
  for (const peer of [a, b]) {
    assert.deepEqual(await Promise.all(['one', 'two', 'three'].map(key => peer.value(key))), [1, 2, 3])
  }
})

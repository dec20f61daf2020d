/**
 * Links that drop packets without a word between three hosts, each a network namespace with one node. Writing goes on at
 * all of them. One campaign with parameters: `npm test` runs short partitions, `npm run test:long` longer ones.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectedTo, equalDigests } from '../support/cluster.js'
import { Load } from '../support/load.js'
import type { Star } from '../support/netns.js'
import { star } from '../support/netns.js'
import type { Fleet } from '../support/peer-process.js'
import { PeerProcess } from '../support/peer-process.js'
import { seededFractions } from '../support/random.js'
import { Relay } from '../support/relay.js'
import { until } from '../support/until.js'

/** What may pass until both ends of a dead link say so. */
const DETECTED_WITHIN_MS = 30_000
/** The longest wait of the redialler, and what a dial and the exchange after it may take. */
const EQUAL_WITHIN_MS = 30_000 + 10_000
const WRITE_EVERY_MS = 50

/** A direction in which packets are dropped: from one host to another, by number. */
export type Cut = readonly [from: number, to: number]

export interface PartitionInit {
  readonly seed: number
  readonly cuts: readonly Cut[]
  /** Milliseconds that the cuts last after they were noticed. */
  readonly heldMs: number
  /** A write of `from` arrives at `to` while the direct link is cut. */
  readonly around?: Cut
  readonly tell: (line: string) => void
}

export interface Hosts {
  readonly net: Star
  readonly peers: readonly PeerProcess[]
  end(): Promise<void>
}

/** Three connected nodes on three hosts; undefined where the machine allows no namespaces. */
export async function threeHosts(fleet: Fleet): Promise<Hosts | undefined> {
  const net = await star(3)
  if (net === undefined) return undefined
  const relays = net.names.map(name => new Relay(name))
  const end = async (): Promise<void> => {
    await fleet.end()
    for (const relay of relays) relay.end()
    await net.end()
  }
  try {
    const peers: PeerProcess[] = []
    for (const [at, netns] of net.names.entries()) {
      const first = peers[0]?.ready.addrs.find(addr => addr.includes('/10.99.'))
      const args = ['--listen', `/ip4/${net.addresses[at]}/tcp/0`, '--open', '--name', `host-${at}`]
      const peer = await PeerProcess.start({
        dataDir: await fleet.dir(`host-${at}`),
        args: first === undefined ? args : [...args, '--bootstrap', first],
        netns,
        fetch: relays[at]!.fetch
      })
      peers.push(fleet.adopt(peer))
    }
    for (const peer of peers) await connectedTo(peer, 2)
    return { net, peers, end }
  } catch (error) {
    await end()
    throw error
  }
}

/** Cuts, waits until both ends of each cut link know, heals, and looks that nothing is missing. */
export async function partition({ net, peers }: Hosts, init: PartitionInit): Promise<void> {
  const load = new Load({ peers, fraction: seededFractions(init.seed), everyMs: WRITE_EVERY_MS })
  load.start()
  await until('the load runs', 20_000, () => load.writes > 20)
  for (const [from, to] of init.cuts) await net.cut(from, to)
  const cutAt = performance.now()
  await Promise.all(
    init.cuts.flatMap(([from, to]) => [
      until(`host ${from} notices`, DETECTED_WITHIN_MS, () => isOffline(peers[from]!, peers[to]!)),
      until(`host ${to} notices`, DETECTED_WITHIN_MS, () => isOffline(peers[to]!, peers[from]!))
    ])
  )
  const noticedMs = performance.now() - cutAt
  if (init.around !== undefined) await arrivesAround(peers, init.around)
  const before = load.writes
  await sleep(init.heldMs)
  await until('writing goes on at a cut host', 20_000, () => load.writes > before)
  for (const [from, to] of init.cuts) await net.mend(from, to)
  const mendedAt = performance.now()
  await load.stop()
  await equalDigests(peers, EQUAL_WITHIN_MS)
  const equalMs = performance.now() - mendedAt
  await allCurrent(peers)
  await load.check(peers[0]!)
  init.tell(
    `noticed after ${Math.round(noticedMs)} ms, equal ${Math.round(equalMs)} ms after the mending, ` +
      `${load.writes} writes`
  )
}

/** Links that come and go before anybody can notice, and in between. */
export async function flapping(
  { net, peers }: Hosts,
  init: { seed: number; forMs: number; tell: (line: string) => void }
): Promise<void> {
  const fraction = seededFractions(init.seed)
  const load = new Load({ peers, fraction: seededFractions(init.seed + 1), everyMs: WRITE_EVERY_MS })
  load.start()
  const end = performance.now() + init.forMs
  let flaps = 0
  while (performance.now() < end) {
    const from = Math.floor(fraction() * 3)
    const to = (from + 1 + Math.floor(fraction() * 2)) % 3
    await net.cut(from, to)
    await sleep(200 + fraction() * 3000)
    await net.mend(from, to)
    await sleep(fraction() * 500)
    flaps++
  }
  const mendedAt = performance.now()
  await load.stop()
  await equalDigests(peers, EQUAL_WITHIN_MS)
  const equalMs = performance.now() - mendedAt
  await allCurrent(peers)
  await load.check(peers[0]!)
  init.tell(`${flaps} flaps, equal ${Math.round(equalMs)} ms after the last, ${load.writes} writes`)
}

async function isOffline(peer: PeerProcess, other: PeerProcess): Promise<boolean> {
  return (await stateOf(peer, other)) === 'offline'
}

async function stateOf(peer: PeerProcess, other: PeerProcess): Promise<string | undefined> {
  const { body } = await peer.get('/peers')
  return body.peers.find((known: { peer: string }) => known.peer === other.peerId)?.state
}

/** No cursor is stuck: everybody counts everybody as current again. */
async function allCurrent(peers: readonly PeerProcess[]): Promise<void> {
  for (const peer of peers) {
    for (const other of peers) {
      if (other === peer) continue
      await until('the others are current', EQUAL_WITHIN_MS, async () => {
        return (await stateOf(peer, other)) === 'current'
      })
    }
  }
}

/** The third host passes on what the direct link does not carry. */
async function arrivesAround(peers: readonly PeerProcess[], [from, to]: Cut): Promise<void> {
  assert.equal((await peers[from]!.put('around', 'the third host')).status, 200)
  await until('the third host passes it on', 10_000, async () => {
    return (await peers[to]!.value('around')) === 'the third host'
  })
}

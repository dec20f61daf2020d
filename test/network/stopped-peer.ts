/**
 * A peer that stands still (SIGSTOP: its kernel takes connections, its program says nothing) while others go on. One
 * campaign in two sizes: `npm test` runs the small one, `npm run test:long` the whole.
 *
 * The writer's memory is compared with itself: first it writes half as much with everybody awake, which fills all its
 * caches and brings the collector to its usual height; what it takes beyond that peak is the price of the stopped peer.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectedTo, equalDigests } from '../support/cluster.js'
import { Load } from '../support/load.js'
import type { Fleet, PeerProcess } from '../support/peer-process.js'
import { diskBytes, mib, residentMib, Sampler } from '../support/process-stats.js'
import { seededFractions } from '../support/random.js'
import { until } from '../support/until.js'

const KIB = 1024
const SAMPLE_EVERY_MS = 50
const EQUAL_WITHIN_MS = 120_000
/** Bytes on disk for one of a value: in the log and as the state, a level of both being compacted, and the write-ahead log. */
const DISK_FACTOR = 3.5
/** Callers that write at the same time. */
const WRITERS = 4
const VALUE_BYTES = [64, 128, 192, 255].map(size => size * KIB)

/**
 * MiB by which the writer may grow: 16 for the peer, and 64 for the collector, whose height differs by up to 46 between
 * two runs with everybody awake. A backlog held in memory would be 100 MB and more.
 */
export const GROWTH_CAP_MIB = 16 + 64

export interface StoppedPeerInit {
  /** Bytes written while the peer stands still. */
  readonly bytes: number
  readonly tell: (line: string) => void
}

export interface StoppedPeerReport {
  /** MiB of the writer's peak while the peer stood still beyond its peak while all were awake. */
  readonly growthMib: number
}

/** A writer, a peer that stands still, and one that does not. All three are equal at the end. */
export async function stoppedPeer(fleet: Fleet, init: StoppedPeerInit): Promise<StoppedPeerReport> {
  const writer = await fleet.start('writer')
  const still = await fleet.start('still', ['--bootstrap', writer.addr])
  const awake = await fleet.start('awake', ['--bootstrap', writer.addr])
  const all = [writer, still, awake]
  for (const peer of all) await connectedTo(peer, 2)

  const sampler = new Sampler(SAMPLE_EVERY_MS, () => residentMib(writer.ready.pid))
  try {
    await writeMuch(writer, 'before', init.bytes / 2)
    await equalDigests(all, EQUAL_WITHIN_MS)
    const peakBefore = sampler.takePeak()
    process.kill(still.ready.pid, 'SIGSTOP')
    const startedAt = performance.now()
    await writeMuch(writer, 'meanwhile', init.bytes)
    const writtenMs = performance.now() - startedAt
    await equalDigests([writer, awake], EQUAL_WITHIN_MS + writtenMs)
    const othersMs = performance.now() - startedAt - writtenMs
    await hasStopped(still)
    const peakMeanwhile = sampler.takePeak()
    process.kill(still.ready.pid, 'SIGCONT')
    const wokenAt = performance.now()
    await equalDigests(all, EQUAL_WITHIN_MS + writtenMs)
    const growthMib = peakMeanwhile - peakBefore
    const onDisk = (await diskBytes(writer.init.dataDir)) / (1.5 * init.bytes)
    assert.ok(onDisk <= DISK_FACTOR, `the writer's directory holds ${onDisk} times what was written`)
    init.tell(
      `${mib(init.bytes)} MiB in ${Math.round(writtenMs)} ms, the other peer equal ${Math.round(othersMs)} ms later; ` +
        `writer ${Math.round(peakBefore)} MiB before, ${Math.round(peakMeanwhile)} MiB meanwhile, ` +
        `${Math.round(sampler.takePeak())} MiB while the peer caught up; ` +
        `${onDisk.toFixed(2)} times the values on disk; all equal ${Math.round(performance.now() - wokenAt)} ms after SIGCONT`
    )
    return { growthMib }
  } finally {
    sampler.stop()
  }
}

/** All write; one peer stands still again and again, shorter and longer than the others wait for it. */
export async function blockedLoop(
  fleet: Fleet,
  init: { forMs: number; times: number; tell: (line: string) => void }
): Promise<void> {
  const first = await fleet.start('a')
  const peers = [first]
  for (const name of ['b', 'c']) peers.push(await fleet.start(name, ['--bootstrap', first.addr]))
  for (const peer of peers) await connectedTo(peer, 2)
  const load = new Load({ peers, fraction: seededFractions(init.forMs), everyMs: 20 })
  load.start()
  for (let time = 0; time < init.times; time++) {
    const before = load.writes
    await until('the load runs', 20_000, () => load.writes > before + 20)
    process.kill(peers[1]!.ready.pid, 'SIGSTOP')
    await sleep(init.forMs)
    process.kill(peers[1]!.ready.pid, 'SIGCONT')
  }
  const wokenAt = performance.now()
  await load.stop()
  await equalDigests(peers, EQUAL_WITHIN_MS)
  init.tell(`equal ${Math.round(performance.now() - wokenAt)} ms after SIGCONT, ${load.writes} writes`)
  await load.check(first)
  for (const peer of peers) {
    assert.equal((await peer.request('POST', '/verify', {})).body.ok, true)
    const { body } = await peer.get('/peers')
    for (const { circuit } of body.peers) assert.equal(circuit, 'closed')
  }
}

/** Values of 64 to 255 KiB that no compression makes smaller, each under a key of its own, several in a batch. */
async function writeMuch(peer: PeerProcess, prefix: string, bytes: number): Promise<void> {
  let left = bytes
  let count = 0
  const batch = () =>
    VALUE_BYTES.map(size => {
      left -= size
      const value = randomBytes(size)
        .toString('base64url')
        .slice(0, size - 2)
      return { type: 'put', key: `${prefix}-${count++}`, value }
    })
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      while (left > 0) {
        const { status, body } = await peer.request('POST', '/batch', { ops: batch() })
        assert.equal(status, 200, JSON.stringify(body))
      }
    })
  )
}

/** It did stand still all the time: the test would prove nothing otherwise. */
async function hasStopped(peer: PeerProcess): Promise<void> {
  assert.match(await readFile(`/proc/${peer.ready.pid}/status`, 'utf8'), /^State:\s+T/m)
}

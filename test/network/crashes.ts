/** SIGKILLs at random moments under load, also while a node starts, and what must hold afterwards. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectedTo, equalDigests } from '../support/cluster.js'
import { Load } from '../support/load.js'
import { BIN, Fleet, type PeerProcess } from '../support/peer-process.js'
import { seededFractions } from '../support/random.js'

/** Milliseconds between the writes of one writer. */
const WRITE_EVERY_MS = 5
/** A node lives for up to so long before it is killed. */
const LIVES_MS = 1_000
/** A start is cut off within so long: modules are loaded, the directory is opened, the network is joined. */
const STARTS_MS = 2_000
/** Share of the starts that are cut off. */
const CUT_STARTS = 0.3
/** Milliseconds for the nodes to come to the same state. */
const CONVERGE_MS = 60_000

export interface KillsInit {
  readonly seed: number
  /** Nodes that may be down at a time. */
  readonly atOnce: 1 | 3
  /** Whether there were kills enough, or it took long enough. */
  readonly enough: (kills: number) => boolean
}

export interface Killed {
  readonly kills: number
  /** Of these while the node was starting. */
  readonly starting: number
  readonly writes: number
}

export async function killAtRandom({ seed, atOnce, enough }: KillsInit): Promise<Killed> {
  const fleet = new Fleet()
  const fraction = seededFractions(seed)
  try {
    const first = await fleet.start('n0')
    const peers = [first]
    for (const name of ['n1', 'n2']) peers.push(await fleet.start(name, ['--bootstrap', first.addr]))
    for (const peer of peers) await connectedTo(peer, 2)
    const load = new Load({ peers, fraction, everyMs: WRITE_EVERY_MS })
    load.start()
    const count = { kills: 0, starting: 0 }
    const killOne = async (at: number): Promise<void> => {
      await sleep(fraction() * LIVES_MS)
      await peers[at]!.stop('SIGKILL')
      count.kills++
      while (fraction() < CUT_STARTS) {
        await cutStart(peers[at]!, fraction() * STARTS_MS)
        count.kills++
        count.starting++
      }
      peers[at] = await fleet.restart(peers[at]!)
    }
    const killers = Array.from({ length: atOnce }, async (_, own) => {
      while (!enough(count.kills)) await killOne(atOnce === 1 ? Math.floor(fraction() * peers.length) : own)
    })
    await Promise.all(killers)
    await load.stop()
    await equalDigests(peers, CONVERGE_MS)
    for (const peer of peers) await load.check(peer)
    await isSound(peers)
    return { ...count, writes: load.writes }
  } finally {
    await fleet.end()
  }
}

/** Starts a node and kills it after so many milliseconds, whatever it is doing. */
async function cutStart({ init }: PeerProcess, afterMs: number): Promise<void> {
  const args = ['up', '--json', '--data', init.dataDir, '--http', '0', '--no-mdns', ...(init.args ?? [])]
  const child = spawn(process.execPath, [BIN, ...args], { stdio: 'ignore' })
  const ended = once(child, 'close')
  await sleep(afterMs)
  child.kill('SIGKILL')
  const [code] = (await ended) as [number | null]
  assert.equal(code, null, 'a start after a SIGKILL does not fail')
}

/** Chain, checksums and state are as the log says, on every node. */
async function isSound(peers: readonly PeerProcess[]): Promise<void> {
  for (const peer of peers) {
    const { body } = await peer.request('POST', '/verify', {})
    assert.equal(body.ok, true, JSON.stringify(body))
  }
}

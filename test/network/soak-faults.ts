/**
 * What the soak does to its nodes, by chance. Node 0 is never ended, so that growth over the whole time can be seen in
 * it; everything else happens to it as well. What throws a disk away waits until all nodes are equal: what only one disk
 * has is lost with it, and no test may ask for it afterwards.
 */
import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { equalDigests } from '../support/cluster.js'
import type { Load } from '../support/load.js'
import type { PeerProcess } from '../support/peer-process.js'

/** In which all must be equal while writing pauses. */
const EQUAL_WITHIN_MS = 90_000
/** Longer than a silent peer is waited for. */
const LONG_STOP_MS = 18_000

export interface Ground {
  /** As they are now. */
  readonly peers: PeerProcess[]
  readonly load: Load
  readonly fraction: () => number
  readonly counts: Record<FaultName, number>
  /** Ends a node with this signal. Rejects when it does not end as it should. */
  end(at: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
  /** Starts it on its directory. */
  start(at: number): Promise<void>
  copyOf(at: number): string
  /** Those of which there is a raw copy. */
  readonly copied: Set<number>
}

export type FaultName = 'kill' | 'restart' | 'stop' | 'pause' | 'copy' | 'lose'

interface Fault {
  readonly name: FaultName
  /** How often, in relation to the others. */
  readonly weight: number
  /** It ends the process: not for node 0. */
  readonly ends: boolean
  /** Nothing else may be going on. */
  readonly alone: boolean
  run(ground: Ground, at: number): Promise<void>
}

export const FAULTS: readonly Fault[] = [
  { name: 'kill', weight: 6, ends: true, alone: false, run: kill },
  { name: 'restart', weight: 2, ends: true, alone: false, run: restart },
  { name: 'stop', weight: 4, ends: false, alone: false, run: stop },
  { name: 'pause', weight: 4, ends: false, alone: false, run: pause },
  { name: 'copy', weight: 2, ends: true, alone: true, run: putBack },
  { name: 'lose', weight: 1, ends: true, alone: true, run: lose }
]

/** Now and then with a raw copy of what the kill left. */
async function kill(ground: Ground, at: number): Promise<void> {
  await ground.end(at, 'SIGKILL')
  if (ground.fraction() < 0.4 || ground.copied.size === 0) {
    await rm(ground.copyOf(at), { recursive: true, force: true })
    await cp(ground.peers[at]!.init.dataDir, ground.copyOf(at), { recursive: true })
    ground.copied.add(at)
  }
  await sleep(ground.fraction() * 2000)
  await ground.start(at)
}

async function restart(ground: Ground, at: number): Promise<void> {
  await ground.end(at, 'SIGTERM')
  await ground.start(at)
}

/** It stands still: mostly shorter, sometimes longer than the others wait. */
async function stop({ peers, fraction }: Ground, at: number): Promise<void> {
  const { pid } = peers[at]!.ready
  process.kill(pid, 'SIGSTOP')
  await sleep(fraction() < 0.15 ? LONG_STOP_MS : 300 + fraction() * 4000)
  process.kill(pid, 'SIGCONT')
}

/** It leaves the network, and comes back. */
async function pause({ peers, fraction }: Ground, at: number): Promise<void> {
  const ask = async (what: string) => {
    const { status, body } = await peers[at]!.request('POST', `/sync/${what}`, {})
    assert.equal(status, 200, JSON.stringify(body))
  }
  await ask('pause')
  await sleep(300 + fraction() * 5000)
  await ask('resume')
}

/** An old raw copy in place of its directory. */
async function putBack(ground: Ground, at: number): Promise<void> {
  await onEqualDisks(ground, at, async dir => {
    await cp(ground.copyOf(at), dir, { recursive: true })
  })
}

/** Its directory is gone: it comes back as somebody new. */
async function lose(ground: Ground, at: number): Promise<void> {
  await onEqualDisks(ground, at, async () => {
    ground.copied.delete(at)
  })
}

/** Ends a node whose every op is everywhere, and has it go on with another directory. */
async function onEqualDisks(ground: Ground, at: number, replace: (dir: string) => Promise<void>) {
  const release = await Promise.all(ground.peers.map((_, n) => ground.load.hold(n)))
  try {
    await equalDigests(ground.peers, EQUAL_WITHIN_MS)
    const { dataDir } = ground.peers[at]!.init
    await ground.end(at, 'SIGKILL')
    await rm(dataDir, { recursive: true, force: true })
    await replace(dataDir)
    await ground.start(at)
  } finally {
    for (const one of release) one()
  }
}

/** One by chance that may happen to this node. */
export function chooseFault({ fraction, copied }: Ground, at: number): Fault {
  const possible = FAULTS.filter(({ ends, name }) => (at > 0 || !ends) && (name !== 'copy' || copied.has(at)))
  let left = fraction() * possible.reduce((sum, { weight }) => sum + weight, 0)
  for (const fault of possible) {
    left -= fault.weight
    if (left < 0) return fault
  }
  return possible[0]!
}

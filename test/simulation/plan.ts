/** What kind of run a seed is: how many nodes, how they are configured, how long it goes on, how slow its world is. */
import type { Limits } from '../../src/base/index.js'
import { DEFAULT_LIMITS } from '../../src/base/index.js'
import type { EngineInit } from '../../src/engine/index.js'
import type { Strategy } from '../../src/merge/index.js'
import { STRATEGIES } from '../../src/merge/index.js'
import type { Dice } from './dice.js'
import type { DiskHabits } from './disk.js'
import type { NetHabits } from './network.js'

export interface Plan {
  readonly nodes: number
  /** Nodes whose commits are not synced: their acks count for no receipt. */
  readonly unsynced: number
  readonly liar: boolean
  readonly mostClones: number
  readonly activeMs: number
  readonly operations: number
  readonly keys: number
  readonly largeValues: number
  readonly limits: Limits
  readonly strategy: Strategy
  readonly engine: Omit<EngineInit, 'limits' | 'log'>
  readonly disk: DiskHabits
  readonly net: NetHabits
}

export function planOf(dice: Dice): Plan {
  const slow = dice.pick([1, 1, 5, 40])
  return {
    nodes: dice.pick([2, 2, 2, 3, 3, 3, 3, 4, 5]),
    unsynced: dice.chance(0.1) ? 1 : 0,
    liar: dice.chance(0.3),
    mostClones: dice.chance(0.3) ? 1 : 0,
    activeMs: dice.between(4_000, 20_000),
    operations: dice.whole(12, 50),
    keys: dice.whole(2, 14),
    largeValues: dice.pick([0, 0, 0.05, 0.3]),
    limits: limitsOf(dice),
    strategy: dice.chance(0.7) ? 'latest' : dice.pick(STRATEGIES),
    engine: {
      gossip: dice.chance(0.8),
      sync: {
        intervalMs: dice.pick([2_000, 5_000, 10_000]),
        timeoutMs: dice.pick([5_000, 30_000]),
        batchOps: dice.pick([1_000, 3]),
        differential: dice.chance(0.9)
      }
    },
    disk: {
      writeMs: [0.1, 3 * slow],
      readMs: [0.1, 2 * slow],
      slowReads: dice.pick([0, 0, 0.02, 0.1])
    },
    net: { latencyMs: [0.2, dice.pick([2, 10, 60, 300])], socketBytes: dice.pick([256 * 1024, 8 * 1024]) }
  }
}

/** The bounds of the product, as they are or so tight that they are met. */
function limitsOf(dice: Dice): Limits {
  const tight = dice.chance(0.5)
  const choose = (usual: number, small: number): number => (tight && dice.chance(0.5) ? small : usual)
  return {
    ...DEFAULT_LIMITS,
    groupBytes: choose(DEFAULT_LIMITS.groupBytes, 2_048),
    parkedBytesPerPeer: choose(DEFAULT_LIMITS.parkedBytesPerPeer, 4_096),
    parkedBatchesPerAuthor: choose(DEFAULT_LIMITS.parkedBatchesPerAuthor, 3),
    windowBytes: choose(DEFAULT_LIMITS.windowBytes, 4_096),
    slowPeerBytes: choose(DEFAULT_LIMITS.slowPeerBytes, 4_096)
  }
}

/**
 * What checkers and faults see of a run: the nodes, the time, the history as it happens, and how to say that a
 * property is broken. The simulator proper is in `simulate.ts`.
 */

import type { Limits } from '../../src/base/index.js'
import type { Engine } from '../../src/engine/index.js'
import type { Author } from '../../src/log/index.js'
import type { Strategy } from '../../src/merge/index.js'
import type { Store } from '../../src/store/index.js'
import type { HistoryEvent } from './history.js'

/** A node of the run: a directory with a key, and the process that runs on it, if one does. */
export interface SimNode {
  readonly name: string
  /** Changes where the key was lost. Two nodes of one author are a node and its clone. */
  readonly author: Author
  /** False for the liar, which has neither store nor engine. */
  readonly honest: boolean
  /** False where acknowledged writes may be lost in a power cut, by its configuration. */
  readonly durable: boolean
  /** A process is up and its store open. */
  readonly running: boolean
  readonly paused: boolean
  /** Counts lives over the whole run; 0 before the first. */
  readonly life: number
  /** Counts directories at this node: a new one where it was lost, put back, rolled back. From 1. */
  readonly incarnation: number
  /** The wall clock of its machine, in milliseconds since the Unix epoch. */
  readonly wallMs: number
  /** Of the process that runs. */
  readonly store: Store | undefined
  readonly engine: Engine | undefined
  /** Authors that this node is connected with, of running processes that can hear it and be heard. */
  readonly connected: readonly Author[]
  /** Records that a flip damaged and nobody wrote anew since: keys as text of one code unit a byte. */
  readonly flipped: ReadonlySet<string>
}

export interface World {
  readonly seed: number
  /** Virtual milliseconds since the run began. */
  readonly now: number
  readonly nodes: readonly SimNode[]
  /** Of all nodes. */
  readonly limits: Limits
  readonly strategy: Strategy
  /** Everything that happened so far. */
  readonly history: readonly HistoryEvent[]
  /** True once faults are over. */
  readonly healed: boolean
  /** One more of what the table in `sometimes.ts` names. */
  sometimes(what: string): void
  /** A line into the trace: must be a function of the seed. */
  trace(line: string): void
}

/** One property, checked while the run goes. Throws `PropertyBroken`. */
export interface Checker {
  readonly name: string
  /** After each event of the history, in order; the simulated event it belongs to may still be under way. */
  onEvent?(event: HistoryEvent, world: World): void
  /** After each simulated event, when everything that it started stands still. */
  afterEvent?(world: World): void
  /** When the run is over: healed, converged, every node running. Reads of the stores may be awaited. */
  atEnd?(world: World): void | Promise<void>
}

export class PropertyBroken extends Error {
  readonly property: string

  constructor(property: string, message: string) {
    super(message)
    this.name = 'PropertyBroken'
    this.property = property
  }
}

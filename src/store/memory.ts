/**
 * What an open store holds in memory of its disk: read at the opening, and read anew after a fence and after a repair. It
 * is the only thing that is; everything else asks it.
 */

import { KEY_FILTER } from '../base/index.js'
import { HoleTable } from './holes.js'
import type { StoreInit } from './index.js'
import { META_KEY } from './keys.js'
import { BranchCache } from './lineage.js'
import { PeerTable } from './peers.js'
import type { Meta, State } from './state.js'
import { decodeMeta, loadState } from './state.js'

export class Memory {
  readonly branches = new BranchCache()
  readonly holes = new HoleTable()
  readonly peers: PeerTable
  readonly #init: StoreInit
  #state: State | undefined
  #lost: readonly number[] = []

  constructor(init: StoreInit) {
    this.#init = init
    this.peers = new PeerTable(init.crypto)
  }

  get state(): State {
    return this.#state!
  }

  /** Positions at the end of the log whose records were found damaged: they are to be fetched again. */
  get lost(): readonly number[] {
    return this.#lost
  }

  async load(): Promise<void> {
    const { disk, crypto, keyFilter = KEY_FILTER } = this.#init
    const { holes } = this
    this.branches.clear()
    await this.peers.load(disk)
    await holes.load(disk, crypto)
    const lost: number[] = []
    const isGap = (position: number): boolean => holes.open.has(position) || holes.vacant.has(position)
    const meta = await readMeta(this.#init)
    this.#state = await loadState({ disk, meta, hashes: crypto, keyFilter, lost, isGap })
    this.#lost = lost
  }
}

export async function readMeta({ disk, crypto }: StoreInit): Promise<Meta | undefined> {
  const value = await disk.get(META_KEY)
  return value === undefined ? undefined : decodeMeta(value, crypto)
}

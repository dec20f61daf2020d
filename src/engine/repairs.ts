/**
 * What is damaged here and comes back from peers: the store says which batches, the state machine whom they are asked of.
 * Told anew at the begin of each of its lives, and whenever it changed.
 */
import { messageOf } from '../base/index.js'
import type { Tip } from '../log/index.js'
import { peerIdOf } from '../log/index.js'
import type { MissingHere, Store } from '../store/index.js'
import type { Log } from './log.js'
import type { Loop } from './loop.js'

export interface RepairsInit {
  readonly store: Store
  readonly log: Log
  readonly loop: () => Loop | undefined
}

export class Repairs {
  readonly #init: RepairsInit
  #missing: readonly MissingHere[] = []
  #reading: Promise<void> | undefined
  #again = false

  constructor(init: RepairsInit) {
    this.#init = init
  }

  /** Reads what is missing, and tells the state machine. */
  look(): void {
    this.#again = true
    this.#reading ??= this.#read()
  }

  unanswered(tip: Tip): void {
    const { log, store } = this.#init
    const missing = this.#missing.find(other => other.tip.id === tip.id)
    if (missing === undefined) return
    const name = `${peerIdOf(tip.author)}.${tip.epoch}.${tip.seq}`
    log('store', `nobody who is connected has batch ${name}, which is damaged here`)
    store.noteUnanswered(missing.batch)
  }

  async #read(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false
        this.#missing = await this.#init.store.missing()
        const holes = this.#missing.map(({ tip, have }) => ({ tip, have }))
        this.#init.loop()?.dispatch({ type: 'holes', holes })
      }
    } catch (error) {
      this.#init.log('store', `what is damaged cannot be told: ${messageOf(error)}`)
    } finally {
      this.#reading = undefined
    }
  }
}

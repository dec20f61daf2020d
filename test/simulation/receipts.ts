/** Asks an engine, whenever an account moved, which of its newest own batches it vouches for at which peer. */
import type { Author, Tip } from '../../src/log/index.js'
import { tipOf } from '../../src/log/index.js'
import type { AppliedBatch } from '../../src/store/index.js'
import type { Machine } from './machine.js'

/** Own batches of a process that are asked about. */
const newest = 8

interface Own {
  readonly tip: Tip
  readonly position: number
  readonly vouched: Set<Author>
}

export class Receipts {
  readonly #own = new Map<number, Own[]>()

  committed(life: number, applied: readonly AppliedBatch[]): void {
    for (const { batch, mark, local } of applied) {
      if (!local) continue
      const own = this.#own.get(life) ?? []
      own.push({ tip: tipOf(batch), position: mark.position, vouched: new Set() })
      if (own.length > newest) own.shift()
      this.#own.set(life, own)
    }
  }

  look(machine: Machine): void {
    const { engine, life, ground } = machine
    if (engine === undefined) return
    for (const { tip, position, vouched } of this.#own.get(life) ?? []) {
      for (const peer of ground.network.authors) {
        if (vouched.has(peer) || peer === machine.author) continue
        if (engine.holds(peer, tip, position) === undefined) continue
        vouched.add(peer)
        machine.tell({ type: 'receipt', peer, tip, position })
      }
    }
  }
}

/** Whether the network is there, as the application knows it: asked anew, or as it was a moment ago. */
import type { Clock } from '../base/index.js'
import { DELIVERY } from '../base/index.js'

export class NetworkProbe {
  readonly #ask: () => boolean | Promise<boolean>
  readonly #listeners = new Set<() => void>()
  /** The newest answer to `recent`. */
  #answer: { readonly online: boolean; readonly atMs: number } | undefined
  #wasOnline: boolean | undefined
  #asking: Promise<boolean> | undefined

  /** `ask`: whether anything can be sent now; one that throws says no. */
  constructor(ask: () => boolean | Promise<boolean>) {
    if (typeof ask !== 'function') throw new TypeError('a NetworkProbe needs a function')
    this.#ask = ask
  }

  /**
   * Asks now. When the answer is yes and was no, every engine that waits begins a tick at once: an application that hears
   * of the network itself (`window.ononline`) calls this.
   */
  isOnline(): Promise<boolean> {
    this.#asking ??= this.#askNow().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  /** The newest answer if it is less than a second old by `clock`, else a new one. */
  async recent(clock: Clock): Promise<boolean> {
    const nowMs = clock.now()
    const known = this.#answer
    if (known !== undefined && Math.abs(nowMs - known.atMs) < DELIVERY.probeMs) return known.online
    const online = await this.isOnline()
    this.#answer = { online, atMs: nowMs }
    return online
  }

  /** Calls `listener` when the network is back. Answers how to stop that. */
  onOnline(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #askNow(): Promise<boolean> {
    let online: boolean
    try {
      online = (await this.#ask()) === true
    } catch {
      online = false
    }
    const isBack = online && this.#wasOnline === false
    this.#wasOnline = online
    this.#answer = undefined // whoever asked knows more than an answer of before
    if (isBack) for (const listener of [...this.#listeners]) listener()
    return online
  }
}

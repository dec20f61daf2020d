/**
 * What this node tells of itself by presence: made anew whenever its addresses change, signed, in a rising version.
 *
 * The version is the wall clock in milliseconds, so that a restart rises without anything being kept; where an earlier life
 * had a faster clock, peers hand that record back, and the next version goes above it. A second process with the same key,
 * on a copy of the directory, does so as well, and would for ever: so each time it takes twice as long.
 */
import type { PrivateKey } from '@libp2p/interface'
import type { Clock, Timer } from '../base/index.js'
import { PROTOCOL, utf8 } from '../base/index.js'
import type { PresenceFields } from '../wire/index.js'
import { checkPresence, presenceSigningBytes } from '../wire/index.js'
import type { PresenceTable } from './presence.js'

/** Wait before the second time that another record of this node is outbid; doubled each time. */
const OUTBID_MS = 1000
/** At most, and how long nothing has to come back until it counts as the first time again. */
const MAX_OUTBID_MS = 600_000

export interface OwnRecordComponents {
  readonly key: PrivateKey
  readonly table: PresenceTable
  readonly clock: Clock
  readonly name: string
  readonly app: { readonly name: string; readonly version: string }
  readonly capabilities: readonly string[]
}

export class OwnRecord {
  readonly #components: OwnRecordComponents
  #making: Promise<void> = Promise.resolve()
  #outbids = 0
  #outbidAtMs = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined

  constructor(components: OwnRecordComponents) {
    this.#components = components
  }

  /** Tells these addresses from now on, in a version above `above`. Rejects with `RangeError` for a name over its bound. */
  announce(addrs: readonly string[], above = 0): Promise<void> {
    const made = this.#making.then(() => this.#make(addrs, above))
    this.#making = made.catch(() => undefined)
    return made
  }

  /**
   * Peers hold a record of this node that it did not make: calls `announce` when it is time to go above it. False when
   * that was done lately: no earlier life but another process of now makes such records.
   */
  outbid(announce: () => void): boolean {
    if (this.#timer !== undefined) return true
    const { clock } = this.#components
    if (Math.abs(clock.now() - this.#outbidAtMs) > 2 * MAX_OUTBID_MS) this.#outbids = 0
    const delayMs = this.#outbids === 0 ? 0 : Math.min(MAX_OUTBID_MS, OUTBID_MS * 2 ** (this.#outbids - 1))
    this.#outbids++
    this.#timer = clock.schedule(delayMs, () => {
      this.#timer = undefined
      this.#outbidAtMs = clock.now()
      announce()
    })
    return this.#outbids === 1
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  async #make(given: readonly string[], above: number): Promise<void> {
    const { key, table, clock, name, app, capabilities } = this.#components
    const own = table.own
    const addrs = given
      .filter(addr => utf8(addr).length <= PROTOCOL.presenceAddrBytes)
      .slice(0, PROTOCOL.presenceAddrs)
    if (own !== undefined && own.version > above && own.addrs.join() === addrs.join()) return
    const record: PresenceFields = {
      peer: table.self,
      version: Math.max(clock.now(), above + 1, (own?.version ?? 0) + 1),
      name,
      appName: app.name,
      appVersion: app.version,
      capabilities,
      addrs
    }
    checkPresence(record)
    table.put({ record, signature: await key.sign(presenceSigningBytes(record)) }, clock.now())
  }
}

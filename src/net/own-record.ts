/**
 * What this node tells of itself by presence: made anew whenever its addresses change, signed, in a rising version.
 *
 * The version is the wall clock in milliseconds, so that a restart rises without anything being kept; where an earlier life
 * had a faster clock, peers hand that record back, and the next version goes above it.
 */
import type { PrivateKey } from '@libp2p/interface'
import type { Clock } from '../base/index.js'
import { PROTOCOL, utf8 } from '../base/index.js'
import type { PresenceFields } from '../wire/index.js'
import { checkPresence, presenceSigningBytes } from '../wire/index.js'
import type { PresenceTable } from './presence.js'

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

  constructor(components: OwnRecordComponents) {
    this.#components = components
  }

  /** Tells these addresses from now on, in a version above `above`. Rejects with `RangeError` for a name over its bound. */
  announce(addrs: readonly string[], above = 0): Promise<void> {
    const made = this.#making.then(() => this.#make(addrs, above))
    this.#making = made.catch(() => undefined)
    return made
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

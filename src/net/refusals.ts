/** Tells of refusals, each sentence about one peer or host once a minute: who is refused usually tries again for ever. */
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Clock } from '../base/index.js'
import type { Author } from '../log/index.js'
import { hostOf } from './address.js'
import type { RefusedBy } from './index.js'

const QUIET_MS = 60_000
/** Sentences remembered for that. */
const MAX_REMEMBERED = 256

export type TellRefusal = (peer: Author | undefined, reason: string, addr: string, by: RefusedBy) => void

export class Refusals {
  readonly #clock: Clock
  readonly #tell: TellRefusal
  readonly #toldAtMs = new Map<string, number>()

  constructor(clock: Clock, tell: TellRefusal) {
    this.#clock = clock
    this.#tell = tell
  }

  /** `peer` is absent where no peer id was proved. */
  add(peer: Author | undefined, reason: string, addr: Multiaddr, by: RefusedBy): void {
    const nowMs = this.#clock.now()
    const key = `${peer ?? hostOf(addr)} ${reason}`
    if (nowMs - (this.#toldAtMs.get(key) ?? -QUIET_MS) < QUIET_MS) return
    if (this.#toldAtMs.size >= MAX_REMEMBERED) this.#toldAtMs.clear()
    this.#toldAtMs.set(key, nowMs)
    this.#tell(peer, reason, addr.toString(), by)
  }
}

/**
 * What happened since the node was opened that no part keeps: events of the store, refusals of the network, the last
 * verification. Everything is bounded, the oldest goes; a restart forgets it, and the checks say so.
 */
import type { Clock, NodeEvents, VerifyReport } from '../../base/index.js'
import type { Author } from '../../log/index.js'
import type { RefusedBy } from '../../net/index.js'
import type { Store } from '../../store/index.js'

/** Cases of one kind that are remembered. */
const remembered = 256

export interface Refusal {
  /** Absent where nobody proved a peer id. */
  readonly peer: Author | undefined
  readonly reason: string
  readonly addr: string | undefined
  readonly by: RefusedBy | undefined
  readonly firstAtMs: number
  readonly lastAtMs: number
}

interface Noted {
  readonly reason: string
  readonly atMs: number
}

export class Notes {
  readonly sinceMs: number
  readonly #clock: Clock
  readonly #unsubscribe: (() => void)[]
  /** Sentences about damage that reads ran into. */
  readonly damage = new Map<string, number>()
  /** Keys that could not be read when they were written or read last. */
  readonly unreadable = new Map<string, Noted>()
  /** Keys of ops whose client id had been used with other content. */
  readonly reused = new Map<string, number>()
  /** Peer ids of authors whose batches came from more than the allowed drift ahead. */
  readonly ahead = new Map<string, { aheadMs: number; atMs: number }>()
  readonly refusals = new Map<string, Refusal>()
  fences = 0
  lastFence: Noted | undefined
  verified: { atMs: number; report: VerifyReport } | undefined

  constructor(store: Store, clock: Clock) {
    this.#clock = clock
    this.sinceMs = clock.now()
    this.#unsubscribe = [
      store.onEvent('storage', event => this.#onStorage(event)),
      store.onEvent('unreadable', ({ key, reason }) => {
        keep(this.unreadable, key, { reason, atMs: clock.now() })
      }),
      store.onEvent('conflict', ({ key, reason }) => {
        if (reason === 'id-reused') keep(this.reused, key, clock.now())
      }),
      store.onEvent('clock', ({ author, aheadMs }) => {
        keep(this.ahead, author, { aheadMs, atMs: clock.now() })
      })
    ]
  }

  /** A fence is told with its reason; a reason beside an open disk is damage that a read ran into. */
  #onStorage({ state, reason }: NodeEvents['storage']): void {
    const atMs = this.#clock.now()
    if (state === 'fenced') {
      this.fences++
      this.lastFence = { reason: reason ?? 'the disk refused a write', atMs }
    } else if (state === 'open' && reason !== undefined) keep(this.damage, reason, atMs)
  }

  noteRefusal(
    peer: Author | undefined,
    reason: string,
    addr: string | undefined,
    by: RefusedBy | undefined
  ): void {
    const key = `${peer ?? addr?.replace(/\/(?:tcp|udp)\/.*$/, '') ?? ''} ${reason}`
    const lastAtMs = this.#clock.now()
    const firstAtMs = this.refusals.get(key)?.firstAtMs ?? lastAtMs
    keep(this.refusals, key, { peer, reason, addr, by, firstAtMs, lastAtMs })
  }

  noteVerified(report: VerifyReport): void {
    this.verified = { atMs: this.#clock.now(), report }
    if (report.damage.length === 0) this.damage.clear()
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
  }
}

/** The newest last. */
function keep<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > remembered) map.delete(map.keys().next().value!)
}

/** What is known of each peer, for those who ask: who holds what, how far each side is behind. */
import type { Lag } from '../base/index.js'
import type { Author, Tip } from '../log/index.js'
import { peerIdOf } from '../log/index.js'
import type { Net } from '../net/index.js'
import { appliedAll, heldSince, inSync, NOTHING_WAITS, waitingOf } from '../replication/index.js'
import type { Store } from '../store/index.js'
import type { EngineHealth, SessionInfo, Standing } from './index.js'
import type { Loop } from './loop.js'
import type { Monotonic } from './monotonic.js'
import type { Sessions } from './sessions.js'

const NOTHING: Lag = { ops: 0, bytes: 0, oldestMs: 0 }

export interface AccountsInit {
  readonly store: Store
  readonly net: Net
  readonly time: Monotonic
  readonly sessions: Sessions
  readonly loop: () => Loop | undefined
}

export class Accounts {
  readonly #init: AccountsInit

  constructor(init: AccountsInit) {
    this.#init = init
  }

  inSync(peer: Author): boolean {
    const loop = this.#init.loop()
    return loop !== undefined && inSync(loop.state, peer)
  }

  holds(peer: Author, tip: Tip, position: number): { atMs: number } | undefined {
    const { store, time } = this.#init
    const state = this.#init.loop()?.state
    if (state?.accounts.has(peer) === true) {
      const since = heldSince(state, peer, tip, position)
      return since === undefined ? undefined : { atMs: time.wall(since) }
    }
    const record = store.peer(peerIdOf(peer))
    if (record === undefined || !record.durable || position > record.acked) return undefined
    return { atMs: record.ackedAtMs }
  }

  async session(peer: Author): Promise<SessionInfo> {
    return { ...this.standing(peer), theyLack: await this.theyLack(peer) }
  }

  standing(peer: Author): Standing {
    const { past, ...session } = this.#init.sessions.of(peer)
    const loop = this.#init.loop()
    const stream = loop?.state.byPeer.get(peer)
    const traffic = stream === undefined ? undefined : loop?.channel(stream.id)?.traffic
    return {
      peer,
      ...this.#state(peer),
      weLack: stream !== undefined && appliedAll(stream) ? NOTHING : 'unknown',
      ...session,
      bytesSent: past.bytesSent + (traffic?.bytesSent ?? 0),
      bytesReceived: past.bytesReceived + (traffic?.bytesReceived ?? 0)
    }
  }

  #state(peer: Author): Pick<Standing, 'state' | 'reason'> {
    const { net, sessions, loop } = this.#init
    const stream = loop()?.state.byPeer.get(peer)
    if (stream === undefined) {
      const { lastError } = sessions.of(peer)
      const state = net.connected().some(other => other.peer === peer) ? 'unknown' : 'offline'
      return lastError === null ? { state } : { state, reason: lastError }
    }
    if (this.inSync(peer)) return { state: 'current' }
    if (stream.phase === 'hello') return { state: 'unknown', reason: 'the handshake is under way' }
    if (stream.trouble !== undefined) return { state: 'behind', reason: `the peer ${stream.trouble}` }
    if (stream.choked) return { state: 'behind', reason: 'the peer takes nothing at the moment' }
    return { state: 'syncing' }
  }

  health(most: number): EngineHealth {
    const state = this.#init.loop()?.state
    if (state === undefined) {
      return { open: false, streams: [], opening: [], choked: [], waiting: NOTHING_WAITS }
    }
    const streams = [...state.byPeer.values()]
    return {
      open: true,
      streams: streams.map(({ peer }) => peer),
      opening: streams.filter(({ phase }) => phase === 'hello').map(({ peer }) => peer),
      choked: streams.filter(({ choked }) => choked).map(({ peer }) => peer),
      waiting: waitingOf(state, this.#init.time.now(), most)
    }
  }

  async theyLack(peer: Author): Promise<Lag | 'unknown'> {
    const { store } = this.#init
    const account = this.#init.loop()?.state.accounts.get(peer) ?? store.peer(peerIdOf(peer))
    if (account === undefined) return 'unknown'
    if (account.acked >= store.mark.position) return NOTHING
    const beyond = Number.MAX_SAFE_INTEGER
    return store.backlog(
      account.acked,
      tip => tip.author === peer || this.holds(peer, tip, beyond) !== undefined
    )
  }
}

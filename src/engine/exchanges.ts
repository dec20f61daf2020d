/** What is asked of one peer from outside: a round now, or its word on this node's log by a HELLO on a short stream. */
import type { Clock, Crypto, SyncRound, WaitOptions } from '../base/index.js'
import { NatterError } from '../base/index.js'
import type { Author } from '../log/index.js'
import { peerIdOf } from '../log/index.js'
import type { Net } from '../net/index.js'
import { digestOf, helloTo } from '../replication/index.js'
import type { Store } from '../store/index.js'
import { exchangeHello } from './ask.js'
import { isCursorValid, withKnown } from './inbound.js'
import type { Loop } from './loop.js'
import type { Sessions } from './sessions.js'

/** Between two HELLOs on short streams: at most 20 a second. */
const askEveryMs = 50

export interface ExchangesInit {
  readonly store: Store
  readonly net: Net
  readonly clock: Clock
  readonly crypto: Crypto
  readonly sessions: Sessions
  readonly timeoutMs: number
  readonly maxRetries: number
  /** Undefined while this node takes part in no exchange. */
  readonly loop: () => Loop | undefined
  /** Opens a stream with the peer; false when that fails. */
  readonly open: (peer: Author, signal: AbortSignal | undefined) => Promise<boolean>
}

export class Exchanges {
  readonly #init: ExchangesInit
  /** Peers whose stream stays while somebody waits for a round. */
  readonly #awaited = new Map<Author, number>()
  #asking: Promise<unknown> = Promise.resolve()

  constructor(init: ExchangesInit) {
    this.#init = init
  }

  isAwaited(peer: Author): boolean {
    return this.#awaited.has(peer)
  }

  /** One round, tried anew when it fails. Rejects with `ABORTED` or `NOT_READY`. */
  async syncNow(peer: Author, { timeout, signal }: WaitOptions): Promise<SyncRound> {
    const { timeoutMs, maxRetries } = this.#init
    this.#awaited.set(peer, (this.#awaited.get(peer) ?? 0) + 1)
    try {
      for (let attempt = 1; ; attempt++) {
        const round = await this.#round(peer, timeout ?? timeoutMs, signal)
        if (round.status !== 'failed' || attempt >= maxRetries) return round
      }
    } finally {
      const left = (this.#awaited.get(peer) ?? 1) - 1
      if (left > 0) this.#awaited.set(peer, left)
      else this.#awaited.delete(peer)
    }
  }

  async #round(peer: Author, timeoutMs: number, signal: AbortSignal | undefined): Promise<SyncRound> {
    const { sessions, clock } = this.#init
    const loop = this.#loop()
    const begunAtMs = clock.now()
    const round = sessions.next(peer, timeoutMs, signal)
    const failed = (reason: string): SyncRound => ({
      peer: peerIdOf(peer),
      status: 'failed',
      reason,
      sent: 0,
      received: 0,
      bytesSent: 0,
      bytesReceived: 0,
      roundTrips: 0,
      durationMs: Math.max(0, clock.now() - begunAtMs)
    })
    if (loop.state.byPeer.has(peer)) loop.dispatch({ type: 'sync', peer })
    else if (!(await this.#init.open(peer, signal))) {
      round.catch(() => undefined) // nobody waits for it any more
      return failed(sessions.of(peer).lastError ?? 'no stream')
    }
    try {
      return await round
    } catch (error) {
      if (!(error instanceof NatterError) || error.code !== 'TIMEOUT') throw error
      return failed(error.message)
    }
  }

  /** Rejects with `ABORTED`, `NOT_READY`, `TIMEOUT`, `PEER_UNREACHABLE` or `PROTOCOL_ERROR`. */
  ask(peer: Author, options: WaitOptions): Promise<void> {
    const turn = this.#asking.then(() => this.#ask(peer, options))
    const { clock } = this.#init
    this.#asking = turn
      .catch(() => undefined) // told to the caller
      .then(() => new Promise<void>(resolve => clock.schedule(askEveryMs, resolve)))
    return turn
  }

  async #ask(peer: Author, { timeout, signal }: WaitOptions): Promise<void> {
    if (signal?.aborted) throw new NatterError('ABORTED', 'the call was given up')
    const { state } = this.#loop()
    // A neighbour's acks say the same, and sooner.
    if (state.byPeer.get(peer)?.phase === 'ready') return
    const { net, clock, crypto, store, sessions, timeoutMs } = this.#init
    const stream = await net.openStream(peer, signal === undefined ? {} : { signal })
    const sent = { digest: digestOf(state), mark: state.mark }
    const saved = store.peer(peerIdOf(peer))
    const init = { clock, hashes: crypto, database: store.database, timeoutMs: timeout ?? timeoutMs }
    const answer = await exchangeHello(init, stream, helloTo(state, peer, sent, saved?.theirs))
    const hello = await withKnown(store, answer)
    sessions.heard(peer)
    const cursorValid = await isCursorValid(store, hello)
    const event = { type: 'answered', peer, hello, sent, cursorValid } as const
    this.#init.loop()?.dispatch(saved === undefined ? event : { ...event, saved })
  }

  #loop(): Loop {
    const loop = this.#init.loop()
    if (loop === undefined) throw new NatterError('NOT_READY', 'the node takes part in no exchange now')
    return loop
  }
}

/** The engine put together: streams in and out, gossip, neighbours, rounds. See `index.ts` for what it promises. */
import type { Lag, SyncRound, WaitOptions } from '../base/index.js'
import { messageOf, NatterError } from '../base/index.js'
import type { Author, Tip } from '../log/index.js'
import { peerIdOf, shortId } from '../log/index.js'
import type { SyncStream } from '../net/index.js'
import type { State } from '../replication/index.js'
import { createState, digestOf, heldSince, helloTo, inSync } from '../replication/index.js'
import type { CommitNotice } from '../store/index.js'
import type { PartialBatch } from '../wire/index.js'
import { exchangeHello } from './ask.js'
import { Channel } from './channel.js'
import { Gossip } from './gossip.js'
import type { InboundInit } from './inbound.js'
import { readFrames } from './inbound.js'
import type { Engine, EngineComponents, EngineInit, SessionInfo } from './index.js'
import type { Log } from './log.js'
import { silent } from './log.js'
import { Loop } from './loop.js'
import { Monotonic } from './monotonic.js'
import { Neighbourhood } from './neighbourhood.js'
import { RecentCommits } from './recent-commits.js'
import { Sessions } from './sessions.js'

const defaults = { intervalMs: 10_000, batchOps: 1000, timeoutMs: 30_000, maxRetries: 3, differential: true }
/** Between two HELLOs on short streams: at most 20 a second. */
const askEveryMs = 50
/** Wait before everything begins anew after a fault of this program. */
const faultPauseMs = 1000
/** Streams that end sooner count as refused. */
const shortLifeMs = 2000
/** PINGs within the time after which a silent stream is given up. */
const pingsPerTimeout = 3
const NOTHING: Lag = { ops: 0, bytes: 0, oldestMs: 0 }

export class ReplicationEngine implements Engine {
  readonly handlers: Engine['handlers']
  readonly #components: EngineComponents
  readonly #init: EngineInit
  readonly #sync: typeof defaults
  readonly #log: Log
  readonly #time: Monotonic
  readonly #sessions: Sessions
  readonly #gossip: Gossip | undefined
  readonly #recent = new RecentCommits()
  readonly #neighbourhood: Neighbourhood
  readonly #progressListeners = new Set<() => void>()
  /** Large batches that a stream left off, by the peer that has them. */
  readonly #partials = new Map<Author, PartialBatch>()
  readonly #early: SyncStream[] = []
  readonly #subscriptions: (() => void)[] = []
  readonly #pinned = new Set<Author>()
  #loop: Loop | undefined
  #streams = 0
  #asking: Promise<unknown> = Promise.resolve()
  #state: 'new' | 'open' | 'fenced' | 'closed' = 'new'

  constructor(components: EngineComponents, init: EngineInit) {
    const { clock, store, net, crypto, random } = components
    this.#components = components
    this.#init = init
    this.#sync = withDefaults(init.sync)
    this.#log = init.log ?? silent
    this.#time = new Monotonic(clock)
    this.#sessions = new Sessions(clock, peer => this.#neighbourhood.settled(peer))
    if (init.gossip !== false) {
      this.#gossip = new Gossip({
        database: store.database,
        clock,
        crypto,
        publish: data => {
          this.#log('gossip', `published ${data.length} bytes`)
          net.publish(data)
        },
        deliver: (batch, from) => {
          this.#log('gossip', `${peerIdOf(from)} brought ${batch.id.slice(0, 16)}`)
          this.#loop?.dispatch({ type: 'gossiped', from, batches: [batch] })
        }
      })
    }
    this.#neighbourhood = new Neighbourhood({
      self: store.author,
      net,
      clock,
      random,
      most: init.limits.neighbours,
      adopt: stream => this.#adopt(stream),
      current: peer => this.#current(peer),
      close: (peer, reason) => this.#closePeer(peer, reason),
      onRtt: (peer, rttMs) => this.#loop?.dispatch({ type: 'rtt', peer, rttMs }),
      onFailed: (peer, reason) => {
        this.#log('sync', `${peerIdOf(peer)} no stream: ${reason}`)
        this.#sessions.failed(peer, reason)
      }
    })
    this.handlers = {
      onStream: stream => this.#onStream(stream),
      onGossip: (data, from) => this.#gossip?.receive(data, from) ?? 'ignore',
      onPeerConnected: peer => this.#neighbourhood.connected(peer),
      onPeerDisconnected: peer => this.#neighbourhood.disconnected(peer),
      onPresence: () => undefined
    }
  }

  async start(): Promise<void> {
    const { store } = this.#components
    this.#subscriptions.push(
      store.onCommit(notice => this.#onCommit(notice)),
      store.onEvent('storage', ({ state }) => this.#onStorage(state))
    )
    await this.#open()
  }

  /** Builds the state from what is durable, and begins. */
  async #open(): Promise<void> {
    const { store, clock } = this.#components
    let state = await this.#createState()
    // A commit in between would be told to nobody.
    while (state.mark.position !== store.mark.position) state = await this.#createState()
    if (this.#state === 'closed') return
    this.#loop = new Loop({
      store,
      clock,
      time: this.#time,
      state,
      sessions: this.#sessions,
      log: this.#log,
      onProgress: () => this.#tellProgress(),
      onClosed: (channel, reason, violation, againMs) => {
        if (violation) this.#components.net.penalize(channel.peer, reason)
        this.#sessions.failed(channel.peer, reason)
        if (againMs > 0 || violation) this.#neighbourhood.avoid(channel.peer, againMs)
      },
      onFault: error => this.#onFault(error)
    })
    this.#state = 'open'
    for (const stream of this.#early.splice(0)) this.#adopt(stream)
    this.#neighbourhood.start()
  }

  async #createState(): Promise<State> {
    const { store, crypto, random } = this.#components
    const { limits } = this.#init
    const { mark } = store
    const tips = [...store.frontier]
    const own = tips.filter(tip => tip.author === store.author)
    const positions = await Promise.all(own.map(tip => store.positionOf(tip)))
    const { intervalMs, timeoutMs, differential } = this.#sync
    return createState({
      author: store.author,
      database: store.database,
      store: store.storeId,
      durable: store.disk.durability === 'fsync',
      mark,
      tips,
      lastOwn: Math.max(0, ...positions.map(position => position ?? 0)),
      hashes: crypto,
      seed: Math.floor(random.fraction() * 2 ** 32),
      intervalMs: Math.min(intervalMs, timeoutMs / pingsPerTimeout),
      timeoutMs,
      differential,
      limits
    })
  }

  async stop(): Promise<void> {
    this.#state = 'closed'
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe()
    this.#neighbourhood.pause()
    this.#loop?.end()
    this.#loop = undefined
    for (const stream of this.#early.splice(0)) await stream.close().catch(() => undefined)
  }

  #onCommit({ applied }: CommitNotice): void {
    for (const { batch } of applied) this.#recent.committed(shortId(batch.id))
    this.#loop?.dispatch({ type: 'committed', applied })
    this.#gossip?.committed(applied)
    this.#tellProgress()
  }

  /** A fenced store can neither serve nor acknowledge; once it is back, everything starts from what is durable. */
  #onStorage(state: 'open' | 'fenced' | 'closed'): void {
    if (state === 'fenced' && this.#state === 'open') {
      this.#state = 'fenced'
      this.#neighbourhood.pause()
      for (const channel of this.#loop?.channels() ?? []) this.#loop?.refuse(channel.id, new Error('fenced'))
      this.#loop?.end()
      this.#loop = undefined
    } else if (state === 'open' && this.#state === 'fenced') {
      this.#open().catch(error => this.#log('store', `cannot resume: ${messageOf(error)}`))
    }
  }

  #onFault(error: unknown): void {
    this.#log(
      'sync',
      `a fault: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`
    )
    if (this.#state !== 'open') return
    this.#state = 'fenced'
    this.#neighbourhood.pause()
    this.#loop = undefined
    this.#components.clock.schedule(faultPauseMs, () => this.#onStorage('open'))
  }

  #tellProgress(): void {
    for (const listener of this.#progressListeners) listener()
  }

  // Streams

  #onStream(stream: SyncStream): void {
    if (this.#state === 'new') this.#early.push(stream)
    else if (this.#state === 'open') this.#adopt(stream)
    else stream.abort(new Error('not ready'))
  }

  #adopt(stream: SyncStream): void {
    const loop = this.#loop
    if (loop === undefined) {
      stream.abort(new Error('not ready'))
      return
    }
    const { store, crypto, net } = this.#components
    const id = ++this.#streams
    const channel: Channel = new Channel({
      id,
      stream,
      hashes: crypto,
      database: store.database,
      chokeBytes: this.#init.limits.slowPeerBytes,
      runBatches: this.#sync.batchOps,
      onChoked: choked => loop.dispatch({ type: 'choked', stream: id, choked })
    })
    const partial = this.#partials.get(channel.peer)
    if (partial !== undefined) channel.continueFrom(partial)
    this.#partials.delete(channel.peer)
    void this.#read(loop, channel)
    loop.open(channel, net.connected().find(({ peer }) => peer === channel.peer)?.rttMs ?? null)
  }

  async #read(loop: Loop, channel: Channel): Promise<void> {
    const { store, crypto, net } = this.#components
    const openedAtMs = this.#time.now()
    const init: InboundInit = {
      store,
      crypto,
      log: this.#log,
      recent: this.#recent,
      dispatch: event => loop.dispatch(event),
      heard: ({ peer }) => this.#sessions.heard(peer),
      mayStage: () => this.#stagedBytes(loop) <= this.#init.limits.stagedBytes
    }
    try {
      const reason = await readFrames(init, channel)
      this.#keepPartial(channel)
      const isCurrent = loop.channel(channel.id) === channel
      loop.closed(channel, reason)
      channel.close()
      const lived = this.#time.now() - openedAtMs
      if (isCurrent && lived < shortLifeMs) this.#neighbourhood.avoid(channel.peer, 0)
      else this.#neighbourhood.lookSoon()
    } catch (error) {
      if (!(error instanceof NatterError) || error.code !== 'PROTOCOL_ERROR') {
        loop.refuse(channel.id, error)
        return
      }
      const reason = messageOf(error)
      this.#log('sync', `${peerIdOf(channel.peer)} broke the protocol: ${reason}`)
      net.penalize(channel.peer, reason)
      this.#sessions.failed(channel.peer, reason)
      channel.abort(new Error(reason))
      loop.closed(channel, reason)
      this.#neighbourhood.avoid(channel.peer, 0)
    }
  }

  #stagedBytes(loop: Loop): number {
    let bytes = 0
    for (const channel of loop.channels()) bytes += channel.decoder.stagedBytes
    for (const partial of this.#partials.values()) bytes += partial.body.length
    return bytes
  }

  /** Keeps what a stream left off, within half of the limit so that open streams have room. The oldest goes. */
  #keepPartial(channel: Channel): void {
    const partial = channel.decoder.partial()
    if (partial === undefined) return
    this.#partials.delete(channel.peer)
    this.#partials.set(channel.peer, partial)
    let bytes = 0
    for (const kept of this.#partials.values()) bytes += kept.body.length
    for (const [peer, kept] of this.#partials) {
      if (bytes <= this.#init.limits.stagedBytes / 2) return
      this.#partials.delete(peer)
      bytes -= kept.body.length
    }
  }

  #current(peer: Author): { outbound: boolean; openedAtMs: number; busy: boolean } | undefined {
    const stream = this.#loop?.state.byPeer.get(peer)
    if (stream === undefined) return undefined
    const busy = this.#pinned.has(peer) || stream.round !== undefined
    return { outbound: stream.outbound, openedAtMs: this.#time.wall(stream.openedAtMs), busy }
  }

  #closePeer(peer: Author, reason: string): void {
    const loop = this.#loop
    const stream = loop?.state.byPeer.get(peer)
    const channel = stream === undefined ? undefined : loop?.channel(stream.id)
    if (channel === undefined) return
    this.#log('sync', `${peerIdOf(peer)} closing: ${reason}`)
    channel.close()
    loop?.closed(channel, reason)
  }

  // What is asked from outside

  onProgress(listener: () => void): () => void {
    this.#progressListeners.add(listener)
    return () => this.#progressListeners.delete(listener)
  }

  onRound(listener: (round: SyncRound) => void): () => void {
    return this.#sessions.onRound(listener)
  }

  inSync(peer: Author): boolean {
    return this.#loop !== undefined && inSync(this.#loop.state, peer)
  }

  holds(peer: Author, tip: Tip, position: number): { atMs: number } | undefined {
    const state = this.#loop?.state
    const since = state === undefined ? undefined : heldSince(state, peer, tip, position)
    if (since !== undefined) return { atMs: this.#time.wall(since) }
    if (state?.accounts.has(peer)) return undefined
    const record = this.#components.store.peer(peerIdOf(peer))
    if (record === undefined || !record.durable || position > record.acked) return undefined
    return { atMs: record.ackedAtMs }
  }

  async session(peer: Author): Promise<SessionInfo> {
    const {
      lastContactAtMs,
      lastSyncAtMs,
      successfulSyncs,
      failedSyncs,
      consecutiveFailures,
      lastError,
      past
    } = this.#sessions.of(peer)
    const stream = this.#loop?.state.byPeer.get(peer)
    const traffic = stream === undefined ? undefined : this.#loop?.channel(stream.id)?.traffic
    const standing = this.#standing(peer)
    return {
      peer,
      ...standing,
      theyLack: await this.#theyLack(peer),
      weLack: stream?.complete === true && stream.outstanding.size === 0 ? NOTHING : 'unknown',
      lastContactAtMs,
      lastSyncAtMs,
      successfulSyncs,
      failedSyncs,
      consecutiveFailures,
      bytesSent: past.bytesSent + (traffic?.bytesSent ?? 0),
      bytesReceived: past.bytesReceived + (traffic?.bytesReceived ?? 0),
      lastError
    }
  }

  #standing(peer: Author): Pick<SessionInfo, 'state' | 'reason'> {
    const stream = this.#loop?.state.byPeer.get(peer)
    const connected = this.#components.net.connected().some(other => other.peer === peer)
    if (stream === undefined) {
      const { lastError } = this.#sessions.of(peer)
      const state = connected ? 'unknown' : 'offline'
      return lastError === null ? { state } : { state, reason: lastError }
    }
    if (this.inSync(peer)) return { state: 'current' }
    if (stream.phase === 'hello') return { state: 'unknown', reason: 'the handshake is under way' }
    if (stream.choked) return { state: 'behind', reason: 'the peer takes nothing at the moment' }
    return { state: 'syncing' }
  }

  async #theyLack(peer: Author): Promise<Lag | 'unknown'> {
    const { store } = this.#components
    const account = this.#loop?.state.accounts.get(peer) ?? store.peer(peerIdOf(peer))
    if (account === undefined) return 'unknown'
    if (account.acked >= store.mark.position) return NOTHING
    const nowhere = Number.MAX_SAFE_INTEGER
    return store.backlog(
      account.acked,
      tip => tip.author === peer || this.holds(peer, tip, nowhere) !== undefined
    )
  }

  async syncNow(peer: Author, options: WaitOptions = {}): Promise<SyncRound> {
    const { timeoutMs, maxRetries } = this.#sync
    this.#pinned.add(peer)
    try {
      for (let attempt = 1; ; attempt++) {
        const round = await this.#round(peer, options.timeout ?? timeoutMs, options.signal)
        if (round.status !== 'failed' || attempt >= maxRetries) return round
      }
    } finally {
      this.#pinned.delete(peer)
    }
  }

  async #round(peer: Author, timeoutMs: number, signal: AbortSignal | undefined): Promise<SyncRound> {
    if (this.#loop === undefined) throw new NatterError('NOT_READY', 'the node takes part in no exchange now')
    const begun = this.#components.clock.now()
    const round = this.#sessions.next(peer, timeoutMs, signal)
    const stream = this.#loop.state.byPeer.get(peer)
    if (stream !== undefined) this.#loop.dispatch({ type: 'sync', peer })
    else if (!(await this.#neighbourhood.open(peer, signal))) {
      round.catch(() => undefined) // nobody waits for it any more
      return this.#failedRound(peer, begun, this.#sessions.of(peer).lastError ?? 'no stream')
    }
    try {
      return await round
    } catch (error) {
      if (!(error instanceof NatterError) || error.code !== 'TIMEOUT') throw error
      return this.#failedRound(peer, begun, error.message)
    }
  }

  #failedRound(peer: Author, begun: number, reason: string): SyncRound {
    return {
      peer: peerIdOf(peer),
      status: 'failed',
      reason,
      sent: 0,
      received: 0,
      bytesSent: 0,
      bytesReceived: 0,
      roundTrips: 0,
      durationMs: Math.max(0, this.#components.clock.now() - begun)
    }
  }

  ask(peer: Author, options: WaitOptions = {}): Promise<void> {
    const turn = this.#asking.then(() => this.#ask(peer, options))
    this.#asking = turn.catch(() => undefined).then(() => this.#pause(askEveryMs))
    return turn
  }

  async #ask(peer: Author, { timeout, signal }: WaitOptions): Promise<void> {
    const state = this.#loop?.state
    if (signal?.aborted) throw new NatterError('ABORTED', 'the call was given up')
    if (state === undefined) throw new NatterError('NOT_READY', 'the node takes part in no exchange now')
    // A neighbour's acks say the same, and sooner.
    if (state.byPeer.get(peer)?.phase === 'ready') return
    const { net, clock, crypto, store } = this.#components
    const stream = await net.openStream(peer, signal === undefined ? {} : { signal })
    const sent = { digest: digestOf(state), mark: state.mark }
    const saved = store.peer(peerIdOf(peer))
    const init = {
      clock,
      hashes: crypto,
      database: store.database,
      timeoutMs: timeout ?? this.#sync.timeoutMs
    }
    const hello = await exchangeHello(init, stream, helloTo(state, peer, sent, saved?.theirs))
    this.#sessions.heard(peer)
    const event = { type: 'answered', peer, hello } as const
    this.#loop?.dispatch(saved === undefined ? event : { ...event, saved })
  }

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => this.#components.clock.schedule(ms, resolve))
  }
}

/** Options laid over the defaults; one that is given as undefined counts as absent. */
function withDefaults(given: EngineInit['sync'] = {}): typeof defaults {
  return {
    intervalMs: given.intervalMs ?? defaults.intervalMs,
    batchOps: given.batchOps ?? defaults.batchOps,
    timeoutMs: given.timeoutMs ?? defaults.timeoutMs,
    maxRetries: given.maxRetries ?? defaults.maxRetries,
    differential: given.differential ?? defaults.differential
  }
}

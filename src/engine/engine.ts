/**
 * The engine put together. One life of the state machine lasts from an open store to its fence, a fault or the stop;
 * each begins with what is durable, and everything else is asked of the peers again.
 */

import { failpoint } from '../base/failpoints.js'
import type { Lag, SyncRound, WaitOptions } from '../base/index.js'
import { messageOf } from '../base/index.js'
import type { Author, Tip } from '../log/index.js'
import { peerIdOf, shortId } from '../log/index.js'
import type { SyncStream } from '../net/index.js'
import type { State } from '../replication/index.js'
import { createState } from '../replication/index.js'
import type { CommitNotice } from '../store/index.js'
import { Accounts } from './accounts.js'
import { Exchanges } from './exchanges.js'
import { Gossip } from './gossip.js'
import type { Engine, EngineComponents, EngineHealth, EngineInit, SessionInfo, Standing } from './index.js'
import type { Log } from './log.js'
import { silent } from './log.js'
import { Loop } from './loop.js'
import { Monotonic } from './monotonic.js'
import { Neighbourhood } from './neighbourhood.js'
import { pacedCrypto } from './paced-crypto.js'
import { RecentCommits } from './recent-commits.js'
import { Repairs } from './repairs.js'
import { Sessions } from './sessions.js'
import { Streams } from './streams.js'

const defaults = { intervalMs: 10_000, batchOps: 1000, timeoutMs: 30_000, maxRetries: 3, differential: true }
/** PINGs within the time after which a silent stream is given up. */
const pingsPerTimeout = 3
/** Wait before everything begins anew after a fault of this program. */
const faultPauseMs = 1000

export class ReplicationEngine implements Engine {
  readonly handlers: Engine['handlers']
  readonly #components: EngineComponents
  readonly #init: EngineInit
  readonly #sync: typeof defaults
  readonly #log: Log
  readonly #time: Monotonic
  readonly #sessions: Sessions
  readonly #streams: Streams
  readonly #accounts: Accounts
  readonly #exchanges: Exchanges
  readonly #gossip: Gossip | undefined
  readonly #recent = new RecentCommits()
  readonly #neighbourhood: Neighbourhood
  readonly #repairs: Repairs
  readonly #progressListeners = new Set<() => void>()
  readonly #early: SyncStream[] = []
  readonly #subscriptions: (() => void)[] = []
  #loop: Loop | undefined
  #state: 'new' | 'opening' | 'open' | 'fenced' | 'closed' = 'new'

  constructor(components: EngineComponents, init: EngineInit) {
    const { clock } = components
    this.#components = components
    this.#init = init
    this.#sync = withDefaults(init.sync)
    this.#log = init.log ?? silent
    this.#time = new Monotonic(clock)
    this.#sessions = new Sessions(clock, peer => this.#neighbourhood.settled(peer))
    const parts = { ...components, time: this.#time, sessions: this.#sessions, loop: () => this.#loop }
    this.#accounts = new Accounts(parts)
    this.#streams = new Streams({
      ...parts,
      crypto: pacedCrypto(components.crypto, clock),
      log: this.#log,
      recent: this.#recent,
      limits: init.limits,
      runBatches: this.#sync.batchOps,
      onEnded: (peer, refused) => {
        if (refused) this.#neighbourhood.avoid(peer, 0)
        else this.#neighbourhood.lookSoon()
      }
    })
    this.#repairs = new Repairs({ ...parts, log: this.#log })
    this.#exchanges = new Exchanges({
      ...parts,
      ...this.#sync,
      open: (peer, signal) => this.#neighbourhood.open(peer, signal)
    })
    this.#neighbourhood = new Neighbourhood({
      ...components,
      self: components.store.author,
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
    this.#gossip = init.gossip === false ? undefined : this.#createGossip()
    this.handlers = {
      onStream: stream => this.#onStream(stream),
      onGossip: (data, from) => this.#gossip?.receive(data, from) ?? 'ignore',
      onPeerConnected: peer => this.#neighbourhood.connected(peer),
      onPeerDisconnected: peer => this.#neighbourhood.disconnected(peer),
      onPresence: () => this.#neighbourhood.lookSoon()
    }
  }

  #createGossip(): Gossip {
    const { store, net, clock, crypto } = this.#components
    return new Gossip({
      database: store.database,
      clock,
      crypto,
      publish: data => {
        this.#log('gossip', `→ ${data.length} bytes`)
        net.publish(data)
      },
      deliver: (batch, from) => {
        this.#log('gossip', `${peerIdOf(from)} ← batch ${batch.id.slice(0, 16)}`)
        this.#loop?.dispatch({ type: 'gossiped', from, batches: [batch] })
      }
    })
  }

  // Life

  async start(): Promise<void> {
    const { store } = this.#components
    this.#subscriptions.push(
      store.onCommit(notice => this.#onCommit(notice)),
      store.onMissing(() => this.#repairs.look()),
      store.onEvent('storage', ({ state }) => {
        if (state === 'fenced') this.#suspend('the disk takes no writes')
        else if (state === 'open') this.#followMending()
      })
    )
    await this.#open()
  }

  async #open(): Promise<void> {
    const { store, clock } = this.#components
    this.#state = 'opening'
    let state = await this.#createState()
    // A commit in between would be told to nobody.
    while (state.mark.position !== store.mark.position) state = await this.#createState()
    if (this.#state !== 'opening') return
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
      onUnanswered: tip => this.#repairs.unanswered(tip),
      onFault: error => {
        this.#log('sync', `a fault: ${error instanceof Error ? error.stack : messageOf(error)}`)
        this.#suspend('a fault')
        clock.schedule(faultPauseMs, () => this.#resume())
      }
    })
    this.#state = 'open'
    this.#repairs.look()
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

  /** Ends the life of the state machine: this node can neither serve nor acknowledge. */
  #suspend(reason: string): void {
    if (this.#state !== 'open' && this.#state !== 'opening') return
    this.#state = 'fenced'
    this.#neighbourhood.pause()
    const loop = this.#loop
    this.#loop = undefined
    for (const channel of loop?.channels() ?? []) loop?.refuse(channel.id, new Error(reason))
    loop?.end()
    this.#tellProgress()
  }

  /** Open again, or mended: a batch that came back may have made others no tips, which is no event of the state machine. */
  #followMending(): void {
    const { store, crypto } = this.#components
    const loop = this.#loop
    if (loop !== undefined && loop.state.frontier.digest(crypto) !== store.frontierDigest())
      this.#suspend('the log was mended')
    this.#resume()
  }

  #resume(): void {
    if (this.#state !== 'fenced' || this.#components.store.disk.state !== 'open') return
    this.#open().catch(error => {
      this.#log('store', `cannot go on: ${messageOf(error)}`)
      this.#suspend('the log cannot be read')
      this.#components.clock.schedule(faultPauseMs, () => this.#resume())
    })
  }

  async stop(): Promise<void> {
    this.#state = 'closed'
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe()
    this.#neighbourhood.pause()
    this.#loop?.end()
    this.#loop = undefined
    for (const stream of this.#early.splice(0)) stream.abort(new Error('stopped'))
  }

  #onCommit({ applied }: CommitNotice): void {
    for (const { batch } of applied) this.#recent.committed(shortId(batch.id))
    if (applied.length > 0) failpoint('engine.commit.before-told')
    this.#loop?.dispatch({ type: 'committed', applied })
    this.#gossip?.committed(applied)
    if (applied.length > 0) failpoint('engine.commit.after-told')
    this.#tellProgress()
  }

  #tellProgress(): void {
    for (const listener of this.#progressListeners) listener()
  }

  // Streams

  #onStream(stream: SyncStream): void {
    if (this.#state === 'new' || this.#state === 'opening') this.#early.push(stream)
    else this.#adopt(stream)
  }

  #adopt(stream: SyncStream): void {
    if (this.#loop === undefined) stream.abort(new Error('this node takes part in no exchange now'))
    else this.#streams.adopt(this.#loop, stream)
  }

  #current(peer: Author): { outbound: boolean; openedAtMs: number; busy: boolean } | undefined {
    const stream = this.#loop?.state.byPeer.get(peer)
    if (stream === undefined) return undefined
    const busy = this.#exchanges.isAwaited(peer) || stream.round !== undefined
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
    return this.#accounts.inSync(peer)
  }

  holds(peer: Author, tip: Tip, position: number): { atMs: number } | undefined {
    return this.#accounts.holds(peer, tip, position)
  }

  session(peer: Author): Promise<SessionInfo> {
    return this.#accounts.session(peer)
  }

  standing(peer: Author): Standing {
    return this.#accounts.standing(peer)
  }

  theyLack(peer: Author): Promise<Lag | 'unknown'> {
    return this.#accounts.theyLack(peer)
  }

  health(most: number): EngineHealth {
    return this.#accounts.health(most)
  }

  syncNow(peer: Author, options: WaitOptions = {}): Promise<SyncRound> {
    return this.#exchanges.syncNow(peer, options)
  }

  forget(peer: Author): void {
    this.#loop?.dispatch({ type: 'forgotten', peer })
  }

  ask(peer: Author, options: WaitOptions = {}): Promise<void> {
    return this.#exchanges.ask(peer, options)
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

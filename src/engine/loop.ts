/**
 * The loop: events go into the state machine one at a time, and its effects are performed in their order. What an
 * effect starts (an apply, a read) runs on its own and comes back as an event, so a commit in flight holds up nothing.
 */

import { failpoint } from '../base/failpoints.js'
import type { Clock, ErrorCode, Timer } from '../base/index.js'
import { messageOf, NatterError } from '../base/index.js'
import type { Author, Message, Tip } from '../log/index.js'
import { peerIdOf } from '../log/index.js'
import type { Effect, Event, State } from '../replication/index.js'
import { step } from '../replication/index.js'
import type { ApplyResult, PeerRecord, Store } from '../store/index.js'
import { Answers } from './answers.js'
import type { Channel } from './channel.js'
import { describe } from './channel.js'
import type { Log } from './log.js'
import { isRead } from './log.js'
import { lookBack } from './look-back.js'
import type { Monotonic } from './monotonic.js'
import type { Sessions } from './sessions.js'

/** Time for an ERR to leave before a stream of a peer that broke the protocol is reset. */
const lastWordMs = 1000
/** Wait before a stream is opened again after the disk refused what came over it. */
const refusedMs = 5000
const NEW_PEER: PeerRecord = {
  acked: 0,
  ackedAtMs: 0,
  durable: false,
  kind: 'peer',
  blocked: false,
  addrs: []
}

export interface LoopInit {
  readonly store: Store
  readonly clock: Clock
  readonly time: Monotonic
  readonly state: State
  readonly sessions: Sessions
  readonly log: Log
  /** Told after the effects of an event when an account moved. */
  readonly onProgress: () => void
  /** A stream was closed by this side; `againMs` says when to open another. */
  readonly onClosed: (channel: Channel, reason: string, violation: boolean, againMs: number) => void
  /** Nobody who is connected has a batch that is damaged here. */
  readonly onUnanswered: (tip: Tip) => void
  /** Something that must not happen did, and the state may be half changed: begin anew from what is durable. */
  readonly onFault: (error: unknown) => void
}

interface Open {
  readonly channel: Channel
  readonly answers: Answers
}

export class Loop {
  readonly state: State
  readonly #init: LoopInit
  readonly #streams = new Map<number, Open>()
  readonly #events: Event[] = []
  #running = false
  #progress = false
  #ended = false
  #timer: Timer | undefined

  constructor(init: LoopInit) {
    this.#init = init
    this.state = init.state
  }

  channels(): Channel[] {
    return [...this.#streams.values()].map(open => open.channel)
  }

  channel(stream: number): Channel | undefined {
    return this.#streams.get(stream)?.channel
  }

  /** Takes a stream in: HELLO goes out at once. */
  open(channel: Channel, rttMs: number | null): void {
    const { store } = this.#init
    this.#streams.set(channel.id, { channel, answers: new Answers(store) })
    const saved = store.peer(peerIdOf(channel.peer))
    const { outbound } = channel.stream
    const event = { type: 'opened', stream: channel.id, peer: channel.peer, outbound, rttMs } as const
    this.dispatch(saved === undefined ? event : { ...event, saved })
  }

  /** The stream is gone, whoever ended it. */
  closed(channel: Channel, reason: string): void {
    this.#forget(channel)
    this.dispatch({ type: 'closed', stream: channel.id, reason })
  }

  #forget(channel: Channel): void {
    const open = this.#streams.get(channel.id)
    if (open === undefined) return
    this.#streams.delete(channel.id)
    open.answers.close()
    this.#init.sessions.closed(channel)
  }

  end(): void {
    this.#ended = true
    this.#timer?.cancel()
    for (const { channel, answers } of this.#streams.values()) {
      answers.close()
      channel.close()
    }
    this.#streams.clear()
  }

  dispatch(event: Event): void {
    if (this.#ended) return
    this.#events.push(event)
    if (this.#running) return
    this.#running = true
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        for (const effect of step(this.state, next, this.#init.time.now())) this.#perform(effect)
      }
    } catch (error) {
      this.end()
      this.#init.onFault(error)
    } finally {
      this.#running = false
    }
    if (!this.#progress) return
    this.#progress = false
    this.#init.onProgress()
  }

  #perform<T extends Effect['type']>(effect: Extract<Effect, { type: T }>): void {
    this.#performers[effect.type as T](effect)
  }

  readonly #performers: { readonly [T in Effect['type']]: (effect: Extract<Effect, { type: T }>) => void } = {
    send: ({ stream, message }) => this.#send(stream, message),
    sendRun: ({ stream, message }) =>
      this.dispatch({ type: 'sent', stream, bytes: this.#send(stream, message) }),
    apply: effect => this.#apply(effect),
    readHeads: ({ stream, since }) =>
      this.#reading(stream, async () => {
        const { tips } = await this.#init.store.tipsSince(since)
        return { type: 'headsRead', stream, tips }
      }),
    serve: ({ stream, want }) =>
      this.#reading(stream, async ({ answers, channel }) => {
        const known = await answers.add(want)
        if (known) channel.resumes(want)
        return { type: 'served', stream, tip: want.tip, known }
      }),
    readRun: ({ stream, maxBytes }) =>
      this.#reading(stream, async ({ answers }) => ({
        type: 'runRead',
        stream,
        ...(await answers.next(maxBytes))
      })),
    readBack: ({ stream, tip }) =>
      this.#reading(stream, async () => {
        return { type: 'backRead', stream, tip, have: await lookBack(this.#init.store, tip) }
      }),
    savePeer: effect => this.#savePeer(effect),
    close: effect => this.#close(effect),
    roundBegan: ({ stream }) => {
      const channel = this.channel(stream)
      if (channel !== undefined) this.#init.sessions.roundBegan(channel)
    },
    roundEnded: effect => {
      const { ok, roundTrips, reason } = effect
      this.#log(effect, `round ${ok ? 'ok' : `failed: ${reason}`}, ${roundTrips} round trips`)
      this.#init.sessions.roundEnded(effect.stream, effect)
    },
    progress: () => {
      this.#progress = true
    },
    wake: ({ atMs }) => this.#wakeAt(atMs),
    trouble: effect => this.#log(effect, effect.reason),
    unanswered: ({ tip }) => this.#init.onUnanswered(tip),
    suspect: effect => this.#suspect(effect)
  }

  #log({ peer }: { readonly peer: Author }, line: string): void {
    this.#init.log('sync', `${peerIdOf(peer)} ${line}`)
  }

  #savePeer({ peer, record }: Extract<Effect, { type: 'savePeer' }>): void {
    const { store, time } = this.#init
    failpoint('engine.cursor.before-save')
    const id = peerIdOf(peer)
    const ackedAtMs = time.wall(record.ackedAtMs)
    store.savePeer(id, { ...(store.peer(id) ?? NEW_PEER), ...record, ackedAtMs })
  }

  #wakeAt(atMs: number): void {
    const { time, clock } = this.#init
    this.#timer?.cancel()
    this.#timer = clock.schedule(Math.max(0, atMs - time.now()), () => this.dispatch({ type: 'wake' }))
  }

  #suspect(effect: Extract<Effect, { type: 'suspect' }>): void {
    const { store, log } = this.#init
    this.#log(effect, 'holds the same tips under another digest: checking the own disk')
    store.verify().then(
      report => log('store', report.ok ? 'the own disk is sound' : `${report.damage.length} faults found`),
      error => log('store', `the own disk cannot be checked: ${messageOf(error)}`)
    )
  }

  #send(stream: number, message: Message): number {
    const channel = this.channel(stream)
    if (channel === undefined) return 0
    if (message.type === 'want') {
      const offset = channel.takeOffset(message.tip)
      if (offset > 0) message = { ...message, offset }
    }
    const { log } = this.#init
    if (isRead(log, 'sync')) log('sync', `${peerIdOf(channel.peer)} → ${describe(message)}`)
    if (message.type !== 'ack') return channel.send(message)
    failpoint('engine.ack.before-send')
    channel.send(message)
    failpoint('engine.ack.after-send')
    return 0
  }

  #close({ stream, reason, violation, againMs }: Extract<Effect, { type: 'close' }>): void {
    const channel = this.channel(stream)
    if (channel === undefined) return
    this.#init.log('sync', `${peerIdOf(channel.peer)} closing: ${reason}`)
    this.#forget(channel)
    channel.close()
    if (violation) this.#init.clock.schedule(lastWordMs, () => channel.abort(new Error(reason)))
    this.#init.onClosed(channel, reason, violation, againMs)
  }

  #apply({ stream, from, batches, proof, bytes, since }: Extract<Effect, { type: 'apply' }>): void {
    this.#init.store.apply(batches, proof).then(
      outcomes => {
        failpoint('engine.apply.durable')
        const results = outcomes.map(plain)
        this.dispatch({ type: 'results', stream, from, bytes, proof, since, outcomes: results })
      },
      (error: unknown) => {
        const outcomes = batches.map(batch => ({ batch, status: 'failed' }) as const)
        this.dispatch({ type: 'results', stream, from, bytes, proof, since, outcomes })
        this.refuse(stream, error)
      }
    )
  }

  /** The disk refuses what came over a stream: the peer is told when to come again. */
  refuse(stream: number | null, error: unknown): void {
    const channel = stream === null ? undefined : this.channel(stream)
    this.#init.log('store', `cannot take in: ${messageOf(error)}`)
    if (channel === undefined) return
    channel.send({
      type: 'err',
      code: 'UNAVAILABLE',
      retryable: true,
      retryAfterMs: refusedMs,
      text: codeOf(error)
    })
    channel.close()
    this.closed(channel, messageOf(error))
    this.#init.onClosed(channel, messageOf(error), false, refusedMs)
  }

  /** Runs a read for a stream, which comes back as an event; one that fails ends the stream, not the node. */
  #reading(stream: number, read: (open: Open) => Promise<Event>): void {
    const open = this.#streams.get(stream)
    if (open === undefined) return
    read(open)
      .then(event => this.dispatch(event))
      .catch(error => this.refuse(stream, error))
  }
}

function plain(result: ApplyResult): Extract<Event, { type: 'results' }>['outcomes'][number] {
  const { batch } = result
  if (result.status !== 'missing') return { batch, status: result.status }
  if (result.impossible === true) return { batch, status: 'never' }
  return { batch, status: 'missing', missing: result.missing }
}

function codeOf(error: unknown): ErrorCode {
  return error instanceof NatterError ? error.code : 'INTERNAL'
}

/**
 * The loop: events go into the state machine one at a time, and its effects are performed in their order. What an
 * effect starts (an apply, a read) runs on its own and comes back as an event, so a commit in flight holds up nothing.
 */
import type { Clock, ErrorCode, Timer } from '../base/index.js'
import { messageOf, NatterError } from '../base/index.js'
import type { Message } from '../log/index.js'
import { peerIdOf } from '../log/index.js'
import type { Effect, Event, State } from '../replication/index.js'
import { step } from '../replication/index.js'
import type { ApplyResult, PeerRecord, Store } from '../store/index.js'
import { Answers } from './answers.js'
import type { Channel } from './channel.js'
import { describe } from './channel.js'
import type { Log } from './log.js'
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

  #perform(effect: Effect): void {
    const { store, sessions, log, time } = this.#init
    switch (effect.type) {
      case 'send':
        this.#send(effect.stream, effect.message)
        return
      case 'sendRun': {
        const bytes = this.#send(effect.stream, effect.message)
        this.dispatch({ type: 'sent', stream: effect.stream, bytes })
        return
      }
      case 'apply':
        this.#apply(effect)
        return
      case 'readHeads':
        this.#reading(effect.stream, async () => {
          const { tips } = await store.tipsSince(effect.since)
          this.dispatch({ type: 'headsRead', stream: effect.stream, tips })
        })
        return
      case 'serve':
        this.#reading(effect.stream, async ({ answers, channel }) => {
          const { want, stream } = effect
          if (want.offset > 0) channel.offsets.set(want.tip.id, want.offset)
          this.dispatch({ type: 'served', stream, tip: want.tip, known: await answers.add(want) })
        })
        return
      case 'readRun':
        this.#reading(effect.stream, async ({ answers }) => {
          this.dispatch({ type: 'runRead', stream: effect.stream, ...(await answers.next(effect.maxBytes)) })
        })
        return
      case 'readBack':
        this.#reading(effect.stream, async () => {
          const have = await lookBack(store, effect.tip)
          this.dispatch({ type: 'backRead', stream: effect.stream, tip: effect.tip, have })
        })
        return
      case 'savePeer': {
        const id = peerIdOf(effect.peer)
        const ackedAtMs = time.wall(effect.record.ackedAtMs)
        store.savePeer(id, { ...(store.peer(id) ?? NEW_PEER), ...effect.record, ackedAtMs })
        return
      }
      case 'close':
        this.#close(effect)
        return
      case 'roundBegan': {
        const channel = this.channel(effect.stream)
        if (channel !== undefined) sessions.roundBegan(channel)
        return
      }
      case 'roundEnded': {
        const { ok, roundTrips, reason, peer } = effect
        log('sync', `${peerIdOf(peer)} round ${ok ? 'ok' : `failed: ${reason}`}, ${roundTrips} round trips`)
        sessions.roundEnded(effect.stream, effect)
        return
      }
      case 'progress':
        this.#progress = true
        return
      case 'wake': {
        this.#timer?.cancel()
        const delayMs = Math.max(0, effect.atMs - time.now())
        this.#timer = this.#init.clock.schedule(delayMs, () => this.dispatch({ type: 'wake' }))
        return
      }
      case 'trouble':
        log('sync', `${peerIdOf(effect.peer)} ${effect.reason}`)
        return
      case 'suspect':
        log(
          'sync',
          `${peerIdOf(effect.peer)} holds the same tips under another digest: checking the own disk`
        )
        store.verify().then(
          report =>
            log('store', report.ok ? 'the own disk is sound' : `${report.damage.length} faults found`),
          error => log('store', `the own disk cannot be checked: ${messageOf(error)}`)
        )
        return
    }
  }

  #send(stream: number, message: Message): number {
    const channel = this.channel(stream)
    if (channel === undefined) return 0
    if (message.type === 'want') {
      const offset = channel.takeOffset(message.tip)
      if (offset > 0) message = { ...message, offset }
    }
    this.#init.log('sync', `${peerIdOf(channel.peer)} → ${describe(message)}`)
    return channel.send(message)
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

  /** Runs a read for a stream; one that fails ends the stream, not the node. */
  #reading(stream: number, read: (open: Open) => Promise<void>): void {
    const open = this.#streams.get(stream)
    if (open === undefined) return
    read(open).catch(error => this.refuse(stream, error))
  }
}

function plain(result: ApplyResult): Extract<Event, { type: 'results' }>['outcomes'][number] {
  const { batch } = result
  return result.status === 'missing'
    ? { batch, status: 'missing', missing: result.missing }
    : { batch, status: result.status }
}

function codeOf(error: unknown): ErrorCode {
  return error instanceof NatterError ? error.code : 'INTERNAL'
}

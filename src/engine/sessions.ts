/** What is told about the exchange with each peer: rounds, bytes, last contact and last error. Statistics only. */
import { type Clock, NatterError, PEER, type SyncRound } from '../base/index.js'
import type { Author } from '../log/index.js'
import { peerIdOf } from '../log/index.js'
import type { Channel, Traffic } from './channel.js'

/** The reason of a stream that the peer closed in order. */
export const leftByPeer = 'closed by the peer'

export interface Session {
  lastContactAtMs: number | null
  lastSyncAtMs: number | null
  successfulSyncs: number
  failedSyncs: number
  consecutiveFailures: number
  lastError: string | null
  /** Of streams that are closed. */
  readonly past: Traffic
}

interface OpenRound {
  readonly channel: Channel
  readonly begunAtMs: number
  readonly before: Traffic
}

export class Sessions {
  readonly #clock: Clock
  readonly #sessions = new Map<Author, Session>()
  readonly #rounds = new Map<number, OpenRound>()
  readonly #listeners = new Set<(round: SyncRound) => void>()
  readonly #waiting = new Map<Author, Set<(round: SyncRound) => void>>()

  readonly #onOk: (peer: Author) => void

  constructor(clock: Clock, onOk: (peer: Author) => void) {
    this.#clock = clock
    this.#onOk = onOk
  }

  of(peer: Author): Session {
    let session = this.#sessions.get(peer)
    if (session === undefined) {
      session = {
        lastContactAtMs: null,
        lastSyncAtMs: null,
        successfulSyncs: 0,
        failedSyncs: 0,
        consecutiveFailures: 0,
        lastError: null,
        past: { bytesSent: 0, bytesReceived: 0, opsSent: 0, opsReceived: 0 }
      }
      this.#sessions.set(peer, session)
      // Statistics only: those of whoever came first begin anew.
      if (this.#sessions.size > PEER.remembered) this.#sessions.delete(this.#sessions.keys().next().value!)
    }
    return session
  }

  heard(peer: Author): void {
    this.of(peer).lastContactAtMs = this.#clock.now()
  }

  failed(peer: Author, reason: string): void {
    this.of(peer).lastError = reason
  }

  /** Keeps what went over a stream that is closed. */
  closed(channel: Channel): void {
    const { past } = this.of(channel.peer)
    past.bytesSent += channel.traffic.bytesSent
    past.bytesReceived += channel.traffic.bytesReceived
    past.opsSent += channel.traffic.opsSent
    past.opsReceived += channel.traffic.opsReceived
  }

  onRound(listener: (round: SyncRound) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  roundBegan(channel: Channel): void {
    this.#rounds.set(channel.id, {
      channel,
      begunAtMs: this.#clock.now(),
      before: { ...channel.traffic }
    })
  }

  roundEnded(
    stream: number,
    { ok, reason, roundTrips }: { ok: boolean; reason?: string; roundTrips: number }
  ): void {
    const open = this.#rounds.get(stream)
    if (open === undefined) return
    this.#rounds.delete(stream)
    const { channel, begunAtMs, before } = open
    const now = this.#clock.now()
    const { traffic, peer } = channel
    const round: SyncRound = {
      peer: peerIdOf(peer),
      status: ok ? 'ok' : 'failed',
      ...(reason !== undefined && { reason }),
      sent: traffic.opsSent - before.opsSent,
      received: traffic.opsReceived - before.opsReceived,
      bytesSent: traffic.bytesSent - before.bytesSent,
      bytesReceived: traffic.bytesReceived - before.bytesReceived,
      roundTrips,
      durationMs: Math.max(0, now - begunAtMs)
    }
    const session = this.of(peer)
    const waiting = this.#waiting.get(peer)
    this.#waiting.delete(peer)
    for (const resolve of waiting ?? []) resolve(round)
    // Somebody asked how far this node is, and left: no round, and no failure.
    if (reason === leftByPeer) return
    if (ok) {
      session.successfulSyncs++
      session.consecutiveFailures = 0
      session.lastSyncAtMs = now
      session.lastError = null
      this.#onOk(peer)
    } else {
      session.failedSyncs++
      session.consecutiveFailures++
      session.lastError = reason ?? null
    }
    for (const listener of this.#listeners) listener(round)
  }

  /** The next round with this peer that ends. Rejects with `TIMEOUT` or `ABORTED`. */
  next(peer: Author, timeoutMs: number, signal?: AbortSignal): Promise<SyncRound> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(peer) ?? new Set()
      this.#waiting.set(peer, waiting)
      const end = () => {
        waiting.delete(done)
        timer.cancel()
        signal?.removeEventListener('abort', aborted)
      }
      const done = (round: SyncRound) => {
        end()
        resolve(round)
      }
      const aborted = () => {
        end()
        reject(new NatterError('ABORTED', 'the call was given up'))
      }
      const timer = this.#clock.schedule(timeoutMs, () => {
        end()
        reject(new NatterError('TIMEOUT', `no round with ${peerIdOf(peer)} ended within ${timeoutMs} ms`))
      })
      waiting.add(done)
      if (signal?.aborted) aborted()
      else signal?.addEventListener('abort', aborted)
    })
  }
}

/**
 * Streams of one life of the state machine: each gets a channel, is read to its end, and ends alone whatever it brings.
 * What a stream left off of a large batch is kept for the next stream with the same peer.
 */
import type { Crypto, Limits } from '../base/index.js'
import { messageOf, NatterError } from '../base/index.js'
import type { Author } from '../log/index.js'
import { peerIdOf } from '../log/index.js'
import type { Net, SyncStream } from '../net/index.js'
import type { Store } from '../store/index.js'
import type { PartialBatch } from '../wire/index.js'
import { Channel } from './channel.js'
import { readFrames } from './inbound.js'
import type { Log } from './log.js'
import type { Loop } from './loop.js'
import type { Monotonic } from './monotonic.js'
import type { RecentCommits } from './recent-commits.js'
import type { Sessions } from './sessions.js'

/** Streams that end sooner count as refused. */
const shortLifeMs = 2000

export interface StreamsInit {
  readonly store: Store
  readonly net: Net
  readonly crypto: Crypto
  readonly time: Monotonic
  readonly log: Log
  readonly recent: RecentCommits
  readonly sessions: Sessions
  readonly limits: Limits
  /** Batches of one RUN at most. */
  readonly runBatches: number
  /** A stream ended; `refused` when another should not follow at once. */
  readonly onEnded: (peer: Author, refused: boolean) => void
}

export class Streams {
  readonly #init: StreamsInit
  /** Large batches that a stream left off, by the peer that has them; oldest first. */
  readonly #partials = new Map<Author, PartialBatch>()
  /** Streams that brought pieces of large batches; the one that has brought none for longest first. */
  readonly #staging = new Set<Channel>()
  #count = 0

  constructor(init: StreamsInit) {
    this.#init = init
  }

  /** Takes a stream into the loop: HELLO goes out at once. */
  adopt(loop: Loop, stream: SyncStream): void {
    const { store, crypto, net, limits, runBatches } = this.#init
    const id = ++this.#count
    const channel = new Channel({
      id,
      stream,
      hashes: crypto,
      database: store.database,
      chokeBytes: limits.slowPeerBytes,
      runBatches,
      windowBytes: limits.windowBytes,
      onChoked: choked => loop.dispatch({ type: 'choked', stream: id, choked })
    })
    const partial = this.#partials.get(channel.peer)
    if (partial !== undefined) channel.continueFrom(partial)
    this.#partials.delete(channel.peer)
    void this.#read(loop, channel)
    loop.open(channel, net.connected().find(({ peer }) => peer === channel.peer)?.rttMs ?? null)
  }

  async #read(loop: Loop, channel: Channel): Promise<void> {
    const { store, crypto, log, recent, sessions, time, onEnded } = this.#init
    const openedAtMs = time.now()
    try {
      const reason = await readFrames(
        {
          store,
          crypto,
          log,
          recent,
          dispatch: event => loop.dispatch(event),
          heard: ({ peer }) => sessions.heard(peer),
          staged: () => this.#makeRoom(loop, channel)
        },
        channel
      )
      this.#keepPartial(channel)
      const wasOpen = loop.channel(channel.id) === channel
      loop.closed(channel, reason)
      channel.close()
      onEnded(channel.peer, wasOpen && time.now() - openedAtMs < shortLifeMs)
    } catch (error) {
      if (error instanceof NatterError && error.code === 'PROTOCOL_ERROR') this.#blame(loop, channel, error)
      else loop.refuse(channel.id, error)
    } finally {
      this.#staging.delete(channel)
    }
  }

  /** The peer sent what does not decode or verify: this stream is over, and it counts against the peer. */
  #blame(loop: Loop, channel: Channel, error: NatterError): void {
    const { log, net, sessions, onEnded } = this.#init
    const reason = messageOf(error)
    log('sync', `${peerIdOf(channel.peer)} broke the protocol: ${reason}`)
    net.penalize(channel.peer, reason)
    sessions.failed(channel.peer, reason)
    channel.abort(error)
    loop.closed(channel, reason)
    onEnded(channel.peer, true)
  }

  /**
   * Whoever goes on has room: what streams left off goes first, then the stream that has brought nothing for longest is
   * told to come again. Otherwise a few strangers who begin and never go on would keep all large batches out.
   */
  #makeRoom(loop: Loop, channel: Channel): void {
    const { stagedBytes } = this.#init.limits
    this.#staging.delete(channel)
    this.#staging.add(channel)
    let bytes = this.#stagedBytes(loop)
    for (const [peer, kept] of this.#partials) {
      if (bytes <= stagedBytes) return
      this.#partials.delete(peer)
      bytes -= kept.body.length
    }
    for (const other of this.#staging) {
      if (bytes <= stagedBytes) return
      this.#staging.delete(other)
      const held = loop.channel(other.id) === other ? other.decoder.stagedBytes : 0
      if (held === 0) continue
      bytes -= held
      loop.refuse(other.id, new NatterError('NOT_READY', 'too many large batches are under way'))
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
}

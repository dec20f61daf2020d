/** The `/sync/ops` streams of a running net: framed, handed over once their peer is admitted, all cut at the stop. */
import type { Connection, Stream } from '@libp2p/interface'
import type { Clock } from '../base/index.js'
import { messageOf, NatterError, PROTOCOL } from '../base/index.js'
import type { Author } from '../log/index.js'
import { authorOfPeerId } from '../log/index.js'
import { FramedStream } from './framed-stream.js'
import type { SyncStream } from './index.js'
import type { Libp2pNode } from './libp2p-node.js'
import type { Links } from './links.js'
import type { Openings } from './openings.js'

export const SYNC_PROTOCOL = '/sync/ops/1.0.0'
/** Sync streams of one connection: the long-lived one, one being opened, and questions of nodes that are no neighbours. */
const MAX_SYNC_STREAMS = 4

export interface SyncStreamsInit {
  readonly links: Links
  readonly openings: Openings
  readonly clock: Clock
  readonly onStream: (stream: SyncStream) => void
  /** A peer broke the framing. */
  readonly onBroken: (peer: Author, reason: string) => void
}

export class SyncStreams {
  readonly #init: SyncStreamsInit
  readonly #open = new Set<FramedStream>()
  #stopped = false

  constructor(init: SyncStreamsInit) {
    this.#init = init
  }

  async attach(node: Libp2pNode): Promise<void> {
    await node.handle(SYNC_PROTOCOL, (stream, connection) => this.#onStream(stream, connection), {
      maxInboundStreams: MAX_SYNC_STREAMS,
      maxOutboundStreams: MAX_SYNC_STREAMS
    })
  }

  /** Rejects with `PEER_UNREACHABLE`. */
  async open(connection: Connection, peer: Author, options: { signal?: AbortSignal }): Promise<SyncStream> {
    try {
      return this.#frame(await connection.newStream(SYNC_PROTOCOL, options), peer)
    } catch (cause) {
      throw new NatterError('PEER_UNREACHABLE', `no ${SYNC_PROTOCOL} stream: ${messageOf(cause)}`, { cause })
    }
  }

  stop(): void {
    this.#stopped = true
    for (const stream of this.#open) stream.abort(new Error('the node stops'))
  }

  /** Read from this turn on; handed over when the peer is admitted, which its HELLO may be a moment short of. */
  #onStream(stream: Stream, connection: Connection): void {
    const { links, onStream, openings } = this.#init
    const peer = authorOfPeerId(connection.remotePeer.toString())
    if (peer === undefined || this.#stopped) throw new Error('the node stops')
    if (!openings.admit(peer, stream)) return
    const framed = this.#frame(stream, peer)
    if (links.isAdmitted(connection)) {
      onStream(framed)
      return
    }
    links.admission(connection).then(
      () => onStream(framed),
      error => framed.abort(error)
    )
  }

  #frame(stream: Stream, peer: Author): FramedStream {
    const { clock, onBroken } = this.#init
    const framed = new FramedStream(stream, {
      peer,
      maxFrameBytes: PROTOCOL.frameBytes,
      clock,
      onBroken: reason => onBroken(peer, reason)
    })
    this.#open.add(framed)
    stream.addEventListener('close', () => this.#open.delete(framed))
    return framed
  }
}

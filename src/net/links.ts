/**
 * Connections, and whether the other side has taken us in.
 *
 * A dial that resolves is no admission: the peer looks at our key later, and then hangs up. So a peer counts as connected
 * from its presence HELLO on, which it sends to whoever it accepts; a connection that ends before has been refused. The
 * dialling side opens the presence stream. Keeps: each connection gets there within a bound or is closed.
 */
import type { Connection, Stream } from '@libp2p/interface'
import { NatterError, PROTOCOL } from '../base/index.js'
import type { Author } from '../log/index.js'
import { authorOfPeerId } from '../log/index.js'
import type { SignedPresence } from '../wire/index.js'
import { FramedStream } from './framed-stream.js'
import type { RefusedBy } from './index.js'
import type { Openings } from './openings.js'
import type { ExchangeComponents } from './presence-exchange.js'
import { PresenceExchange } from './presence-exchange.js'

export const PRESENCE_PROTOCOL = '/sync/presence/1.0.0'
/** Milliseconds from the open connection to the HELLO. */
const ADMISSION_TIMEOUT_MS = 10_000
/** Milliseconds in which the other side may read why, before the connection is cut. */
const PARTING_MS = 250

export interface LinkComponents extends ExchangeComponents {
  /** Name of the network, for what is told to people. */
  readonly network: string
  readonly openings: Openings
}

export interface LinkHandlers {
  /** The first connection to a peer was admitted. */
  onConnected(peer: Author): void
  /** The last one is gone. */
  onDisconnected(peer: Author): void
  onRefused(peer: Author, reason: string, addr: string, by: RefusedBy): void
  onRecord(signed: SignedPresence): void
  onViolation(peer: Author, reason: string): void
}

interface Link {
  readonly connection: Connection
  readonly peer: Author
  readonly openedAtMs: number
  readonly admission: PromiseWithResolvers<void>
  admitted: boolean
  /** From opening the presence stream to the HELLO: the round trip until the first ping. */
  helloMs: number | null
  /** Why this side ended it. */
  reason: string | undefined
}

export class Links {
  readonly #components: LinkComponents
  readonly #handlers: LinkHandlers
  readonly #links = new Map<Connection, Link>()
  #stopping = false

  constructor(components: LinkComponents, handlers: LinkHandlers) {
    this.#components = components
    this.#handlers = handlers
  }

  /** Admitted connections, oldest first. */
  admitted(): Link[] {
    return [...this.#links.values()].filter(link => link.admitted && link.connection.status === 'open')
  }

  connection(peer: Author): Connection | undefined {
    return this.admitted().find(link => link.peer === peer)?.connection
  }

  /** Peers with an admitted connection. */
  peers(): Set<Author> {
    return new Set(this.admitted().map(link => link.peer))
  }

  isAdmitted(connection: Connection): boolean {
    return this.#links.get(connection)?.admitted === true
  }

  isConnected(peer: Author): boolean {
    return this.connection(peer) !== undefined
  }

  /** Resolves when the peer has taken this connection in; rejects with `PEER_REFUSED`. */
  async admission(connection: Connection): Promise<Author> {
    const link = this.#links.get(connection)
    if (link === undefined) throw new NatterError('PEER_REFUSED', HUNG_UP)
    await link.admission.promise
    return link.peer
  }

  /** Of libp2p's `connection:open`. */
  opened(connection: Connection): void {
    const peer = authorOfPeerId(connection.remotePeer.toString())
    if (peer === undefined || this.#stopping) {
      connection.abort(new Error('no Ed25519 peer id'))
      return
    }
    const { clock } = this.#components
    const link: Link = {
      connection,
      peer,
      openedAtMs: clock.now(),
      admission: Promise.withResolvers<void>(),
      admitted: false,
      helloMs: null,
      reason: undefined
    }
    link.admission.promise.catch(() => undefined)
    this.#links.set(connection, link)
    clock.schedule(ADMISSION_TIMEOUT_MS, () => {
      if (!link.admitted) this.#end(link, `the peer did not answer on ${PRESENCE_PROTOCOL}`)
    })
    if (connection.direction === 'outbound') void this.#greet(link)
  }

  /** Of libp2p's `connection:close`. */
  closed(connection: Connection): void {
    const link = this.#links.get(connection)
    if (link === undefined) return
    this.#links.delete(connection)
    if (link.admitted) {
      if (!this.isConnected(link.peer)) this.#handlers.onDisconnected(link.peer)
      return
    }
    // One of two at the same time: the other decides.
    const other = [...this.#links.values()].find(({ peer }) => peer === link.peer)
    if (other !== undefined && link.reason === undefined) {
      other.admission.promise.then(link.admission.resolve, link.admission.reject)
      return
    }
    const reason = link.reason ?? (connection.direction === 'outbound' ? HUNG_UP : undefined)
    link.admission.reject(new NatterError('PEER_REFUSED', reason ?? HUNG_UP))
    if (reason !== undefined && !this.#stopping) {
      const by = link.reason === undefined ? 'there' : 'here'
      this.#handlers.onRefused(link.peer, reason, connection.remoteAddr.toString(), by)
    }
  }

  /** An inbound presence stream. */
  presenceStream(stream: Stream, connection: Connection): void {
    const link = this.#links.get(connection)
    if (link === undefined) stream.abort(new Error('unknown connection'))
    else if (this.#components.openings.admit(link.peer, stream)) this.#exchange(stream, link)
  }

  /** Ends all connections to a peer. */
  disconnect(peer: Author, reason: string): void {
    for (const link of [...this.#links.values()]) if (link.peer === peer) this.#end(link, reason)
  }

  /**
   * Closes what this side dialled and no longer needs: connections to peers that are not to be kept, without a stream
   * of `protocol`. The other side keeps it up if it needs it: then it dials.
   */
  closeIdle(keep: ReadonlySet<Author>, protocol: string): void {
    for (const { peer, connection } of this.admitted()) {
      if (keep.has(peer) || connection.direction === 'inbound') continue
      if (connection.streams.some(stream => stream.protocol === protocol)) continue
      connection.close().catch(error => connection.abort(error))
    }
  }

  stop(): void {
    this.#stopping = true
  }

  async #greet(link: Link): Promise<void> {
    try {
      const stream = await link.connection.newStream(PRESENCE_PROTOCOL)
      this.#exchange(stream, link)
    } catch (error) {
      const isForeign = error instanceof Error && error.name === 'UnsupportedProtocolError'
      if (isForeign) this.#end(link, `the peer is no node of natter: it does not speak ${PRESENCE_PROTOCOL}`)
      // Otherwise the connection is closing, which says the rest.
    }
  }

  #exchange(stream: Stream, link: Link): void {
    const { clock } = this.#components
    const startedAtMs = clock.now()
    let framed: FramedStream
    try {
      framed = new FramedStream(stream, {
        peer: link.peer,
        maxFrameBytes: PROTOCOL.presenceFrameBytes,
        clock,
        onBroken: reason => this.#handlers.onViolation(link.peer, reason)
      })
    } catch {
      return // reset already
    }
    const exchange = new PresenceExchange(framed, this.#components, {
      onHello: sameDatabase => {
        if (sameDatabase) this.#admit(link, clock.now() - startedAtMs)
        else this.#part(link, `the peer belongs to another network, not to ${this.#components.network}`)
      },
      onRecord: signed => this.#handlers.onRecord(signed),
      onViolation: reason => this.#handlers.onViolation(link.peer, reason)
    })
    void exchange.run()
  }

  #admit(link: Link, helloMs: number): void {
    if (link.admitted || link.reason !== undefined || link.connection.status !== 'open') return
    const isFirst = !this.isConnected(link.peer)
    link.admitted = true
    if (link.connection.direction === 'outbound') link.helloMs = helloMs
    link.admission.resolve()
    if (isFirst) this.#handlers.onConnected(link.peer)
  }

  /** Ends a connection after the other side had time to read what was said. */
  #part(link: Link, reason: string): void {
    link.reason ??= reason
    this.#components.clock.schedule(PARTING_MS, () => this.#end(link, reason))
  }

  #end(link: Link, reason: string): void {
    if (!this.#links.has(link.connection)) return
    link.reason ??= reason
    link.connection.abort(new Error(reason))
  }
}

const HUNG_UP = 'the peer closed the connection at once: it may not allow this node'

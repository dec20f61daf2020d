/**
 * A network in memory: nodes that are connected by hand, streams with backpressure, gossip by flooding. Implements the
 * contract of `src/net/index.ts` without addresses or admission. Delivery is by macrotask, in order, and can be cut.
 */
import { NatterError } from '../../src/base/index.js'
import type { Author } from '../../src/log/index.js'
import type {
  ConnectedPeer,
  DialState,
  Net,
  NetHandlers,
  NetHealth,
  PresenceRecord,
  SyncStream
} from '../../src/net/index.js'

/** Bytes under way to a reader that does not read, as the buffers of a socket take them. */
const socketBytes = 256 * 1024

export class MemoryNetwork {
  readonly nets = new Map<Author, MemoryNet>()
  readonly #links = new Map<Author, Set<Author>>()
  /** Messages are dropped at this rate, by `fraction`. */
  gossipLoss = 0
  fraction: () => number = () => 0.5

  net(author: Author): MemoryNet {
    const net = new MemoryNet(this, author)
    this.nets.set(author, net)
    return net
  }

  isLinked(a: Author, b: Author): boolean {
    return this.#links.get(a)?.has(b) ?? false
  }

  linksOf(author: Author): Author[] {
    return [...(this.#links.get(author) ?? [])].filter(peer => this.nets.get(peer)?.running === true)
  }

  connect(a: Author, b: Author): void {
    if (this.isLinked(a, b)) return
    for (const [from, to] of [
      [a, b],
      [b, a]
    ] as const) {
      const links = this.#links.get(from) ?? new Set()
      links.add(to)
      this.#links.set(from, links)
    }
    this.nets.get(a)?.told(b, true)
    this.nets.get(b)?.told(a, true)
  }

  connectAll(authors: readonly Author[]): void {
    for (const [i, a] of authors.entries()) for (const b of authors.slice(i + 1)) this.connect(a, b)
  }

  cut(a: Author, b: Author): void {
    if (!this.isLinked(a, b)) return
    this.#links.get(a)?.delete(b)
    this.#links.get(b)?.delete(a)
    this.nets.get(a)?.dropStreams(b)
    this.nets.get(b)?.dropStreams(a)
    this.nets.get(a)?.told(b, false)
    this.nets.get(b)?.told(a, false)
  }

  /** Cuts every link between the two groups. */
  part(left: readonly Author[], right: readonly Author[]): void {
    for (const a of left) for (const b of right) this.cut(a, b)
  }
}

export class MemoryNet implements Net {
  readonly author: Author
  running = false
  readonly penalties: { peer: Author; reason: string }[] = []
  readonly #network: MemoryNetwork
  readonly #streams = new Set<MemoryStream>()
  #handlers: NetHandlers | undefined
  /** Bytes of all frames that left this node. */
  bytesSent = 0
  /** Gossip messages that this node published. */
  published = 0
  #cutAfter: { peer: Author; bytes: number } | undefined

  constructor(network: MemoryNetwork, author: Author) {
    this.#network = network
    this.author = author
  }

  async start(handlers: NetHandlers): Promise<void> {
    this.#handlers = handlers
    this.running = true
    for (const peer of this.#network.linksOf(this.author)) {
      this.told(peer, true)
      this.#network.nets.get(peer)?.told(this.author, true)
    }
  }

  async stop(): Promise<void> {
    this.running = false
    for (const stream of [...this.#streams]) stream.abort(new Error('the net stopped'))
    for (const peer of this.#network.linksOf(this.author))
      this.#network.nets.get(peer)?.told(this.author, false)
  }

  told(peer: Author, connected: boolean): void {
    if (!this.running) return
    if (connected) this.#handlers?.onPeerConnected(peer)
    else this.#handlers?.onPeerDisconnected(peer)
  }

  dropStreams(peer: Author): void {
    for (const stream of [...this.#streams]) if (stream.peer === peer) stream.abort(new Error('cut'))
  }

  addrs(): string[] {
    return []
  }

  connected(): ConnectedPeer[] {
    return this.#network.linksOf(this.author).map(peer => ({ peer, addrs: [], rttMs: 1 }))
  }

  presence(): PresenceRecord[] {
    const others = [...this.#network.nets.keys()].filter(author => author !== this.author)
    return others.map(peer => ({
      peer,
      name: peer.slice(0, 8),
      version: 1,
      appName: 'test',
      appVersion: '1',
      capabilities: [],
      addrs: [],
      lastSeen: 0
    }))
  }

  dialState(): DialState | undefined {
    return undefined
  }

  dials(): DialState[] {
    return []
  }

  async connect(): Promise<Author> {
    throw new NatterError('PEER_UNREACHABLE', 'a network in memory has no addresses')
  }

  async openStream(peer: Author): Promise<SyncStream> {
    const other = this.#network.nets.get(peer)
    if (other === undefined || !other.running || !this.#network.isLinked(this.author, peer)) {
      throw new NatterError('PEER_UNREACHABLE', 'not connected')
    }
    const here = new MemoryStream(this, peer, true)
    const there = new MemoryStream(other, this.author, false)
    here.join(there)
    this.#streams.add(here)
    other.#streams.add(there)
    setImmediate(() => other.#handlers?.onStream(there))
    return here
  }

  forgetStream(stream: MemoryStream): void {
    this.#streams.delete(stream)
  }

  publish(data: Uint8Array): void {
    this.published++
    for (const net of this.#network.nets.values()) {
      if (net === this || !net.running || !this.#network.isLinked(this.author, net.author)) continue
      if (this.#network.fraction() < this.#network.gossipLoss) continue
      setImmediate(() => void net.#handlers?.onGossip(data, this.author))
    }
  }

  async block(): Promise<void> {
    throw new NatterError('INTERNAL', 'nobody is blocked in memory')
  }

  unblock(): void {
    // Nobody is blocked.
  }

  forget(): void {
    // Nothing is remembered of a peer.
  }

  /** Cuts the connection once so many further bytes of this peer were read. */
  cutAfter(peer: Author, bytes: number): void {
    this.#cutAfter = { peer, bytes }
  }

  read(peer: Author, bytes: number): void {
    const cut = this.#cutAfter
    if (cut?.peer !== peer) return
    cut.bytes -= bytes
    if (cut.bytes > 0) return
    this.#cutAfter = undefined
    this.#network.cut(this.author, peer)
  }

  /** Stops reading what this peer sends, as a process that hangs; or goes on. */
  freeze(peer: Author, frozen: boolean): void {
    for (const stream of this.#streams) {
      if (stream.peer !== peer) continue
      if (frozen) stream.frozen = true
      else stream.unfreeze()
    }
  }

  /** Bytes that wait on this node's side for a peer to read them. */
  buffered(peer: Author): number {
    let bytes = 0
    for (const stream of this.#streams) if (stream.peer === peer) bytes += stream.buffered
    return bytes
  }

  penalize(peer: Author, reason: string): void {
    this.penalties.push({ peer, reason })
  }

  health(): NetHealth {
    return { unanswered: [] }
  }

  circuit(): 'closed' {
    return 'closed'
  }
}

/** One end of a stream. What it sends waits here while the other end does not read. */
export class MemoryStream implements SyncStream {
  readonly peer: Author
  readonly outbound: boolean
  readonly #net: MemoryNet
  readonly #drainListeners: (() => void)[] = []
  #other: MemoryStream | undefined
  /** Sent and not yet taken by the other end's socket. */
  readonly #unsent: Uint8Array[] = []
  #unsentBytes = 0
  /** In the socket of this end. */
  readonly #inbox: Uint8Array[] = []
  #inboxBytes = 0
  #wake: (() => void) | undefined
  #ended = false
  #error: Error | undefined
  /** Frames stay unread while true, as at a process that was stopped. */
  frozen = false

  constructor(net: MemoryNet, peer: Author, outbound: boolean) {
    this.#net = net
    this.peer = peer
    this.outbound = outbound
  }

  join(other: MemoryStream): void {
    this.#other = other
    other.#other = this
  }

  #otherEnd(): MemoryStream {
    if (this.#other === undefined) throw new TypeError('a stream has two ends')
    return this.#other
  }

  get buffered(): number {
    return this.#unsentBytes
  }

  get frames(): AsyncIterable<Uint8Array> {
    return this.#read()
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const frame = this.frozen ? undefined : this.#inbox.shift()
      if (frame !== undefined) {
        this.#inboxBytes -= frame.length
        this.#otherEnd().#pump()
        yield frame
        this.#net.read(this.peer, frame.length)
      } else if (this.#error !== undefined) throw this.#error
      else if (this.#ended) return
      else await new Promise<void>(resolve => (this.#wake = resolve))
    }
  }

  unfreeze(): void {
    this.frozen = false
    this.#notify()
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  send(frame: Uint8Array): void {
    if (this.#ended || this.#error !== undefined) return
    this.#net.bytesSent += frame.length
    this.#unsent.push(frame)
    this.#unsentBytes += frame.length
    setImmediate(() => this.#pump())
  }

  #pump(): void {
    const other = this.#otherEnd()
    if (this.#unsent.length === 0) return
    while (this.#unsent.length > 0 && other.#inboxBytes < socketBytes) {
      const frame = this.#unsent.shift()!
      this.#unsentBytes -= frame.length
      other.#inbox.push(frame)
      other.#inboxBytes += frame.length
    }
    other.#notify()
    if (this.#unsentBytes === 0) for (const listener of this.#drainListeners) listener()
  }

  onDrain(listener: () => void): void {
    this.#drainListeners.push(listener)
  }

  async close(): Promise<void> {
    setImmediate(() => {
      this.#pump()
      this.#end()
      this.#otherEnd().#end()
    })
  }

  #end(): void {
    this.#ended = true
    this.#net.forgetStream(this)
    this.#notify()
  }

  abort(error: Error): void {
    this.#fail(error)
    this.#otherEnd().#fail(new Error('reset by the peer'))
  }

  #fail(error: Error): void {
    this.#error ??= error
    this.#inbox.length = 0
    this.#inboxBytes = 0
    this.#net.forgetStream(this)
    this.#notify()
  }
}

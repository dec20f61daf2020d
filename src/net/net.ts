/**
 * The net on libp2p: puts the parts of this folder together, and is what `createNet` returns.
 *
 * Everything here is glue: connections are the links', dialling the redialler's, records the presence table's. Keeps: after
 * `stop` nothing runs and nothing is told; `start` after it begins with what was known. See index.ts for the contract.
 */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type {
  Connection,
  ConnectionGater,
  Logger,
  MultiaddrConnection,
  PeerId,
  PeerInfo,
  PrivateKey,
  Stream
} from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { multiaddr } from '@multiformats/multiaddr'
import type { Timer } from '../base/index.js'
import {
  concatBytes,
  EMPTY_BYTES,
  fromHex,
  messageOf,
  NatterError,
  PROTOCOL,
  toHex,
  utf8
} from '../base/index.js'
import type { Author } from '../log/index.js'
import { authorOf, authorOfPeerId, peerIdOf } from '../log/index.js'
import type { SignedPresence, TableId } from '../wire/index.js'
import type { PeerAddress } from './address.js'
import { parseAddress, withoutPeer } from './address.js'
import { AddressBook } from './address-book.js'
import { Admission } from './admission.js'
import type { Circuit } from './breaker.js'
import { Breaker } from './breaker.js'
import { Dialler } from './dialler.js'
import { FramedStream } from './framed-stream.js'
import { Gossip } from './gossip.js'
import type {
  ConnectedPeer,
  DialState,
  Net,
  NetHandlers,
  NetInit,
  PresenceRecord,
  SyncStream
} from './index.js'
import { KeyWatch, keyFailureSentence } from './key-watch.js'
import type { Libp2pNode } from './libp2p-node.js'
import { createNode, startNode } from './libp2p-node.js'
import { Links, PRESENCE_PROTOCOL } from './links.js'
import { OwnRecord } from './own-record.js'
import { PresenceTable } from './presence.js'
import { Redialler } from './redialler.js'
import { Refusals } from './refusals.js'
import { chooseTargets, FULL_MESH_NODES } from './targets.js'

export const SYNC_PROTOCOL = '/sync/ops/1.0.0'
/** Sync streams of one connection: the long-lived one, one being opened, and questions of nodes that are no neighbours. */
const MAX_SYNC_STREAMS = 4
/** Milliseconds a stop may take before connections are cut. */
const STOP_TIMEOUT_MS = 1500
/** Milliseconds between new choices of targets: round trips and absences change. */
const TARGETS_INTERVAL_MS = 60_000
/** Connected peers at which, above a full mesh, bootstrap addresses are not needed to stay in the network. */
const ENOUGH_PEERS = 4

/** Hexadecimal digits of the tag under which nodes of one network and key look for each other. */
const TAG_DIGITS = 16

/** What `createNet` does. */
export async function openNet(init: NetInit): Promise<Net> {
  return new Libp2pNet(init, await generateKeyPairFromSeed('Ed25519', init.seed))
}

/** What lives from start to stop. */
interface Running {
  readonly node: Libp2pNode
  readonly handlers: NetHandlers
  readonly links: Links
  readonly dialler: Dialler
  readonly redialler: Redialler
  readonly gossip: Gossip | undefined
  readonly streams: Set<FramedStream>
  targetsTimer: Timer | undefined
}

class Libp2pNet implements Net {
  readonly #init: NetInit
  readonly #key: PrivateKey
  readonly #log: Logger
  readonly #self: Author
  readonly #breaker: Breaker
  readonly #admission: Admission
  readonly #table: PresenceTable
  readonly #own: OwnRecord
  readonly #book: AddressBook
  readonly #bootstrap: PeerAddress[]
  /** Orders peers by chance, anew in each process. */
  readonly #chance: string
  #running: Running | undefined

  constructor(init: NetInit, key: PrivateKey) {
    this.#init = init
    this.#key = key
    this.#log = init.logger.forComponent('natter:net')
    this.#self = authorOf(key.publicKey.raw)
    this.#breaker = new Breaker(init.breaker)
    this.#admission = new Admission({ allow: init.allow, breaker: this.#breaker, clock: init.clock })
    this.#table = new PresenceTable(this.#self, toHex(init.random.bytes(8)) as TableId)
    this.#own = new OwnRecord({ ...init, key, table: this.#table })
    this.#book = new AddressBook(this.#self)
    this.#chance = toHex(init.random.bytes(16))
    this.#bootstrap = init.bootstrap.map(parseAddress).filter(address => address.author !== this.#self)
    for (const text of [...init.listen, ...init.announce]) parseAddress(text)
    for (const { id, addrs, blocked } of init.known ?? []) {
      const peer = authorOfPeerId(id)
      if (peer === undefined) continue
      this.#book.learn(peer, addrs)
      if (blocked) this.#admission.blocked.add(peer)
    }
  }

  async start(handlers: NetHandlers): Promise<void> {
    if (this.#running !== undefined) throw new TypeError('the net is started already')
    const running = await this.#assemble(handlers)
    this.#running = running
    try {
      await startNode(running.node)
      await this.#own.announce(this.addrs())
    } catch (error) {
      this.#running = undefined
      await running.node.stop()
      throw error
    }
    running.gossip?.start()
    for (const address of this.#bootstrap) running.redialler.addBootstrap(address)
    this.#retarget()
    running.redialler.start()
  }

  async stop(): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    this.#running = undefined
    running.targetsTimer?.cancel()
    running.redialler.stop()
    running.links.stop()
    running.gossip?.stop()
    for (const stream of running.streams) stream.abort(new Error('the node stops'))
    const cut = this.#init.clock.schedule(STOP_TIMEOUT_MS, () => {
      for (const connection of running.node.getConnections()) connection.abort(new Error('the node stops'))
    })
    await running.node.stop()
    cut.cancel()
  }

  addrs(): string[] {
    return this.#running?.node.getMultiaddrs().map(String) ?? []
  }

  connected(): ConnectedPeer[] {
    const peers = new Map<Author, { peer: Author; addrs: string[]; rttMs: number | null }>()
    for (const link of this.#running?.links.admitted() ?? []) {
      const shown = peers.get(link.peer) ?? { peer: link.peer, addrs: [], rttMs: null }
      shown.addrs.push(link.connection.remoteAddr.toString())
      shown.rttMs ??= link.connection.rtt ?? link.helloMs
      peers.set(link.peer, shown)
    }
    return [...peers.values()]
  }

  presence(): PresenceRecord[] {
    return this.#table.others()
  }

  dialState(peer: Author): DialState | undefined {
    return this.#running?.redialler.state(peer)
  }

  dials(): DialState[] {
    return this.#running?.redialler.states() ?? []
  }

  async connect(text: string, options: { signal?: AbortSignal } = {}): Promise<Author> {
    const running = this.#require()
    const address = parseAddress(text)
    if (address.author === this.#self) {
      throw new NatterError('INVALID_MULTIADDR', 'this is the address of this node')
    }
    const author = await running.dialler.dial([address], address.author, options.signal)
    if (!this.#bootstrap.some(known => known.text === address.text)) this.#bootstrap.push(address)
    running.redialler.addBootstrap(address)
    return author
  }

  async openStream(peer: Author, options: { signal?: AbortSignal } = {}): Promise<SyncStream> {
    const running = this.#require()
    const { links, dialler } = running
    if (!links.isConnected(peer)) {
      const addrs = this.#book.get(peer)
      if (addrs.length === 0) {
        throw new NatterError('PEER_UNREACHABLE', `no address of ${peerIdOf(peer)} is known`)
      }
      await dialler.dial(addrs, peer, options.signal)
    }
    const connection = links.connection(peer)
    if (connection === undefined) throw new NatterError('PEER_UNREACHABLE', 'the connection closed')
    try {
      return this.#frame(running, await connection.newStream(SYNC_PROTOCOL, options), peer)
    } catch (error) {
      throw new NatterError('PEER_UNREACHABLE', `no ${SYNC_PROTOCOL} stream: ${messageOf(error)}`, {
        cause: error
      })
    }
  }

  publish(data: Uint8Array): void {
    this.#running?.gossip?.publish(data)
  }

  async block(peer: Author): Promise<void> {
    this.#admission.blocked.add(peer)
    this.#running?.links.disconnect(peer, 'the peer is blocked here')
    this.#retarget()
  }

  unblock(peer: Author): void {
    if (!this.#admission.blocked.delete(peer)) return
    this.#retarget()
    this.#running?.redialler.kick(peer)
  }

  forget(peer: Author): void {
    this.#table.forget(peer)
    this.#book.forget(peer)
    this.#breaker.forget(peer)
    const kept = this.#bootstrap.filter(address => address.author !== peer)
    this.#bootstrap.splice(0, this.#bootstrap.length, ...kept)
    this.#running?.redialler.drop(peer)
    this.#retarget()
  }

  penalize(peer: Author, reason: string): void {
    this.#log('%s broke the protocol: %s', peerIdOf(peer), reason)
    if (!this.#breaker.fail(peer, this.#init.clock.now())) return
    const sentence = this.#admission.hindrance(peer) ?? reason
    this.#running?.links.disconnect(peer, sentence)
    this.#running?.handlers.onRefused(peer, sentence, undefined)
  }

  circuit(peer: Author): Circuit {
    return this.#breaker.state(peer, this.#init.clock.now())
  }

  #require(): Running {
    if (this.#running === undefined) throw new NatterError('NOT_READY', 'the network side is not running')
    return this.#running
  }

  // ---- putting it together

  async #assemble(handlers: NetHandlers): Promise<Running> {
    const init = this.#init
    const refusals = new Refusals(init.clock, (peer, reason, addr) => {
      if (this.#running !== running) return
      this.#log('refused: %s %s: %s', peer === undefined ? 'somebody' : peerIdOf(peer), addr, reason)
      handlers.onRefused(peer, reason, addr)
    })
    const keyWatch = new KeyWatch({
      psk: init.psk,
      onFailure: (failure, direction, remote) => {
        const sentence = keyFailureSentence(failure)
        if (direction === 'inbound') refusals.add(undefined, sentence, remote)
        else dialler.keyFailed(remote, sentence)
      }
    })
    const node = await createNode({
      ...init,
      key: this.#key,
      slowPeerBytes: init.limits.slowPeerBytes,
      bootstrap: this.#bootstrap.filter(({ author }) => author !== undefined).map(({ text }) => text),
      version: init.app.version,
      hashes: init.crypto,
      keyWatch,
      gater: this.#gater(refusals),
      mdns: init.mdns ? { tag: this.#discoveryTag(), onFound: found => this.#found(found) } : undefined
    })
    const links = new Links(
      { ...init, table: this.#table },
      {
        onConnected: peer => this.#onConnected(peer),
        onDisconnected: peer => this.#onDisconnected(peer),
        onRefused: (peer, reason, addr) => refusals.add(peer, reason, multiaddr(addr)),
        onRecord: signed => this.#onRecord(signed),
        onViolation: (peer, reason) => this.penalize(peer, reason)
      }
    )
    const dialler = new Dialler({ node, links, admission: this.#admission, refusals, clock: init.clock })
    const redialler = new Redialler({
      ...init,
      dial: (addrs, author) => dialler.dial(addrs, author),
      connected: author => links.isConnected(author),
      first: author => this.#self < author,
      enough: () => this.#isLarge() && links.peers().size >= ENOUGH_PEERS,
      hindrance: author => this.#admission.hindrance(author),
      log: line => this.#log('%s', line)
    })
    const gossip = this.#gossip(node, links, handlers)
    const running = {
      node,
      handlers,
      links,
      dialler,
      redialler,
      gossip,
      streams: new Set<FramedStream>(),
      targetsTimer: undefined
    }
    await this.#attach(running)
    return running
  }

  #gossip(node: Libp2pNode, links: Links, handlers: NetHandlers): Gossip | undefined {
    const { pubsub } = node.services
    if (pubsub === undefined) return undefined
    const { clock, crypto, database, logger } = this.#init
    const log = logger.forComponent('natter:gossip')
    return new Gossip(pubsub, {
      clock,
      hashes: crypto,
      database,
      connections: () => links.admitted(),
      protocols: async peer => (await node.peerStore.get(peer)).protocols,
      onMessage: (data, from) => handlers.onGossip(data, from),
      log: line => log('%s', line)
    })
  }

  async #attach(running: Running): Promise<void> {
    const { node, links } = running
    node.addEventListener('connection:open', event => links.opened(event.detail))
    node.addEventListener('connection:close', event => links.closed(event.detail))
    node.addEventListener('self:peer:update', () => this.#announce())
    await node.handle(PRESENCE_PROTOCOL, (stream, connection) => links.presenceStream(stream, connection), {
      maxInboundStreams: 2,
      maxOutboundStreams: 2
    })
    await node.handle(
      SYNC_PROTOCOL,
      (stream, connection) => this.#onSyncStream(running, stream, connection),
      {
        maxInboundStreams: MAX_SYNC_STREAMS,
        maxOutboundStreams: MAX_SYNC_STREAMS
      }
    )
  }

  /** Same network and same key, same tag: whoever lacks the key cannot even ask for it. */
  #discoveryTag(): string {
    const { crypto, database, psk } = this.#init
    return toHex(crypto.sha256(concatBytes(fromHex(database), psk ?? EMPTY_BYTES))).slice(0, TAG_DIGITS)
  }

  #gater(refusals: Refusals): ConnectionGater {
    const judge = (peer: PeerId, connection: MultiaddrConnection): boolean => {
      const author = authorOfPeerId(peer.toString())
      const reason = author === undefined ? 'its key is no Ed25519 key' : this.#admission.hindrance(author)
      if (reason !== undefined) refusals.add(author, reason, connection.remoteAddr)
      return reason !== undefined
    }
    return {
      // The default of browsers refuses ws:// and private addresses, which is where nodes live.
      denyDialMultiaddr: (_address: Multiaddr) => false,
      denyDialPeer: peer => {
        const author = authorOfPeerId(peer.toString())
        return author === undefined || this.#admission.hindrance(author) !== undefined
      },
      denyInboundEncryptedConnection: judge,
      denyOutboundEncryptedConnection: judge
    }
  }

  // ---- peers

  #onConnected(peer: Author): void {
    const running = this.#running
    if (running === undefined) return
    const connection = running.links.connection(peer)
    if (connection?.direction === 'outbound') this.#book.learn(peer, [withoutPeer(connection.remoteAddr)])
    running.redialler.connected(peer)
    this.#table.touch(peer, this.#init.clock.now())
    this.#log('connected to %s at %s', peerIdOf(peer), connection?.remoteAddr)
    running.handlers.onPeerConnected(peer)
    this.#retarget()
  }

  #onDisconnected(peer: Author): void {
    const running = this.#running
    if (running === undefined) return
    this.#log('disconnected from %s', peerIdOf(peer))
    this.#table.touch(peer, this.#init.clock.now())
    running.handlers.onPeerDisconnected(peer)
    running.redialler.disconnected(peer)
  }

  /** Read from this turn on; handed over when the peer is admitted, which its HELLO may be a moment short of. */
  #onSyncStream(running: Running, stream: Stream, connection: Connection): void {
    const peer = authorOfPeerId(connection.remotePeer.toString())
    if (peer === undefined || this.#running !== running) throw new Error('the node stops')
    const framed = this.#frame(running, stream, peer)
    if (running.links.isAdmitted(connection)) {
      running.handlers.onStream(framed)
      return
    }
    running.links.admission(connection).then(
      () => running.handlers.onStream(framed),
      error => framed.abort(error)
    )
  }

  #frame(running: Running, stream: Stream, peer: Author): FramedStream {
    const framed = new FramedStream(stream, {
      peer,
      maxFrameBytes: PROTOCOL.frameBytes,
      clock: this.#init.clock,
      onBroken: reason => this.penalize(peer, reason)
    })
    running.streams.add(framed)
    stream.addEventListener('close', () => running.streams.delete(framed))
    return framed
  }

  /** Of mDNS, at every answer. */
  #found(found: PeerInfo): void {
    const peer = authorOfPeerId(found.id.toString())
    const running = this.#running
    if (peer === undefined || peer === this.#self || running === undefined) return
    if (this.#book.learn(peer, found.multiaddrs.map(String))) running.handlers.onDiscovered(peer)
    this.#retarget()
    running.redialler.kick(peer)
  }

  #onRecord(signed: SignedPresence): void {
    const { record } = signed
    if (record.peer === this.#self) {
      this.#announce(record.version)
      return
    }
    if (!this.#table.put(signed, this.#init.clock.now())) return
    const isNew = this.#book.learn(record.peer, record.addrs)
    const running = this.#running
    if (running === undefined) return
    if (isNew) running.handlers.onDiscovered(record.peer)
    running.handlers.onPresence(this.#table.get(record.peer)!)
    this.#retarget()
  }

  #announce(above?: number): void {
    if (this.#running === undefined) return
    this.#own.announce(this.addrs(), above).catch(error => this.#log('presence: %s', messageOf(error)))
  }

  /** More nodes than are all connected to each other. */
  #isLarge(): boolean {
    return this.#book.peers().length + 1 > FULL_MESH_NODES
  }

  /** Chooses anew whom to be connected to. */
  #retarget(): void {
    const running = this.#running
    if (running === undefined) return
    const rtts = new Map(this.connected().map(({ peer, rttMs }) => [peer, rttMs]))
    const candidates = this.#book
      .peers()
      .filter(peer => !this.#admission.blocked.has(peer))
      .map(peer => ({
        peer,
        rttMs: rtts.get(peer) ?? null,
        connected: rtts.has(peer),
        failures: running.redialler.state(peer)?.failures ?? 0
      }))
    const chance = (peer: Author): number => this.#init.crypto.crc32(utf8(this.#chance + peer))
    const targets = chooseTargets(this.#self, candidates, chance)
    running.redialler.setTargets(new Map([...targets].map(peer => [peer, this.#book.get(peer)])))
    running.targetsTimer?.cancel()
    running.targetsTimer = this.#init.clock.schedule(TARGETS_INTERVAL_MS, () => {
      this.#retarget()
      if (this.#isLarge()) running.links.closeIdle(targets, SYNC_PROTOCOL)
    })
  }
}

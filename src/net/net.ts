/**
 * The net on libp2p: puts the parts of this folder together, and is what `createNet` returns.
 *
 * Everything here is glue: connections are the links', dialling the redialler's, records the presence table's. Keeps: after
 * `stop` nothing runs and nothing is told; `start` after it begins with what was known. protocols/README.md names
 * the protocols; see index.ts for the contract.
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
import type { Timer } from '../base/index.js'
import { messageOf, NatterError, PROTOCOL, toHex, utf8 } from '../base/index.js'
import type { Author } from '../log/index.js'
import { authorOf, authorOfPeerId, peerIdOf } from '../log/index.js'
import type { PresenceFields, SignedPresence, TableId } from '../wire/index.js'
import { checkPresence, presenceSigningBytes } from '../wire/index.js'
import type { PeerAddress } from './address.js'
import { hostOf, parseAddress, tryAddress, withoutPeer, withPeer } from './address.js'
import { Admission } from './admission.js'
import type { Circuit } from './breaker.js'
import { Breaker } from './breaker.js'
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
import { PresenceTable } from './presence.js'
import { DialledSelf, Redialler } from './redialler.js'
import { chooseTargets } from './targets.js'

export const SYNC_PROTOCOL = '/sync/ops/1.0.0'
/** Sync streams of one connection: the long-lived one, one being opened, and questions of nodes that are no neighbours. */
const MAX_SYNC_STREAMS = 4
/** Milliseconds for a dial with its admission. */
const DIAL_TIMEOUT_MS = 12_000
/** Milliseconds a stop may take before connections are cut. */
const STOP_TIMEOUT_MS = 1500
/** Milliseconds between new choices of targets: round trips and absences change. */
const TARGETS_INTERVAL_MS = 60_000
/** Milliseconds in which one refusal is told once. */
const REFUSAL_QUIET_MS = 60_000
/** Refusals remembered for that. */
const MAX_REFUSALS = 256

/** What lives from start to stop. */
interface Running {
  readonly node: Libp2pNode
  readonly handlers: NetHandlers
  readonly links: Links
  readonly redialler: Redialler
  readonly gossip: Gossip | undefined
  readonly streams: Set<FramedStream>
  readonly refusals: Map<string, number>
  /** Why an outbound connection to an address had no common key. */
  readonly keyFailures: Map<string, string>
  targetsTimer: Timer | undefined
}

/** What `createNet` does. */
export async function openNet(init: NetInit): Promise<Net> {
  return new Libp2pNet(init, await generateKeyPairFromSeed('Ed25519', init.seed))
}

class Libp2pNet implements Net {
  readonly #key: PrivateKey
  readonly #log: Logger

  readonly #init: NetInit
  readonly #self: Author
  readonly #breaker: Breaker
  readonly #admission: Admission
  readonly #table: PresenceTable
  /** Addresses of peers, from presence, earlier runs and discovery. */
  readonly #book = new Map<Author, PeerAddress[]>()
  readonly #bootstrap: PeerAddress[]
  readonly #chance: Uint8Array
  #running: Running | undefined
  #announcing: Promise<void> = Promise.resolve()

  constructor(init: NetInit, key: PrivateKey) {
    this.#init = init
    this.#key = key
    this.#log = init.logger.forComponent('natter:net')
    this.#self = authorOf(key.publicKey.raw)
    this.#breaker = new Breaker(init.breaker)
    this.#admission = new Admission({
      allow: init.allow && new Set([...init.allow, this.#self]),
      breaker: this.#breaker,
      clock: init.clock
    })
    this.#table = new PresenceTable(this.#self, toHex(init.random.bytes(8)) as TableId)
    this.#chance = init.random.bytes(16)
    this.#bootstrap = init.bootstrap.map(parseAddress).filter(address => address.author !== this.#self)
    for (const text of [...init.listen, ...init.announce]) parseAddress(text)
    for (const { id, addrs, blocked } of init.known ?? []) {
      const peer = authorOfPeerId(id)
      if (peer === undefined) continue
      this.#learn(peer, addrs)
      if (blocked) this.#admission.blocked.add(peer)
    }
  }

  async start(handlers: NetHandlers): Promise<void> {
    if (this.#running !== undefined) throw new TypeError('the net is started already')
    const running = await this.#create(handlers)
    this.#running = running
    try {
      await startNode(running.node)
      await this.#announce()
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
    const links = this.#running?.links
    const peers = new Map<Author, { peer: Author; addrs: string[]; rttMs: number | null }>()
    for (const link of links?.admitted() ?? []) {
      const shown = peers.get(link.peer) ?? { peer: link.peer, addrs: [], rttMs: null }
      shown.addrs.push(link.connection.remoteAddr.toString())
      shown.rttMs ??= links!.rttMs(link)
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

  async connect(multiaddr: string, options: { signal?: AbortSignal } = {}): Promise<Author> {
    const running = this.#require()
    const address = parseAddress(multiaddr)
    if (address.author === this.#self)
      throw new NatterError('INVALID_MULTIADDR', 'this is the address of this node')
    const author = await this.#dial(running, [address], address.author, options.signal)
    if (!this.#bootstrap.some(known => known.text === address.text)) this.#bootstrap.push(address)
    running.redialler.addBootstrap(address)
    return author
  }

  async openStream(peer: Author, options: { signal?: AbortSignal } = {}): Promise<SyncStream> {
    const running = this.#require()
    const { links } = running
    if (!links.isConnected(peer)) {
      const addrs = this.#book.get(peer) ?? []
      if (addrs.length === 0)
        throw new NatterError('PEER_UNREACHABLE', `no address of ${peerIdOf(peer)} is known`)
      await this.#dial(running, addrs, peer, options.signal)
    }
    const connection = links.connection(peer)
    if (connection === undefined) throw new NatterError('PEER_UNREACHABLE', 'the connection closed')
    let stream: Stream
    try {
      stream = await connection.newStream(SYNC_PROTOCOL, options)
      return this.#frame(running, stream, peer)
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
    this.#book.delete(peer)
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

  async #create(handlers: NetHandlers): Promise<Running> {
    const init = this.#init
    const keyFailures = new Map<string, string>()
    const refusals = new Map<string, number>()
    const refused = (peer: Author | undefined, reason: string, addr: Multiaddr): void => {
      if (this.#running === running) this.#tellRefused(running, peer, reason, addr)
    }
    const keyWatch = new KeyWatch({
      psk: init.psk,
      onFailure: (failure, direction, remote) => {
        const sentence = keyFailureSentence(failure)
        if (direction === 'inbound') refused(undefined, sentence, remote)
        else keyFailures.set(withoutPeer(remote), sentence)
      }
    })
    const node = await createNode({
      ...init,
      bootstrap: this.#bootstrap.filter(address => address.author !== undefined).map(address => address.text),
      version: init.app.version,
      hashes: init.crypto,
      keyWatch,
      key: this.#key,
      slowPeerBytes: init.limits.slowPeerBytes,
      gater: this.#gater(refused),
      mdns: init.mdns ? { tag: init.database.slice(0, 8), onFound: found => this.#found(found) } : undefined
    })
    const links = new Links(
      { ...init, table: this.#table },
      {
        onConnected: peer => this.#onConnected(peer),
        onDisconnected: peer => this.#onDisconnected(peer),
        onRefused: (peer, reason, addr) => refused(peer, reason, parseAddress(addr).multiaddr),
        onRecord: signed => this.#onRecord(signed),
        onViolation: (peer, reason) => this.penalize(peer, reason)
      }
    )
    const redialler = new Redialler({
      clock: init.clock,
      random: init.random,
      dial: (addrs, author) => this.#dial(running, addrs, author),
      connected: author => links.isConnected(author),
      hindrance: author => this.#admission.hindrance(author),
      log: line => this.#log('%s', line)
    })
    const { pubsub } = node.services
    const gossipLog = init.logger.forComponent('natter:gossip')
    const gossip =
      pubsub &&
      new Gossip(pubsub, {
        clock: init.clock,
        hashes: init.crypto,
        database: init.database,
        connections: () => links.admitted(),
        protocols: async peer => (await node.peerStore.get(peer)).protocols,
        onMessage: (data, from) => handlers.onGossip(data, from),
        log: line => gossipLog('%s', line)
      })
    const running: Running = {
      node,
      handlers,
      links,
      redialler,
      gossip,
      streams: new Set(),
      refusals,
      keyFailures,
      targetsTimer: undefined
    }
    await this.#attach(running)
    return running
  }

  async #attach(running: Running): Promise<void> {
    const { node, links } = running
    node.addEventListener('connection:open', event => links.opened(event.detail))
    node.addEventListener('connection:close', event => links.closed(event.detail))
    node.addEventListener('self:peer:update', () => void this.#announce())
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

  #gater(refused: (peer: Author | undefined, reason: string, addr: Multiaddr) => void): ConnectionGater {
    const judge = (peer: PeerId, connection: MultiaddrConnection): boolean => {
      const author = authorOfPeerId(peer.toString())
      const reason = author === undefined ? 'its key is no Ed25519 key' : this.#admission.hindrance(author)
      if (reason !== undefined) refused(author, reason, connection.remoteAddr)
      return reason !== undefined
    }
    return {
      // The default of browsers refuses ws:// and private addresses, which is where nodes live.
      denyDialMultiaddr: () => false,
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
    running.redialler.connected(peer)
    this.#table.touch(peer, this.#init.clock.now())
    this.#log('connected to %s', peerIdOf(peer))
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

  #onSyncStream(running: Running, stream: Stream, connection: Connection): void {
    const peer = authorOfPeerId(connection.remotePeer.toString())
    if (peer === undefined || this.#running !== running) throw new Error('the node stops')
    running.handlers.onStream(this.#frame(running, stream, peer))
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

  #found(found: PeerInfo): void {
    const peer = authorOfPeerId(found.id.toString())
    const running = this.#running
    if (peer === undefined || peer === this.#self || running === undefined) return
    const isNew = !this.#book.has(peer)
    this.#learn(peer, found.multiaddrs.map(String))
    if (isNew) running.handlers.onDiscovered(peer)
    this.#retarget()
    running.redialler.kick(peer)
  }

  /** Newest first, as many as a presence record may name. */
  #learn(peer: Author, addrs: readonly string[]): void {
    if (peer === this.#self) return
    const fresh = addrs.flatMap(text => tryAddress(text) ?? [])
    const usable = fresh.filter(address => address.author === undefined || address.author === peer)
    const texts = new Set(usable.map(address => address.text))
    const older = (this.#book.get(peer) ?? []).filter(address => !texts.has(address.text))
    this.#book.set(peer, [...usable, ...older].slice(0, PROTOCOL.presenceAddrs))
  }

  /** Chooses anew whom to be connected to. */
  #retarget(): void {
    const running = this.#running
    if (running === undefined) return
    const { clock, crypto } = this.#init
    running.targetsTimer?.cancel()
    running.targetsTimer = clock.schedule(TARGETS_INTERVAL_MS, () => this.#retarget())
    const rtts = new Map(this.connected().map(({ peer, rttMs }) => [peer, rttMs]))
    const candidates = [...this.#book.keys()]
      .filter(peer => !this.#admission.blocked.has(peer))
      .map(peer => ({
        peer,
        rttMs: rtts.get(peer) ?? null,
        connected: rtts.has(peer),
        failures: running.redialler.state(peer)?.failures ?? 0
      }))
    const chance = (peer: Author): number => crypto.crc32(utf8(toHex(this.#chance) + peer))
    const targets = chooseTargets(this.#self, candidates, chance)
    running.redialler.setTargets(new Map([...targets].map(peer => [peer, this.#book.get(peer) ?? []])))
  }

  #tellRefused(running: Running, peer: Author | undefined, reason: string, addr: Multiaddr): void {
    const now = this.#init.clock.now()
    const key = `${peer ?? hostOf(addr)} ${reason}`
    if (now - (running.refusals.get(key) ?? -REFUSAL_QUIET_MS) < REFUSAL_QUIET_MS) return
    if (running.refusals.size >= MAX_REFUSALS) running.refusals.clear()
    running.refusals.set(key, now)
    this.#log('refused: %s %s: %s', peer === undefined ? '' : peerIdOf(peer), addr, reason)
    running.handlers.onRefused(peer, reason, addr.toString())
  }

  // ---- dialling

  /** Resolves when the peer took this node in. */
  async #dial(
    running: Running,
    addrs: readonly PeerAddress[],
    author: Author | undefined,
    given?: AbortSignal
  ): Promise<Author> {
    given?.throwIfAborted()
    const hindrance = author && this.#admission.hindrance(author)
    if (hindrance !== undefined) throw new NatterError('PEER_REFUSED', hindrance)
    const controller = new AbortController()
    const giveUp = (): void => controller.abort(given?.reason)
    given?.addEventListener('abort', giveUp)
    const deadline = this.#init.clock.schedule(DIAL_TIMEOUT_MS, () =>
      controller.abort(new NatterError('PEER_UNREACHABLE', `no answer within ${DIAL_TIMEOUT_MS / 1000} s`))
    )
    const targets = addrs.map(address =>
      author === undefined ? address.multiaddr : withPeer(address, author)
    )
    try {
      const connection = await running.node.dial(targets, { signal: controller.signal })
      const answered = await Promise.race([running.links.admission(connection), aborted(controller.signal)])
      this.#learn(answered, [withoutPeer(connection.remoteAddr)])
      return answered
    } catch (error) {
      throw this.#dialError(running, error, targets, author)
    } finally {
      deadline.cancel()
      given?.removeEventListener('abort', giveUp)
    }
  }

  #dialError(
    running: Running,
    error: unknown,
    targets: readonly Multiaddr[],
    author: Author | undefined
  ): Error {
    if (error instanceof NatterError) return error
    for (const target of targets) {
      const sentence = running.keyFailures.get(withoutPeer(target))
      if (sentence === undefined) continue
      running.keyFailures.delete(withoutPeer(target))
      if (this.#running === running) this.#tellRefused(running, author, sentence, target)
      return new NatterError('PEER_REFUSED', sentence, { cause: error })
    }
    const text = error instanceof AggregateError ? error.errors.map(messageOf).join('; ') : messageOf(error)
    if (/dial self/i.test(text)) return new DialledSelf('this node answers there itself')
    if (/does not match expected/i.test(text)) {
      return new NatterError('PEER_UNREACHABLE', 'another node answers at this address', { cause: error })
    }
    return new NatterError('PEER_UNREACHABLE', text, { cause: error })
  }

  // ---- presence

  #onRecord(signed: SignedPresence): void {
    const { record } = signed
    if (record.peer === this.#self) {
      // An earlier life of this node told a higher version: its clock has gone back since.
      void this.#announce(record.version)
      return
    }
    const isNew = !this.#book.has(record.peer)
    if (!this.#table.put(signed, this.#init.clock.now())) return
    this.#learn(record.peer, record.addrs)
    const running = this.#running
    if (running === undefined) return
    if (isNew) running.handlers.onDiscovered(record.peer)
    running.handlers.onPresence(this.#table.get(record.peer)!)
    this.#retarget()
  }

  /** Tells everybody what this node is now, in a version above `version` and above all before. */
  #announce(version = 0): Promise<void> {
    this.#announcing = this.#announcing
      .then(() => this.#makeRecord(version))
      .catch(error => this.#log('presence: %s', messageOf(error)))
    return this.#announcing
  }

  async #makeRecord(above: number): Promise<void> {
    const { name, app, capabilities, clock } = this.#init
    const own = this.#table.own
    const addrs = this.addrs()
      .filter(addr => utf8(addr).length <= PROTOCOL.presenceAddrBytes)
      .slice(0, PROTOCOL.presenceAddrs)
    if (own !== undefined && own.version > above && own.addrs.join() === addrs.join()) return
    const record: PresenceFields = {
      peer: this.#self,
      // Milliseconds of the wall clock: a restart rises without anything being kept.
      version: Math.max(clock.now(), above + 1, (own?.version ?? 0) + 1),
      name,
      appName: app.name,
      appVersion: app.version,
      capabilities,
      addrs
    }
    checkPresence(record)
    this.#table.put({ record, signature: await this.#key.sign(presenceSigningBytes(record)) }, clock.now())
  }
}

/** Rejects with the signal's reason. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/**
 * The net on libp2p: what `createNet` returns.
 *
 * Everything here is glue: connections are the links', dialling the redialler's, records the presence table's. Keeps: after
 * `stop` nothing runs and nothing is told; `start` after it begins with what was known. See index.ts for the contract.
 */
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { Logger, PeerInfo, PrivateKey } from '@libp2p/interface'
import type { Timer } from '../base/index.js'
import { concatBytes, messageOf, NatterError, toHex, utf8 } from '../base/index.js'
import type { Author } from '../log/index.js'
import { authorOf, authorOfPeerId, peerIdOf } from '../log/index.js'
import type { PresenceFields, SignedPresence, TableId } from '../wire/index.js'
import type { PeerAddress } from './address.js'
import { parseAddress, withoutPeer } from './address.js'
import { AddressBook } from './address-book.js'
import { Admission } from './admission.js'
import type { Running } from './assemble.js'
import { assemble } from './assemble.js'
import type { Circuit } from './breaker.js'
import { Breaker } from './breaker.js'
import type {
  ConnectedPeer,
  DialState,
  Net,
  NetHandlers,
  NetHealth,
  NetInit,
  PresenceRecord,
  SyncStream
} from './index.js'
import { startNode } from './libp2p-node.js'
import { OwnRecord } from './own-record.js'
import { PresenceTable } from './presence.js'
import { SYNC_PROTOCOL } from './sync-streams.js'
import { chooseTargets, FULL_MESH_NODES } from './targets.js'

/** Milliseconds a stop may take before connections are cut. */
const STOP_TIMEOUT_MS = 1500
/** Milliseconds between new choices of targets: round trips and absences change. */
const TARGETS_INTERVAL_MS = 60_000
/** Connected peers at which, above a full mesh, bootstrap addresses are not needed to stay in the network. */
const ENOUGH_PEERS = 4
const RUNS_TWICE =
  'another process runs with the key of this node: a copy of its directory? Give one of the two a directory of its own'

/** What `createNet` does. */
export async function openNet(init: NetInit): Promise<Net> {
  return new Libp2pNet(init, privateKeyFromRaw(concatBytes(init.seed, init.publicKey)))
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
  #targetsTimer: Timer | undefined
  #soon: Timer | undefined

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
    this.#targetsTimer?.cancel()
    this.#own.stop()
    running.redialler.stop()
    running.links.stop()
    running.gossip?.stop()
    running.streams.stop()
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
    return running.streams.open(connection, peer, options)
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
    // Whoever stays connected says nothing anew, and would be there without a name.
    this.#running?.links.disconnect(peer, 'the peer is forgotten here')
    this.#retarget()
  }

  penalize(peer: Author, reason: string): void {
    this.#log('%s broke the protocol: %s', peerIdOf(peer), reason)
    if (!this.#breaker.fail(peer, this.#init.clock.now())) return
    const sentence = this.#admission.hindrance(peer) ?? reason
    this.#running?.links.disconnect(peer, sentence)
    this.#running?.handlers.onRefused(peer, sentence, undefined, 'here')
  }

  circuit(peer: Author): Circuit {
    return this.#breaker.state(peer, this.#init.clock.now())
  }

  health(): NetHealth {
    const unanswered = this.#running?.redialler.unanswered() ?? []
    const gossip = this.#running?.gossip?.peers()
    return gossip === undefined ? { unanswered } : { unanswered, gossip }
  }

  #require(): Running {
    if (this.#running === undefined) throw new NatterError('NOT_READY', 'the network side is not running')
    return this.#running
  }

  async #assemble(handlers: NetHandlers): Promise<Running> {
    const running = await assemble({
      ...this.#init,
      key: this.#key,
      self: this.#self,
      table: this.#table,
      admission: this.#admission,
      addresses: this.#bootstrap,
      handlers,
      enough: links => this.#isLarge() && links.peers().size >= ENOUGH_PEERS,
      onConnected: peer => this.#onConnected(peer),
      onDisconnected: peer => this.#onDisconnected(peer),
      onRefused: (peer, reason, addr, by) => {
        if (this.#running !== running) return
        this.#log('refused: %s %s: %s', peer === undefined ? 'somebody' : peerIdOf(peer), addr, reason)
        handlers.onRefused(peer, reason, addr, by)
      },
      onRecord: signed => this.#onRecord(signed),
      onViolation: (peer, reason) => this.penalize(peer, reason),
      onFound: found => this.#found(found),
      onAddresses: () => this.#announce()
    })
    return running
  }

  #onConnected(peer: Author): void {
    const running = this.#running
    if (running === undefined) return
    const connection = running.links.connection(peer)
    if (connection?.direction === 'outbound') this.#book.learn(peer, [withoutPeer(connection.remoteAddr)])
    running.redialler.connected(peer)
    this.#table.welcome(peer)
    this.#table.touch(peer, this.#init.clock.now())
    this.#log('connected to %s at %s', peerIdOf(peer), connection?.remoteAddr)
    running.handlers.onPeerConnected(peer)
    this.#retarget()
  }

  #onDisconnected(peer: Author): void {
    const running = this.#running
    if (running === undefined) return
    this.#log('disconnected from %s', peerIdOf(peer))
    this.#table.left(peer, this.#init.clock.now())
    running.handlers.onPeerDisconnected(peer)
    running.redialler.disconnected(peer)
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
      this.#outbid(record)
      return
    }
    if (!this.#table.put(signed, this.#init.clock.now(), peer => this.#book.forget(peer))) return
    const isNew = this.#book.learn(record.peer, record.addrs)
    const running = this.#running
    if (running === undefined) return
    if (isNew) running.handlers.onDiscovered(record.peer)
    running.handlers.onPresence(this.#table.get(record.peer)!)
    this.#retargetSoon()
  }

  /** One choice for all records that come within 20 ms: it looks at every node there is. */
  #retargetSoon(): void {
    this.#soon ??= this.#init.clock.schedule(20, () => this.#retarget())
  }

  /** Another record of this node goes round: of an earlier life, or of a process that runs on a copy of its directory. */
  #outbid({ version, addrs }: PresenceFields): void {
    if (this.#own.outbid(() => this.#announce(version))) return
    const where = addrs.find(addr => !this.addrs().includes(addr))
    this.#log('%s: %s', RUNS_TWICE, where)
    this.#running?.handlers.onRefused(this.#self, RUNS_TWICE, where)
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
    this.#soon?.cancel()
    this.#soon = undefined
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
    this.#targetsTimer?.cancel()
    this.#targetsTimer = this.#init.clock.schedule(TARGETS_INTERVAL_MS, () => {
      this.#retarget()
      if (this.#isLarge()) running.links.closeIdle(targets, SYNC_PROTOCOL)
    })
  }
}

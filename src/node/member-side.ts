/**
 * The network side of a node: joining with what the directory and the options say, leaving, inviting.
 * Keeps: nobody who was not told to may join; ports are chosen once; network, key and addresses live in the directory.
 */

import type { Invite, Limits, NodeEvents, Signal } from '../base/index.js'
import { isNatterError, NatterError, toHex } from '../base/index.js'
import { createEngine } from '../engine/index.js'
import type { Author } from '../log/index.js'
import { peerIdOf } from '../log/index.js'
import type { KnownPeer, NetHandlers } from '../net/index.js'
import { createNet, formatInvite } from '../net/index.js'
import type { PeerRecord } from '../store/index.js'
import { VERSION } from '../version.js'
import type { Ground } from './ground.js'
import { pskOf } from './ground.js'
import type { NodeOptions } from './options.js'
import { allowedAuthors, checkMultiaddr, isLoopback } from './options.js'
import type { Membership } from './peer-book.js'
import { NEW_PEER } from './peer-book.js'

export interface SideListeners {
  peer(event: NodeEvents['peer']): void
  refused: NetHandlers['onRefused']
  sync(event: NodeEvents['sync']): void
  progress(): void
}

const SILENT: SideListeners = {
  peer: () => undefined,
  refused: () => undefined,
  sync: () => undefined,
  progress: () => undefined
}
const PSK_BYTES = 32

export class MemberSide {
  readonly #ground: Ground
  readonly #options: NodeOptions
  readonly #limits: Limits
  #listeners = SILENT
  #membership: Membership | undefined
  /** One change of membership at a time. */
  #turn: Promise<unknown> = Promise.resolve()
  #paused = false

  constructor(ground: Ground, options: NodeOptions, limits: Limits) {
    this.#ground = ground
    this.#options = options
    this.#limits = limits
  }

  get membership(): Membership | undefined {
    return this.#membership
  }

  get paused(): boolean {
    return this.#paused
  }

  listen(listeners: SideListeners): void {
    this.#listeners = listeners
  }

  /** The membership; throws `PAUSED` while the node has left the network. */
  required(): Membership {
    if (this.#membership === undefined) throw new NatterError('PAUSED', 'the node has left the network')
    return this.#membership
  }

  /** Opens the network side. Throws `NOBODY_MAY_JOIN`, `PORT_IN_USE`. */
  join(): Promise<void> {
    return this.#inTurn(() => this.#join())
  }

  leave(): Promise<void> {
    return this.#inTurn(() => this.#leave())
  }

  pause(): Promise<void> {
    return this.#inTurn(async () => {
      this.#paused = true
      await this.#leave()
    })
  }

  resume(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#membership === undefined) await this.#join()
      this.#paused = false
    })
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run)
    this.#turn = result.catch(() => undefined) // told to the caller; the next turn begins all the same
    return result
  }

  /** A key that was given or came by invite is in the settings by now. */
  get #psk(): Uint8Array | undefined {
    return pskOf(this.#ground.settings)
  }

  get #joinable(): boolean {
    return this.#psk !== undefined || this.#options.allow !== undefined || this.#options.open === true
  }

  /** Where to listen: as told, else beyond loopback as soon as something says who may join. */
  #listenAddrs(): readonly string[] {
    const given = this.#options.listen
    if (given === undefined) return [this.#joinable ? '/ip4/0.0.0.0/tcp/0' : '/ip4/127.0.0.1/tcp/0']
    if (!this.#joinable && !given.every(isLoopback)) {
      throw new NatterError('NOBODY_MAY_JOIN', 'listening beyond loopback, and nothing says who may join')
    }
    return given
  }

  /** Addresses that are dialled for ever: of the options, of invites, and those that `connect` kept. */
  #bootstrap(): string[] {
    return [
      ...new Set([...(this.#options.bootstrap ?? []), ...(this.#ground.settings.get().bootstrap ?? [])])
    ]
  }

  async #join(): Promise<void> {
    const { settings } = this.#ground
    const wanted = this.#listenAddrs()
    const kept = settings.get().ports ?? {}
    const listen = wanted.map(addr => withPort(addr, kept[addr]))
    try {
      await this.#open(listen)
    } catch (error) {
      const tookKept = listen.some((addr, i) => addr !== wanted[i])
      if (!(error instanceof NatterError && error.code === 'PORT_IN_USE') || !tookKept) throw error
      await this.#open(wanted)
    }
    await this.#keepPorts(wanted)
  }

  async #open(listen: readonly string[]): Promise<void> {
    const { store, clock, random, crypto, seed, signer, settings, network, machineName, logger, log } =
      this.#ground
    const options = this.#options
    const psk = this.#psk
    const allow = allowedAuthors(options.allow)
    const kept = settings.get()
    const beyond = !listen.every(isLoopback)
    const net = await createNet({
      seed,
      publicKey: signer.publicKey,
      database: store.database,
      network,
      name: options.name ?? machineName,
      app: options.app ?? { name: 'natter', version: VERSION },
      capabilities: options.capabilities ?? [],
      listen,
      announce: options.announce ?? [],
      bootstrap: this.#bootstrap(),
      ...(psk === undefined ? {} : { psk }),
      ...(allow === undefined ? {} : { allow: new Set(allow) }),
      mdns: options.mdns ?? (beyond && (kept.network !== undefined || psk !== undefined)),
      gossip: options.gossip ?? true,
      breaker: {
        threshold: options.breaker?.threshold ?? 5,
        coolDownMs: options.breaker?.coolDownMs ?? 30_000
      },
      known: this.#knownPeers(),
      limits: this.#limits,
      clock,
      random,
      crypto,
      logger
    })
    const engine = createEngine(
      { store, net, clock, random, crypto },
      {
        gossip: options.gossip ?? true,
        ...(options.sync === undefined ? {} : { sync: options.sync }),
        limits: this.#limits,
        log
      }
    )
    engine.onProgress(() => this.#listeners.progress())
    engine.onRound(round => this.#listeners.sync(round))
    try {
      await net.start(this.#handlers(engine.handlers))
      await engine.start()
    } catch (error) {
      await engine.stop().catch(() => undefined) // the first error is the one to tell
      await net.stop().catch(() => undefined)
      throw error
    }
    this.#membership = { net, engine }
  }

  #handlers(engine: Membership['engine']['handlers']): NetHandlers {
    const tell = (peer: Author | undefined, state: NodeEvents['peer']['state'], reason?: string) => {
      const event = { peer: peer === undefined ? '' : peerIdOf(peer), state }
      this.#listeners.peer(reason === undefined ? event : { ...event, reason })
      this.#listeners.progress()
    }
    return {
      ...engine,
      onPeerConnected: peer => {
        engine.onPeerConnected(peer)
        this.#remember(peer)
        tell(peer, 'connected')
      },
      onPeerDisconnected: peer => {
        engine.onPeerDisconnected(peer)
        tell(peer, 'disconnected')
      },
      onRefused: (peer, reason, addr, by) => {
        this.#listeners.refused(peer, reason, addr, by)
        tell(peer, 'refused', reason)
      },
      onDiscovered: peer => tell(peer, 'discovered'),
      onPresence: record => {
        engine.onPresence(record)
        this.#remember(record.peer, { name: record.name, addrs: record.addrs })
        this.#listeners.progress()
      }
    }
  }

  /** Keeps a peer in the store's book, so that it is known, counted and dialled after a restart. */
  #remember(peer: Author, news: Partial<Pick<PeerRecord, 'name' | 'addrs'>> = {}): void {
    const { store } = this.#ground
    const record = store.peer(peerIdOf(peer))
    const next = { ...(record ?? NEW_PEER), ...news }
    if (record?.name === next.name && record?.addrs.join() === next.addrs.join()) return
    store.savePeer(peerIdOf(peer), next)
  }

  #knownPeers(): KnownPeer[] {
    const known: KnownPeer[] = []
    for (const [id, record] of this.#ground.store.peers()) {
      if (record.kind === 'peer') known.push({ id, addrs: record.addrs, blocked: record.blocked })
    }
    return known
  }

  /** Keeps the ports that a 0 got, by the address that was asked for. */
  async #keepPorts(wanted: readonly string[]): Promise<void> {
    const { settings, directory } = this.#ground
    const addrs = this.required().net.addrs()
    const ports: Record<string, number> = { ...settings.get().ports }
    for (const addr of wanted) {
      const actual = addrs.find(candidate => portOf(addr) === 0 && sameTransport(addr, candidate))
      const port = actual === undefined ? undefined : portOf(actual)
      if (port !== undefined) ports[addr] = port
    }
    if (JSON.stringify(ports) !== JSON.stringify(settings.get().ports)) {
      // A start must not need room on a full disk: the ports are chosen anew the next time.
      await settings.update({ ports }).catch(error => {
        if (!isNatterError(error, 'DISK_FULL')) throw error
        this.#ground.log('store', error.message)
      })
    }
    if (addrs[0] !== undefined) await directory?.lock.describe({ multiaddr: addrs[0] })
  }

  async #leave(): Promise<void> {
    const here = this.#membership
    if (here === undefined) return
    this.#membership = undefined
    await here.engine.stop()
    await here.net.stop()
    this.#listeners.progress()
  }

  async connect(multiaddr: string, options: Signal): Promise<Author> {
    checkMultiaddr(multiaddr)
    const peer = await this.required().net.connect(multiaddr, options)
    const { settings } = this.#ground
    const { bootstrap = [] } = settings.get()
    if (!bootstrap.includes(multiaddr)) await settings.update({ bootstrap: [...bootstrap, multiaddr] })
    return peer
  }

  /** Drops what is kept of a peer, a block too: the record that said so goes. */
  async forget(peer: Author): Promise<void> {
    this.#membership?.net.unblock(peer)
    this.#membership?.net.forget(peer)
    this.#membership?.engine.forget(peer)
    await this.#ground.store.forgetPeer(peerIdOf(peer))
    const { settings } = this.#ground
    const bootstrap = (settings.get().bootstrap ?? []).filter(
      addr => !addr.endsWith(`/p2p/${peerIdOf(peer)}`)
    )
    await settings.update({ bootstrap })
  }

  async block(peer: Author): Promise<void> {
    const { store } = this.#ground
    const record = { ...(store.peer(peerIdOf(peer)) ?? NEW_PEER), blocked: true }
    await Promise.all([store.keepPeer(peerIdOf(peer), record), this.#membership?.net.block(peer)])
  }

  /** One line that lets another node in. Makes a key where there is none, and reopens the network side with it. */
  invite(hasPeers: boolean, rotate: boolean): Promise<Invite> {
    return this.#inTurn(async () => {
      const { settings, network, random, crypto } = this.#ground
      const present = this.#psk
      if (present === undefined && hasPeers) {
        throw new NatterError('PEERS_WITHOUT_KEY', 'this node has peers that were let in without a key')
      }
      if (present === undefined || rotate) {
        if (this.#options.psk !== undefined) {
          throw new NatterError('INVALID_ARGUMENT', 'the key was given from outside: rotate it there')
        }
        await settings.update({ psk: toHex(random.bytes(PSK_BYTES)) })
        await this.#leave()
        await this.#join()
      }
      const addrs = this.required().net.addrs()
      return { invite: formatInvite({ network, psk: this.#psk!, addrs }, crypto), network, addrs }
    })
  }
}

/** `addr` with the port that it got before in place of 0. */
function withPort(addr: string, port: number | undefined): string {
  return port === undefined || portOf(addr) !== 0 ? addr : addr.replace('/tcp/0', `/tcp/${port}`)
}

function portOf(addr: string): number | undefined {
  const match = /\/tcp\/([0-9]+)/.exec(addr)
  return match === null ? undefined : Number(match[1])
}

/** Whether an actual address can come of listening on `addr`: the same family, and both or neither a WebSocket. */
function sameTransport(addr: string, actual: string): boolean {
  return addr.split('/')[1] === actual.split('/')[1] && addr.includes('/ws') === actual.includes('/ws')
}

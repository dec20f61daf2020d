/** Puts the running parts of a net together: libp2p, links, dialler, redialler, streams, gossip. Starts none of them. */
import type { PeerInfo, PrivateKey } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Hashes } from '../base/index.js'
import { concatBytes, EMPTY_BYTES, fromHex, toHex } from '../base/index.js'
import type { Author, DatabaseId } from '../log/index.js'
import type { SignedPresence } from '../wire/index.js'
import type { PeerAddress } from './address.js'
import type { Admission } from './admission.js'
import { Dialler } from './dialler.js'
import { connectionGater } from './gater.js'
import { Gossip } from './gossip.js'
import type { NetHandlers, NetInit } from './index.js'
import { KeyWatch, keyFailureSentence } from './key-watch.js'
import type { Libp2pNode } from './libp2p-node.js'
import { createNode } from './libp2p-node.js'
import { Links, PRESENCE_PROTOCOL } from './links.js'
import { Openings } from './openings.js'
import type { PresenceTable } from './presence.js'
import { Redialler } from './redialler.js'
import { Refusals } from './refusals.js'
import { SyncStreams } from './sync-streams.js'

/** Hexadecimal digits of the tag under which nodes of one network and key look for each other. */
const TAG_DIGITS = 16

/** What lives from start to stop. */
export interface Running {
  readonly node: Libp2pNode
  readonly handlers: NetHandlers
  readonly links: Links
  readonly dialler: Dialler
  readonly redialler: Redialler
  readonly gossip: Gossip | undefined
  readonly streams: SyncStreams
}

export interface AssembleInit extends NetInit {
  readonly key: PrivateKey
  readonly self: Author
  readonly table: PresenceTable
  readonly admission: Admission
  readonly addresses: readonly PeerAddress[]
  readonly handlers: NetHandlers
  /** Whether so many peers are connected that bootstrap addresses may rest. */
  readonly enough: (links: Links) => boolean
  readonly onConnected: (peer: Author) => void
  readonly onDisconnected: (peer: Author) => void
  readonly onRefused: NetHandlers['onRefused']
  readonly onRecord: (signed: SignedPresence) => void
  readonly onViolation: (peer: Author, reason: string) => void
  /** Of mDNS, at every answer. */
  readonly onFound: (found: PeerInfo) => void
  readonly onAddresses: () => void
}

export async function assemble(init: AssembleInit): Promise<Running> {
  const { admission, handlers, clock, self } = init
  const refusals = new Refusals(clock, init.onRefused)
  const keyWatch = new KeyWatch({
    psk: init.psk,
    onFailure: (failure, direction, remote) => {
      const sentence = keyFailureSentence(failure)
      if (direction === 'inbound') refusals.add(undefined, sentence, remote, 'keys')
      else dialler.keyFailed(remote, sentence)
    }
  })
  const node = await createNode({
    ...init,
    slowPeerBytes: init.limits.slowPeerBytes,
    bootstrap: init.addresses.filter(({ author }) => author !== undefined).map(({ text }) => text),
    version: init.app.version,
    hashes: init.crypto,
    keyWatch,
    gater: connectionGater(admission, refusals),
    mdns: init.mdns ? { tag: discoveryTag(init), onFound: init.onFound } : undefined
  })
  const openings = new Openings(clock, init.onViolation)
  const links = new Links(
    { ...init, openings },
    {
      onConnected: init.onConnected,
      onDisconnected: init.onDisconnected,
      onRefused: (peer, reason, addr, by) => refusals.add(peer, reason, multiaddr(addr), by),
      onRecord: init.onRecord,
      onViolation: init.onViolation
    }
  )
  const dialler = new Dialler({ node, links, admission, refusals, clock })
  const log = init.logger.forComponent('natter:net')
  const redialler = new Redialler({
    ...init,
    dial: (addrs, author) => dialler.dial(addrs, author),
    connected: author => links.isConnected(author),
    first: author => self < author,
    enough: () => init.enough(links),
    hindrance: author => admission.hindrance(author),
    log: line => log('%s', line)
  })
  const streams = new SyncStreams({
    links,
    openings,
    clock,
    onStream: stream => handlers.onStream(stream),
    onBroken: init.onViolation
  })
  node.addEventListener('connection:open', event => links.opened(event.detail))
  node.addEventListener('connection:close', event => links.closed(event.detail))
  node.addEventListener('self:peer:update', init.onAddresses)
  await node.handle(PRESENCE_PROTOCOL, (stream, connection) => links.presenceStream(stream, connection), {
    maxInboundStreams: 2,
    maxOutboundStreams: 2
  })
  await streams.attach(node)
  return { node, handlers, links, dialler, redialler, gossip: gossipOf(node, links, init), streams }
}

function gossipOf(node: Libp2pNode, links: Links, init: AssembleInit): Gossip | undefined {
  const { pubsub } = node.services
  if (pubsub === undefined) return undefined
  const log = init.logger.forComponent('natter:gossip')
  return new Gossip(pubsub, {
    clock: init.clock,
    hashes: init.crypto,
    database: init.database,
    connections: () => links.admitted(),
    protocols: async peer => (await node.peerStore.get(peer)).protocols,
    onMessage: (data, from) => init.handlers.onGossip(data, from),
    onViolation: init.onViolation,
    log: line => log('%s', line)
  })
}

interface TagInit {
  readonly crypto: Hashes
  readonly database: DatabaseId
  readonly psk?: Uint8Array | undefined
}

/** Same network and same key, same tag: whoever lacks the key cannot even ask for it. */
function discoveryTag({ crypto, database, psk }: TagInit): string {
  return toHex(crypto.sha256(concatBytes(fromHex(database), psk ?? EMPTY_BYTES))).slice(0, TAG_DIGITS)
}

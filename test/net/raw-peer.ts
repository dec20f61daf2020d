/**
 * A libp2p node that is no natter: it says on natter's protocols whatever a test wants, right or wrong.
 * It may take part in gossip, with the settings of natter.
 */
import type { GossipSub } from '@chainsafe/libp2p-gossipsub'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { encode } from 'it-length-prefixed'
import { createLibp2p } from 'libp2p'
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import { systemRandom } from '../../src/base/system.js'
import type { Author } from '../../src/log/index.js'
import { authorOf } from '../../src/log/index.js'
import { gossipService, topicOf } from '../../src/net/gossip.js'
import type { PresenceMessage, TableId } from '../../src/wire/index.js'
import { encodePresence } from '../../src/wire/index.js'
import { DATABASE } from './support.js'

export class RawPeer {
  readonly self: Author
  readonly node: Libp2p<{ pubsub: GossipSub }>
  readonly #seed: Uint8Array

  private constructor(seed: Uint8Array, node: Libp2p<{ pubsub: GossipSub }>) {
    this.#seed = seed
    this.node = node
    this.self = authorOf(nodeSigner(seed).publicKey)
  }

  static async start(): Promise<RawPeer> {
    const seed = systemRandom.bytes(32)
    const node = await createLibp2p({
      privateKey: await generateKeyPairFromSeed('Ed25519', seed),
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: { identify: identify(), pubsub: gossipService({ hashes: nodeCrypto, database: DATABASE }) }
    })
    node.services.pubsub.subscribe(topicOf(DATABASE))
    return new RawPeer(seed, node)
  }

  dial(address: string): Promise<Connection> {
    return this.node.dial(multiaddr(address))
  }

  sign(bytes: Uint8Array): Uint8Array {
    return nodeSigner(this.#seed).sign(bytes) as Uint8Array
  }

  hello(): PresenceMessage {
    return { type: 'hello', database: DATABASE, table: 'ab'.repeat(8) as TableId }
  }

  /** Opens a presence stream and says these messages, or these frames as they are. */
  async presence(connection: Connection, ...said: (PresenceMessage | Uint8Array)[]): Promise<Stream> {
    const stream = await connection.newStream('/sync/presence/1.0.0')
    for (const one of said) {
      for (const frame of one instanceof Uint8Array ? [one] : encodePresence(one))
        stream.send(encode.single(frame))
    }
    return stream
  }

  async stop(): Promise<void> {
    await this.node.stop()
  }
}

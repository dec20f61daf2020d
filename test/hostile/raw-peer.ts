/**
 * A libp2p node that is no natter: it says on natter's protocols whatever a test wants, right or wrong.
 * It may take part in gossip, with the settings of natter. See raw-sync.ts for what it says on `/sync/ops`.
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
import type { Signer } from '../../src/base/index.js'
import { systemRandom } from '../../src/base/system.js'
import type { Author, DatabaseId } from '../../src/log/index.js'
import { authorOf, peerIdOf } from '../../src/log/index.js'
import { gossipService, topicOf } from '../../src/net/gossip.js'
import type { PresenceFields, PresenceMessage, SignedPresence, TableId } from '../../src/wire/index.js'
import { encodePresence, presenceSigningBytes } from '../../src/wire/index.js'
import { RawSync } from './raw-sync.js'

const TABLE = 'ab'.repeat(8) as TableId

export class RawPeer {
  readonly self: Author
  readonly database: DatabaseId
  readonly signer: Signer
  readonly node: Libp2p<{ pubsub: GossipSub }>

  private constructor(signer: Signer, database: DatabaseId, node: Libp2p<{ pubsub: GossipSub }>) {
    this.signer = signer
    this.database = database
    this.node = node
    this.self = authorOf(signer.publicKey)
  }

  static async start(database: DatabaseId): Promise<RawPeer> {
    const seed = systemRandom.bytes(32)
    const node = await createLibp2p({
      privateKey: await generateKeyPairFromSeed('Ed25519', seed),
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: { identify: identify(), pubsub: gossipService({ hashes: nodeCrypto, database }) }
    })
    node.services.pubsub.subscribe(topicOf(database))
    return new RawPeer(nodeSigner(seed), database, node)
  }

  get peerId(): string {
    return peerIdOf(this.self)
  }

  dial(address: string): Promise<Connection> {
    return this.node.dial(multiaddr(address))
  }

  sign(bytes: Uint8Array): Uint8Array {
    return this.signer.sign(bytes) as Uint8Array
  }

  hello(): PresenceMessage {
    return { type: 'hello', database: this.database, table: TABLE }
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

  /** Connects and says a right presence HELLO: from here on the node takes streams. */
  async join(address: string): Promise<Connection> {
    const connection = await this.dial(address)
    await this.presence(connection, this.hello())
    return connection
  }

  /** A stream of `/sync/ops`, on which nothing was said yet. */
  async sync(connection: Connection): Promise<RawSync> {
    return new RawSync(await connection.newStream('/sync/ops/1.0.0'), this.database)
  }

  /** A record that this peer signs, of itself unless it is told otherwise. */
  record(fields: Partial<PresenceFields> = {}): SignedPresence {
    return signedRecord(this.signer, fields)
  }

  async stop(): Promise<void> {
    await this.node.stop()
  }
}

export function signedRecord(signer: Signer, fields: Partial<PresenceFields> = {}): SignedPresence {
  const record = {
    peer: authorOf(signer.publicKey),
    version: 1,
    name: 'raw',
    appName: '',
    appVersion: '',
    capabilities: [],
    addrs: [],
    ...fields
  }
  return { record, signature: signer.sign(presenceSigningBytes(record)) as Uint8Array }
}

export function recordsMessage(...records: readonly SignedPresence[]): PresenceMessage {
  return { type: 'records', table: TABLE, version: 1, records }
}

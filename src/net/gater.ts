/** The admission rules as libp2p's connection gater: asked before a dial and when the other side's key is proved. */
import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { authorOfPeerId } from '../log/index.js'
import type { Admission } from './admission.js'
import type { Refusals } from './refusals.js'

export function connectionGater(admission: Admission, refusals: Refusals): ConnectionGater {
  const judge = (peer: PeerId, connection: MultiaddrConnection): boolean => {
    const author = authorOfPeerId(peer.toString())
    const reason = author === undefined ? 'its key is no Ed25519 key' : admission.hindrance(author)
    if (reason !== undefined) refusals.add(author, reason, connection.remoteAddr, 'here')
    return reason !== undefined
  }
  return {
    // The default of browsers refuses ws:// and private addresses, which is where nodes live.
    denyDialMultiaddr: (_address: Multiaddr) => false,
    denyDialPeer: peer => {
      const author = authorOfPeerId(peer.toString())
      return author === undefined || admission.hindrance(author) !== undefined
    },
    denyInboundEncryptedConnection: judge,
    denyOutboundEncryptedConnection: judge
  }
}

/**
 * The parts of libp2p that need Node.js: TCP, WebSocket servers and mDNS. A browser build puts another file here.
 */
import type { PeerInfo } from '@libp2p/interface'
import { mdns } from '@libp2p/mdns'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { WebSocket } from 'ws'
import { ACCEPTED_SOCKET, DIALLED_SOCKET } from './lean-connection.js'

// libp2p dials ws addresses with the global one, which Node.js has from 22 on.
if (!('WebSocket' in globalThis)) Object.defineProperty(globalThis, 'WebSocket', { value: WebSocket })

export function transports() {
  return [tcp({ dialOpts: DIALLED_SOCKET, listenOpts: ACCEPTED_SOCKET }), webSockets()]
}

type Mdns = ReturnType<typeof mdns>

/**
 * Discovery on the local network. `onFound` is told at every answer: libp2p itself tells of a peer only once.
 * The tag keeps networks apart: nodes of another one neither ask nor answer. What is answered goes to everybody on the
 * local network who listens: peer ids and addresses, nothing else.
 */
export function localDiscovery(tag: string, onFound: (peer: PeerInfo) => void): Mdns {
  return components => {
    const discovery = mdns({ serviceTag: `_natter-${tag}._udp.local` })(components)
    discovery.addEventListener('peer', event => onFound(event.detail))
    return discovery
  }
}

/**
 * The parts of libp2p that need Node.js: TCP, WebSockets and mDNS. A browser build puts another file here.
 *
 * TCP is in every node. The others are loaded with their first use: few nodes dial a WebSocket or look around on the local
 * network, and what they bring takes a fifth of the time that loading takes, and 6 MiB.
 */
import type { Connection, Listener, PeerInfo, Transport } from '@libp2p/interface'
import { serviceCapabilities, transportSymbol } from '@libp2p/interface'
import type { mdns } from '@libp2p/mdns'
import { tcp } from '@libp2p/tcp'
import type { webSockets } from '@libp2p/websockets'
import type { Multiaddr } from '@multiformats/multiaddr'
import { ACCEPTED_SOCKET, DIALLED_SOCKET } from './lean-connection.js'

type WebSocketFactory = ReturnType<typeof webSockets>
type Components = Parameters<WebSocketFactory>[0]
type Factory = (components: Components) => Transport

/** The transports of a node that listens at these addresses. */
export async function transports(listen: readonly string[]): Promise<Factory[]> {
  const listens = listen.some(addr => /\/wss?(\/|$)/.test(addr))
  const overWebSockets = listens
    ? await loadWebSockets()
    : (components: Components) => new LateDial(components)
  return [tcp({ dialOpts: DIALLED_SOCKET, listenOpts: ACCEPTED_SOCKET }), overWebSockets]
}

async function loadWebSockets(): Promise<WebSocketFactory> {
  const { webSockets } = await import('@libp2p/websockets')
  // libp2p dials ws addresses with the global one, which Node.js has from 22 on.
  if (!('WebSocket' in globalThis)) {
    const { WebSocket } = await import('ws')
    // A dial that is given up takes its listeners away, and what fails without one ends the process.
    class HeededWebSocket extends WebSocket {
      constructor(...about: ConstructorParameters<typeof WebSocket>) {
        super(...about)
        this.on('error', () => undefined)
      }
    }
    Object.defineProperty(globalThis, 'WebSocket', { value: HeededWebSocket, configurable: true })
  }
  return webSockets()
}

/** Dials WebSockets, and loads what that takes with the first dial. It never listens. */
class LateDial implements Transport {
  readonly [transportSymbol] = true
  readonly [Symbol.toStringTag] = '@libp2p/websockets'
  readonly [serviceCapabilities] = ['@libp2p/transport']
  readonly #components: Components
  #loaded: Promise<Transport> | undefined

  constructor(components: Components) {
    this.#components = components
  }

  async dial(addr: Multiaddr, options: Parameters<Transport['dial']>[1]): Promise<Connection> {
    this.#loaded ??= loadWebSockets().then(make => make(this.#components))
    return (await this.#loaded).dial(addr, options)
  }

  createListener(): Listener {
    throw new TypeError('a node that listens for WebSockets has them from the start')
  }

  listenFilter(): Multiaddr[] {
    return []
  }

  dialFilter(addrs: Multiaddr[]): Multiaddr[] {
    return addrs.filter(isWebSocket)
  }
}

/** Whether the way to a peer ends in a WebSocket: through a relay it does not. */
function isWebSocket(addr: Multiaddr): boolean {
  const way = addr.getComponents().map(({ name }) => name)
  if (way.at(-1) === 'p2p') way.pop()
  return way.at(-1) === 'ws' || way.at(-1) === 'wss'
}

type Mdns = ReturnType<typeof mdns>

/**
 * Discovery on the local network. `onFound` is told at every answer: libp2p itself tells of a peer only once.
 * The tag keeps networks apart: nodes of another one neither ask nor answer. What is answered goes to everybody on the
 * local network who listens: peer ids and addresses, nothing else.
 */
export async function localDiscovery(tag: string, onFound: (peer: PeerInfo) => void): Promise<Mdns> {
  const { mdns } = await import('@libp2p/mdns')
  return components => {
    const discovery = mdns({ serviceTag: `_natter-${tag}._udp.local` })(components)
    discovery.addEventListener('peer', event => onFound(event.detail))
    return discovery
  }
}

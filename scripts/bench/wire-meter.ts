/**
 * Bytes on the wire: of every connection that was made to a server of this process, as its socket counts them, all that
 * libp2p says included. A proxy would see the same bytes, but a peer that learns another address goes round it.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

const CHANNEL = 'net.server.socket'

export class WireMeter {
  readonly #sockets = new Set<Socket>()
  readonly #listener = (message: unknown) => {
    this.#sockets.add((message as { socket: Socket }).socket)
  }
  #taken = 0

  constructor() {
    subscribe(CHANNEL, this.#listener)
  }

  /** Of both directions, since the last call. */
  take(): number {
    let bytes = 0
    for (const socket of this.#sockets) bytes += socket.bytesRead + socket.bytesWritten
    const since = bytes - this.#taken
    this.#taken = bytes
    return since
  }

  end(): void {
    unsubscribe(CHANNEL, this.#listener)
  }
}

/**
 * A TCP proxy that behaves like a bad line: it delays, lets only a trickle through, and resets connections in the middle
 * of what they carry. It changes, reorders and repeats no byte.
 */
import type { Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Line {
  /** Milliseconds that every piece waits. */
  delayMs: number
  /** Bytes a second in each direction of each connection. */
  bytesPerSecond: number
}

const PIECE_BYTES = 4096

export class BadLine {
  readonly line: Line
  readonly port: number
  resets = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, port: number, line: Line) {
    this.#server = server
    this.port = port
    this.line = line
  }

  /** Listens on loopback and passes on to `target`, a port of loopback. */
  static async start(target: number, line: Line): Promise<BadLine> {
    const server = createServer({ allowHalfOpen: true })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const proxy = new BadLine(server, (server.address() as { port: number }).port, line)
    server.on('connection', near => {
      const far = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true })
      for (const [socket, other] of [
        [near, far],
        [far, near]
      ] as const) {
        proxy.#sockets.add(socket)
        socket.setNoDelay(true)
        socket.on('error', () => undefined) // the close says the rest
        socket.on('close', () => {
          proxy.#sockets.delete(socket)
          other.destroy()
        })
        proxy.#carry(socket, other).catch(() => other.destroy())
      }
    })
    return proxy
  }

  /** Resets every connection, wherever it is. */
  reset(): void {
    this.resets += this.#sockets.size > 0 ? 1 : 0
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  async end(): Promise<void> {
    const closed = new Promise(resolve => this.#server.close(resolve))
    this.reset()
    await closed
  }

  async #carry(from: Socket, to: Socket): Promise<void> {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        const piece = chunk.subarray(at, at + PIECE_BYTES)
        const { delayMs, bytesPerSecond } = this.line
        await sleep(delayMs + (piece.length / bytesPerSecond) * 1000)
        if (to.destroyed) return
        if (!to.write(piece)) await new Promise(resolve => to.once('drain', resolve).once('close', resolve))
      }
    }
    to.end()
  }
}

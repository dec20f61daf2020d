/**
 * Three things that libp2p 3 does for every message and need not. Each is put right from outside, for what is written to
 * the wire stays what it was, and where a later libp2p looks different each is left alone: then it is slower, not wrong.
 *
 * The pieces of a message go to the socket one by one, each a system call and a packet: here together. Noise reads the
 * length of the next message until that throws, with a stack trace each time: here it looks first. yamux answers every
 * message with a window update, a message of its own: here they gather, as in other implementations of yamux.
 */
import type { MessageStream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'

/**
 * Bytes of the window of a yamux stream that are given back together. The window is 256 KiB to begin with, so a sender
 * that used all the rest still has most of it.
 */
const RETURNED_BYTES = 64 * 1024
/** Bytes that a socket takes before it says that it is full: its 16 KiB would end every larger message with a pause. */
const SOCKET_BYTES = 512 * 1024

/** Options of the sockets of the TCP transport, dialled and accepted. */
export const DIALLED_SOCKET = { noDelay: true, writableHighWaterMark: SOCKET_BYTES }
export const ACCEPTED_SOCKET = { noDelay: true, highWaterMark: SOCKET_BYTES }

interface Corkable {
  cork(): void
  uncork(): void
}

/** Has all that is sent over a connection in one go reach its socket as one piece. */
export function gatherWrites(connection: MessageStream): void {
  const { socket } = connection as { socket?: unknown }
  if (!isCorkable(socket)) return
  const send = connection.send.bind(connection)
  connection.send = data => {
    socket.cork()
    try {
      return send(data)
    } finally {
      socket.uncork()
    }
  }
}

function isCorkable(socket: unknown): socket is Corkable {
  const { cork, uncork } = (socket ?? {}) as Partial<Corkable>
  return typeof cork === 'function' && typeof uncork === 'function'
}

type Bytes = Uint8Array | Uint8ArrayList

/** Bytes of the length before a noise message. */
const LENGTH_BYTES = 2

/** Noise messages out of what a connection brings. */
export class NoiseMessages {
  readonly #pending = new Uint8ArrayList()

  constructor(begun: Bytes) {
    this.#pending.append(begun)
  }

  /** The messages that are whole now; what is left waits for more. */
  decode(chunk: Bytes): Uint8Array[] {
    const pending = this.#pending
    pending.append(chunk)
    const messages: Uint8Array[] = []
    while (pending.byteLength >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + pending.get(0) * 256 + pending.get(1)
      if (pending.byteLength < end) break
      if (end > LENGTH_BYTES) messages.push(pending.subarray(LENGTH_BYTES, end))
      pending.consume(end)
    }
    return messages
  }
}

/** Has a connection that noise has secured read its messages with the decoder above. */
export function readAhead(secured: MessageStream): void {
  const stream = secured as { decoder?: { buffer?: unknown; decode?: unknown } }
  const { decoder } = stream
  if (typeof decoder?.decode !== 'function' || !(decoder.buffer instanceof Uint8ArrayList)) return
  Object.assign(stream, { decoder: new NoiseMessages(decoder.buffer) })
}

/** A frame of yamux, as its streams hand it to the muxer. */
interface YamuxHeader {
  readonly type: number
  readonly flag: number
  readonly length: number
}

type SendFrame = (header: YamuxHeader, data?: Uint8ArrayList) => boolean

const WINDOW_UPDATE = 1

/** The muxer with streams that give back their window a good piece at a time. */
export function gatherUpdates(factory: StreamMuxerFactory): StreamMuxerFactory {
  return {
    protocol: factory.protocol,
    createStreamMuxer: connection => {
      const muxer = factory.createStreamMuxer(connection)
      const maker = muxer as StreamMuxer & { _newStream?: (...about: unknown[]) => { sendFrame?: SendFrame } }
      const make = maker._newStream?.bind(muxer)
      if (make !== undefined) {
        maker._newStream = (...about) => {
          const stream = make(...about)
          if (stream.sendFrame !== undefined) stream.sendFrame = gathering(stream.sendFrame)
          return stream
        }
      }
      return muxer
    }
  }
}

function gathering(send: SendFrame): SendFrame {
  let gathered = 0
  return (header, data) => {
    // With a flag it opens, accepts or ends the stream, and must not wait.
    if (header.type !== WINDOW_UPDATE || header.flag !== 0) return send(header, data)
    gathered += header.length
    if (gathered < RETURNED_BYTES) return true
    const length = gathered
    gathered = 0
    return send({ ...header, length }, data)
  }
}

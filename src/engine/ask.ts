/** A HELLO on a short stream: how far a node that is no neighbour has this node's log. Nobody's word for a third counts. */
import type { Clock, Hashes } from '../base/index.js'
import { messageOf, NatterError } from '../base/index.js'
import type { DatabaseId, Hello } from '../log/index.js'
import type { SyncStream } from '../net/index.js'
import { SyncDecoder, SyncEncoder } from '../wire/index.js'

export interface AskInit {
  readonly clock: Clock
  readonly hashes: Hashes
  readonly database: DatabaseId
  readonly timeoutMs: number
}

/** Exchanges one HELLO and closes the stream. Rejects with `TIMEOUT`, `PROTOCOL_ERROR` or `PEER_UNREACHABLE`. */
export async function exchangeHello(init: AskInit, stream: SyncStream, hello: Hello): Promise<Hello> {
  const decoder = new SyncDecoder({ hashes: init.hashes, database: init.database })
  const timer = init.clock.schedule(init.timeoutMs, () =>
    stream.abort(new NatterError('TIMEOUT', 'no HELLO came'))
  )
  try {
    for (const frame of new SyncEncoder().encode(hello)) stream.send(frame)
    for await (const frame of stream.frames) {
      const message = decoder.decode(frame)
      if (message?.type === 'err') throw new NatterError('PEER_UNREACHABLE', message.text)
      if (message?.type !== 'hello') throw new NatterError('PROTOCOL_ERROR', 'no HELLO first')
      if (message.database !== init.database) throw new NatterError('PROTOCOL_ERROR', 'another database')
      return message
    }
    throw new NatterError('PEER_UNREACHABLE', 'the stream ended before a HELLO')
  } catch (error) {
    if (error instanceof NatterError) throw error
    throw new NatterError('PEER_UNREACHABLE', messageOf(error), { cause: error })
  } finally {
    timer.cancel()
    await stream.close().catch(() => undefined) // it is gone already
  }
}

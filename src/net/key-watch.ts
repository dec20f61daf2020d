/**
 * Sees how far a new connection gets before a peer id is proved, so that both sides can say why it ended.
 *
 * A private network mixes the pre-shared key in below everything else. Without the key neither side can read the
 * other's first line, and libp2p reports nothing but a reset. So the connection protector and the encrypter are wrapped:
 * a connection that ends after the protector and before the encrypter had no common key. Nothing is sent that would not
 * be sent anyhow: whoever lacks the key sees 24 random bytes.
 */

import type {
  ConnectionEncrypter,
  ConnectionProtector,
  MessageStream,
  MultiaddrConnection,
  StreamMessageEvent
} from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import type { Multiaddr } from '@multiformats/multiaddr'
import { utf8 } from '../base/index.js'
import { gatherWrites, readAhead } from './lean-connection.js'
import { swarmKeyBytes } from './psk.js'

/** What a node without a key says first. */
const PLAIN_GREETING = utf8('\x13/multistream/1.0.0\n')

export type KeyFailure =
  /** The first bytes were libp2p in the clear, and this node has a key. */
  | 'peer-has-no-key'
  /** This node has a key, and what came was not made with it. */
  | 'other-key'
  /** This node has a key, and the other side ended it without a word. */
  | 'silent'
  /** This node has no key, and could not read the other side. */
  | 'unreadable'

export interface KeyWatchInit {
  readonly psk: Uint8Array | undefined
  /** Told once for each connection that ended before the keys agreed. */
  onFailure(failure: KeyFailure, direction: 'inbound' | 'outbound', remote: Multiaddr): void
}

interface Attempt {
  firstBytes: Uint8Array
  encrypting: boolean
}

type NoiseFactory = ReturnType<typeof noise>

export class KeyWatch {
  readonly #init: KeyWatchInit
  readonly #attempts = new WeakMap<MessageStream, Attempt>()

  constructor(init: KeyWatchInit) {
    this.#init = init
  }

  /** The `connectionProtector` of libp2p: the pre-shared key, or nothing but the watching. */
  async protector(): Promise<() => ConnectionProtector> {
    const { psk } = this.#init
    const make =
      psk === undefined ? undefined : (await import('@libp2p/pnet')).preSharedKey({ psk: swarmKeyBytes(psk) })
    return () => {
      const inner = make?.()
      return {
        protect: async (connection, options) => {
          gatherWrites(connection)
          const attempt = this.#begin(connection as MultiaddrConnection)
          if (inner === undefined) {
            this.#attempts.set(connection, attempt)
            return connection
          }
          const secret = await inner.protect(connection, options)
          this.#attempts.set(secret, attempt)
          return secret
        }
      }
    }
  }

  /** Noise, told apart by whether it was reached: both sides must have read each other's proposal of it. */
  encrypter(): (components: Parameters<NoiseFactory>[0]) => ConnectionEncrypter {
    return components => {
      const inner = noise()(components)
      return {
        protocol: inner.protocol,
        secureInbound: async (connection, options) => {
          this.#reached(connection)
          const secured = await inner.secureInbound(connection, options)
          readAhead(secured.connection)
          return secured
        },
        secureOutbound: async (connection, options) => {
          this.#reached(connection)
          const secured = await inner.secureOutbound(connection, options)
          readAhead(secured.connection)
          return secured
        }
      }
    }
  }

  #begin(connection: MultiaddrConnection): Attempt {
    const attempt: Attempt = { firstBytes: new Uint8Array(0), encrypting: false }
    // With a key, the protector listens from this turn on as well, so nothing is taken away from it. Without one, the
    // next reader comes later: what is dispatched before would be lost, so there is no looking.
    if (this.#init.psk !== undefined) {
      const look = (event: StreamMessageEvent): void => {
        attempt.firstBytes = event.data.subarray().slice(0, PLAIN_GREETING.length)
      }
      connection.addEventListener('message', look, { once: true })
    }
    const end = (): void => {
      if (attempt.encrypting) return
      this.#init.onFailure(this.#failure(attempt), connection.direction, connection.remoteAddr)
    }
    connection.addEventListener('close', end, { once: true })
    return attempt
  }

  #reached(connection: MessageStream): void {
    const attempt = this.#attempts.get(connection)
    if (attempt !== undefined) attempt.encrypting = true
  }

  #failure(attempt: Attempt): KeyFailure {
    const { firstBytes } = attempt
    if (this.#init.psk === undefined) return 'unreadable'
    if (firstBytes.length === 0) return 'silent'
    return PLAIN_GREETING.every((byte, i) => firstBytes[i] === byte) ? 'peer-has-no-key' : 'other-key'
  }
}

/** One sentence, as seen from this side. */
export function keyFailureSentence(failure: KeyFailure): string {
  switch (failure) {
    case 'peer-has-no-key':
      return 'the peer has no pre-shared key, and this network is private: give it an invite'
    case 'other-key':
      return 'the peer has another pre-shared key: it belongs to another network, or its invite is outdated'
    case 'silent':
      return 'the peer ended the connection before the keys agreed: it has another pre-shared key, or none'
    case 'unreadable':
      return 'the peer says nothing that this node can read: its network may have a pre-shared key, ask for an invite there'
  }
}

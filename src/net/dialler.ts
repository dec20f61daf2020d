/**
 * One dial, from the address to the admission: it succeeds when the peer has taken this node in, and fails with one sentence.
 *
 * libp2p's own errors name what its parts saw; who waits in front of a terminal needs to know what to do. So the key
 * watch is asked first, then the links, and libp2p last.
 */
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Clock } from '../base/index.js'
import { messageOf, NatterError } from '../base/index.js'
import type { Author } from '../log/index.js'
import type { PeerAddress } from './address.js'
import { withoutPeer, withPeer } from './address.js'
import type { Admission } from './admission.js'
import type { Libp2pNode } from './libp2p-node.js'
import type { Links } from './links.js'
import { DialledSelf } from './redialler.js'
import type { Refusals } from './refusals.js'

/** Milliseconds for a dial with its admission. */
const DIAL_TIMEOUT_MS = 12_000

export interface DiallerComponents {
  readonly node: Libp2pNode
  readonly links: Links
  readonly admission: Admission
  readonly refusals: Refusals
  readonly clock: Clock
}

export class Dialler {
  readonly #components: DiallerComponents
  /** Why a dial of an address found no common key, until its error is made. */
  readonly #keyFailures = new Map<string, string>()

  constructor(components: DiallerComponents) {
    this.#components = components
  }

  /** Of the key watch: the outbound connection to `remote` ended before the keys agreed. */
  keyFailed(remote: Multiaddr, sentence: string): void {
    this.#keyFailures.set(withoutPeer(remote), sentence)
  }

  /**
   * Rejects with `PEER_REFUSED`, `PEER_UNREACHABLE`, `DialledSelf`, or the reason of `signal`. All addresses are of one
   * peer; without `author` there is one address, and whoever answers there is meant.
   */
  async dial(addrs: readonly PeerAddress[], author?: Author, signal?: AbortSignal): Promise<Author> {
    signal?.throwIfAborted()
    const { node, links, admission, clock } = this.#components
    const hindrance = author && admission.hindrance(author)
    if (hindrance !== undefined) throw new NatterError('PEER_REFUSED', hindrance)
    const targets = addrs.map(address =>
      author === undefined ? address.multiaddr : withPeer(address, author)
    )
    const controller = new AbortController()
    const giveUp = (): void => controller.abort(signal?.reason)
    signal?.addEventListener('abort', giveUp)
    const deadline = clock.schedule(DIAL_TIMEOUT_MS, () =>
      controller.abort(new NatterError('PEER_UNREACHABLE', `no answer within ${DIAL_TIMEOUT_MS / 1000} s`))
    )
    try {
      const connection = await node.dial(targets, { signal: controller.signal })
      return await Promise.race([links.admission(connection), aborted(controller.signal)])
    } catch (error) {
      throw controller.signal.aborted ? controller.signal.reason : this.#explain(error, targets, author)
    } finally {
      deadline.cancel()
      signal?.removeEventListener('abort', giveUp)
    }
  }

  #explain(error: unknown, targets: readonly Multiaddr[], author: Author | undefined): Error {
    if (error instanceof NatterError) return error
    for (const target of targets) {
      const sentence = this.#keyFailures.get(withoutPeer(target))
      if (sentence === undefined) continue
      this.#keyFailures.delete(withoutPeer(target))
      this.#components.refusals.add(author, sentence, target, 'keys')
      return new NatterError('PEER_REFUSED', sentence, { cause: error })
    }
    const text = error instanceof AggregateError ? error.errors.map(messageOf).join('; ') : messageOf(error)
    if (/dial self/i.test(text)) return new DialledSelf('this node itself answers there')
    if (/does not match expected/i.test(text)) {
      return new NatterError('PEER_UNREACHABLE', 'another node answers at this address', { cause: error })
    }
    return new NatterError('PEER_UNREACHABLE', text, { cause: error })
  }
}

/** Rejects with the signal's reason. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** Addresses of peers, from presence, discovery, connections and earlier runs: newest first, a bounded number each. */
import { PROTOCOL } from '../base/index.js'
import type { Author } from '../log/index.js'
import type { PeerAddress } from './address.js'
import { tryAddress } from './address.js'

export class AddressBook {
  readonly #self: Author
  readonly #entries = new Map<Author, PeerAddress[]>()

  constructor(self: Author) {
    this.#self = self
  }

  /** What others said is checked: unusable addresses are left out. True when the peer is new here. */
  learn(peer: Author, addrs: readonly string[]): boolean {
    if (peer === this.#self) return false
    const usable = addrs
      .flatMap(text => tryAddress(text) ?? [])
      .filter(address => address.author === undefined || address.author === peer)
    const texts = new Set(usable.map(address => address.text))
    const known = this.#entries.get(peer)
    if (known === undefined && this.#entries.size >= PROTOCOL.presenceNodes) return false
    const older = (known ?? []).filter(address => !texts.has(address.text))
    this.#entries.set(peer, [...usable, ...older].slice(0, PROTOCOL.presenceAddrs))
    return known === undefined
  }

  get(peer: Author): readonly PeerAddress[] {
    return this.#entries.get(peer) ?? []
  }

  peers(): Author[] {
    return [...this.#entries.keys()]
  }

  forget(peer: Author): void {
    this.#entries.delete(peer)
  }
}

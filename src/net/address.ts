/** Multiaddrs as natter uses them: text outside, parsed only to be checked and dialled. */
import type { Multiaddr } from '@multiformats/multiaddr'
import { CODE_IP4, CODE_IP6, CODE_P2P, CODE_TCP, multiaddr } from '@multiformats/multiaddr'
import { messageOf, NatterError } from '../base/index.js'
import type { Author } from '../log/index.js'
import { authorOfPeerId, peerIdOf } from '../log/index.js'

export interface PeerAddress {
  readonly multiaddr: Multiaddr
  readonly text: string
  /** Whose it is, where it ends in `/p2p/…`. */
  readonly author: Author | undefined
}

/** Throws `INVALID_MULTIADDR` unless `text` is an address over TCP, with or without the peer id of an Ed25519 key. */
export function parseAddress(text: string): PeerAddress {
  let parsed: Multiaddr
  try {
    parsed = multiaddr(text)
  } catch (error) {
    throw new NatterError(
      'INVALID_MULTIADDR',
      `not a multiaddr: ${text.slice(0, 120)} (${messageOf(error)})`,
      {
        cause: error
      }
    )
  }
  const parts = parsed.getComponents()
  if (!parts.some(part => part.code === CODE_TCP)) {
    throw new NatterError('INVALID_MULTIADDR', `not an address over TCP: ${text.slice(0, 120)}`)
  }
  const peerId = parts.findLast(part => part.code === CODE_P2P)?.value
  const author = peerId === undefined ? undefined : authorOfPeerId(peerId)
  if (peerId !== undefined && author === undefined) {
    throw new NatterError('INVALID_MULTIADDR', `not the peer id of an Ed25519 key: ${peerId}`)
  }
  return { multiaddr: parsed, text: parsed.toString(), author }
}

/** Like `parseAddress`; `undefined` for what others sent and this node cannot use. */
export function tryAddress(text: string): PeerAddress | undefined {
  try {
    return parseAddress(text)
  } catch {
    return undefined
  }
}

/** The address with `/p2p/<peer id>` at its end. */
export function withPeer(address: PeerAddress, author: Author): Multiaddr {
  return address.author === undefined
    ? address.multiaddr.encapsulate(`/p2p/${peerIdOf(author)}`)
    : address.multiaddr
}

/** The address without a peer id. */
export function withoutPeer(address: Multiaddr): string {
  return address.decapsulateCode(CODE_P2P).toString()
}

/** The host part of an address, for telling callers apart. */
export function hostOf(address: Multiaddr): string {
  const host = address.getComponents().find(part => part.code === CODE_IP4 || part.code === CODE_IP6)
  return host?.value ?? address.toString()
}

/**
 * Cursor safety. The position that a node believes a peer has acknowledged: everything that stands here up to it was on
 * a disk of that peer. The position of the peer that this node says it has applied: everything there up to it is on the
 * disk here. And when a peer was put back, the first exchange with it lowers what it is believed to have.
 */
import type { Author } from '../../../src/log/index.js'
import { authorOfPeerId, peerIdOf } from '../../../src/log/index.js'
import type { Framed, PeerSaved } from '../history.js'
import type { Checker, SimNode, World } from '../world.js'
import { batchText, broken } from './broken.js'
import type { Ledger } from './ledger.js'
import { nodeOf } from './ledger.js'

const name = 'cursor safety'

export function positions(ledger: Ledger): Checker {
  /** By stream and speaker, its directory when it said HELLO. */
  const spoken = new Map<string, number>()
  /** By stream and end: with what the other end was last looked at. */
  const looked = new Map<string, string>()
  /** By stream and listener: it has heard the HELLO of the other end. */
  const heard = new Set<string>()

  const acked = (event: PeerSaved, node: SimNode, peer: Author): void => {
    const { order } = ledger.fold(node.name)
    const { acked: position } = event.record
    const before = event.before?.acked ?? 0
    if (position > order.length) {
      broken(name, `${node.name}: a peer has ${position} of ${order.length} positions`)
    }
    const held = ledger.everHeld.get(peer)
    for (const batch of order.slice(before, position)) {
      if (held?.has(batch.id) === true) continue
      broken(
        name,
        `${node.name} takes ${batchText(batch)} for acknowledged by ${peer.slice(0, 6)}, which never had it`
      )
    }
  }

  const cursor = (event: PeerSaved, node: SimNode, peer: Author, world: World): void => {
    const { theirs } = event.record
    if (theirs === undefined || theirs.check === event.before?.theirs?.check) return
    const here = ledger.fold(node.name)
    for (const { name: other } of ledger.nodesOf(world, peer)) {
      const there = ledger.fold(other)
      if (there.checkAt(theirs.position) !== theirs.check) continue
      const missing = there.order.slice(0, theirs.position).find(({ id }) => !here.has(id))
      if (missing === undefined) continue
      broken(
        name,
        `${node.name} is at position ${theirs.position} of ${other} and has not ${batchText(missing)}`
      )
    }
  }

  /** Whoever speaks after both HELLOs knows what the other end has now. */
  const lowered = (event: Framed, world: World): void => {
    if (!heard.has(`${event.stream}/${event.node}`)) return
    const [node, other] = [nodeOf(world, event.node), nodeOf(world, event.other)]
    // A stream to a life that is over says nothing of what a power cut left of an unsynced log.
    if (spoken.get(`${event.stream}/${other.name}`) !== other.life || !other.honest) return
    const record = node.store?.peer(peerIdOf(event.peer))
    // One look serves as long as nothing moves: what a directory holds only grows until it is another one.
    const look = `${record?.acked ?? 0} ${other.life}`
    if (looked.get(`${event.stream}/${event.node}`) === look) return
    looked.set(`${event.stream}/${event.node}`, look)
    const there = ledger.fold(other.name)
    const missing = ledger
      .fold(node.name)
      .order.slice(0, record?.acked ?? 0)
      .find(({ id }) => !there.has(id))
    if (missing === undefined) return
    broken(
      name,
      `${node.name} still takes ${batchText(missing)} for acknowledged by ${other.name}, which was put back`
    )
  }

  return {
    name,
    onEvent(event, world) {
      if (event.type === 'peer') {
        const node = nodeOf(world, event.node)
        const peer = authorOfPeerId(event.peer)
        if (peer === undefined || event.record.kind !== 'peer') return
        if (!ledger.nodesOf(world, peer).length) return
        acked(event, node, peer)
        cursor(event, node, peer, world)
      }
      if (event.type === 'received' && event.message?.type === 'hello') {
        heard.add(`${event.stream}/${event.node}`)
      }
      if (event.type !== 'sent' || event.message === undefined) return
      const { type } = event.message
      if (type === 'hello') spoken.set(`${event.stream}/${event.node}`, nodeOf(world, event.node).life)
      else if (type !== 'err') lowered(event, world)
    }
  }
}

/**
 * A receipt counts a node only for what was on its disk, and never one that does not sync. That no crash takes it from
 * there afterwards is for the checker of durability.
 */
import type { Checker } from '../world.js'
import { broken } from './broken.js'
import type { Ledger } from './ledger.js'

const name = 'receipts'

export function receipts(ledger: Ledger): Checker {
  return {
    name,
    onEvent(event, world) {
      if (event.type !== 'receipt') return
      const { node, peer, tip, position } = event
      const nodes = ledger.nodesOf(world, peer)
      if (nodes.length === 0) return
      if (nodes.every(other => !other.durable)) {
        broken(name, `${node} counts ${peer.slice(0, 6)}, which does not sync`)
      }
      const batch = ledger.fold(node).order[position - 1]
      if (batch === undefined || !batch.id.startsWith(tip.id)) return
      if (ledger.everHeld.get(peer)?.has(batch.id) === true) return
      broken(
        name,
        `${node} counts ${peer.slice(0, 6)} for position ${position}, which it never had on its disk`
      )
    }
  }
}

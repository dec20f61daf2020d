/**
 * Nodes with the same batches have the same state, at every moment: both digests of a store are those of the reference
 * over what it applied, and one frontier digest never stands beside two state digests. Where damage took a cell and the
 * log behind it the state is what it was before, which the node says itself; in the end it has to be mended.
 */
import type { Checker, SimNode } from '../world.js'
import { broken } from './broken.js'
import type { Ledger } from './ledger.js'
import { nodeOf } from './ledger.js'

const name = 'equal frontier, equal state'

function directoryOf({ name, incarnation }: SimNode): string {
  return `${name}/${incarnation}`
}

export function digests(ledger: Ledger): Checker {
  const stateOf = new Map<string, { state: string; node: string }>()
  const checked = new Map<string, string>()

  /** Nodes, by their directory, that were dealt a flip: the commit that mends the last one may still tell of a cell. */
  const dealt = new Set<string>()
  /** Those that told of cells whose heads they do not know. */
  const hurt = new Set<string>()

  const check = (node: SimNode, atEnd = false): void => {
    const { store } = node
    if (!node.running || store === undefined || store.disk.state !== 'open') return
    const { position } = store.mark
    const fold = ledger.fold(node.name)
    const moment = `${node.life}/${node.incarnation}/${position}`
    if (position !== fold.order.length || checked.get(node.name) === moment) return
    checked.set(node.name, moment)
    if (hurt.has(directoryOf(node)) && !atEnd) return
    const [frontier, state] = [store.frontierDigest(), store.stateDigest()]
    const other = stateOf.get(frontier)
    if (other !== undefined && other.state !== state) {
      broken(
        name,
        `${node.name} and ${other.node} have frontier ${frontier}, and states ${state} and ${other.state}`
      )
    }
    stateOf.set(frontier, { state, node: node.name })
    if (frontier !== fold.frontierDigest()) {
      broken(name, `${node.name}: the frontier at position ${position} is not that of its batches`)
    }
    if (state !== fold.stateDigest()) {
      broken(name, `${node.name}: the state at position ${position} is not that of its batches`)
    }
  }

  return {
    name,
    onEvent(event, world) {
      // A repair reports the cells that wait for a batch, and leaves them out until it is back.
      const isLeftOut = event.type === 'life' && event.what === 'repaired'
      if (!isLeftOut && (event.type !== 'notice' || event.what !== 'unreadable')) return
      const directory = directoryOf(nodeOf(world, event.node))
      if (dealt.has(directory)) hurt.add(directory)
    },
    afterEvent(world) {
      for (const node of world.nodes) {
        if (node.flipped.size > 0) dealt.add(directoryOf(node))
        check(node)
      }
    },
    atEnd(world) {
      for (const node of world.nodes) {
        checked.delete(node.name)
        check(node, true)
      }
    }
  }
}

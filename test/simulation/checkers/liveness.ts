/**
 * Liveness: once faults are over, every node comes to hold what any holds, knows that of its peers, and has answered
 * whatever it was asked, unless it died over it.
 */
import type { Invoked } from '../history.js'
import type { Checker } from '../world.js'
import { broken } from './broken.js'

const name = 'liveness after healing'

export function liveness(): Checker {
  const open = new Map<number, Invoked>()
  return {
    name,
    onEvent(event) {
      if (event.type === 'invoke') open.set(event.op, event)
      else if (event.type === 'ok' || event.type === 'fail' || event.type === 'indeterminate')
        open.delete(event.op)
    },
    atEnd(world) {
      for (const { op, node, life } of open.values()) {
        const now = world.nodes.find(other => other.name === node)
        if (now?.life === life && now.running) broken(name, `${node} never answered operation ${op}`)
      }
      const nodes = world.nodes.filter(({ honest, running }) => honest && running)
      const digests = new Set(nodes.map(({ store }) => store?.frontierDigest()))
      if (digests.size > 1)
        broken(name, `${nodes.length} nodes have ${digests.size} different frontiers in the end`)
      for (const { name: node, connected, engine } of nodes) {
        for (const peer of connected) {
          // A liar may show what is nowhere, and of two processes with one key only one is a neighbour.
          if (nodes.filter(({ author }) => author === peer).length !== 1) continue
          if (engine?.inSync(peer) === false)
            broken(name, `${node} is not in sync with ${peer.slice(0, 6)} in the end`)
        }
      }
    }
  }
}

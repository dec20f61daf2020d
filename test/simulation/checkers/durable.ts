/**
 * Acknowledged means durable. What a node announced, to its clients and to its peers, is there after any crash of that
 * node. After a lost directory or an old copy put back it is still somewhere when any other node had it on its disk,
 * and in the end on every node.
 */
import type { BatchId } from '../../../src/log/index.js'
import type { Checker } from '../world.js'
import { batchText, broken } from './broken.js'
import type { Found, Ledger } from './ledger.js'

const name = 'acknowledged is durable'

export function durable(ledger: Ledger): Checker {
  const acknowledged = new Set<BatchId>()
  /** Gone with the only disk that had them. */
  const excused = new Set<BatchId>()

  ledger.onFound(({ node, before, after, isNew }: Found) => {
    if (!isNew && node.durable) {
      for (const [i, batch] of before.entries()) {
        if (after[i]?.id === batch.id) continue
        const now = after[i] === undefined ? `the log ends at ${after.length}` : batchText(after[i])
        broken(name, `${node.name}: position ${i + 1} was ${batchText(batch)}, after a crash it is: ${now}`)
      }
    }
    const left = new Set(after.map(batch => batch.id))
    for (const { id } of before) {
      if (!left.has(id) && (ledger.holders.get(id)?.size ?? 0) === 0) excused.add(id)
    }
  })

  return {
    name,
    onEvent(event) {
      if (event.type === 'commit') {
        const { order } = ledger.fold(event.node)
        for (const { batch, mark } of event.notice.applied) {
          const known = order[mark.position - 1]
          if (known?.id === batch.id) continue
          broken(
            name,
            `${event.node}: position ${mark.position} is ${batchText(batch)}, and was another before`
          )
        }
      }
      if (event.type !== 'ok' || event.answer.kind !== 'write') return
      const { batch } = event.answer.committed
      if (!ledger.fold(event.node).has(batch)) {
        broken(name, `${event.node}: a client was told of batch ${batch.slice(0, 12)} before its commit`)
      }
      acknowledged.add(batch)
    },
    afterEvent(world) {
      for (const { name: node, running, store } of world.nodes) {
        if (!running || store === undefined || store.disk.state !== 'open') continue
        const announced = ledger.fold(node).order.length
        if (store.mark.position >= announced) continue
        broken(
          name,
          `${node}: position ${announced} was announced, and the store is at ${store.mark.position}`
        )
      }
    },
    atEnd(world) {
      for (const node of world.nodes) {
        if (!node.honest || !node.running) continue
        const fold = ledger.fold(node.name)
        for (const id of acknowledged) {
          if (fold.has(id) || excused.has(id)) continue
          const batch = ledger.graph.batches.get(id)!
          broken(name, `${node.name} lacks ${batchText(batch)} in the end, which a client was told of`)
        }
      }
    }
  }
}

/**
 * Per-author prefix: in each node's order of arrival a batch comes after the one before it in its author's log and after
 * everything that it names, each batch once, at positions without a gap, under the running check that its ids give.
 */
import type { Batch } from '../../../src/log/index.js'
import { NO_BATCH } from '../../../src/log/index.js'
import type { Checker } from '../world.js'
import { batchText, broken } from './broken.js'
import type { Ledger } from './ledger.js'

const name = 'causal order'

export function chain(ledger: Ledger): Checker {
  const check = (node: string, batch: Batch, position: number): void => {
    const { positions } = ledger.fold(node)
    const { author, epoch, seq, previous, deps } = batch.header
    if (positions.get(batch.id) !== position) {
      broken(name, `${node}: ${batchText(batch)} is at position ${position} and was applied before`)
    }
    const isBefore = (id: Batch['id']): boolean => (positions.get(id) ?? position) < position
    if (previous !== NO_BATCH) {
      const before = ledger.graph.batches.get(previous)?.header
      const follows = before?.author === author && before.epoch === epoch && before.seq === seq - 1
      if (!follows || !isBefore(previous)) {
        broken(name, `${node}: ${batchText(batch)} was applied without the batch before it`)
      }
    } else if (seq !== 1) broken(name, `${node}: ${batchText(batch)} follows nothing`)
    for (const dep of deps) {
      if (isBefore(dep.id)) continue
      broken(name, `${node}: ${batchText(batch)} was applied without ${dep.id.slice(0, 12)}, which it names`)
    }
  }

  ledger.onFound(({ node, after }) => {
    for (const [i, batch] of after.entries()) check(node.name, batch, i + 1)
  })

  return {
    name,
    onEvent(event) {
      if (event.type !== 'commit') return
      const fold = ledger.fold(event.node)
      for (const { batch, mark } of event.notice.applied) {
        if (mark.position > fold.order.length) {
          broken(
            name,
            `${event.node}: what stands at ${fold.order.length + 1} was not told before ${mark.position}`
          )
        }
        check(event.node, batch, mark.position)
        if (fold.checkAt(mark.position) !== mark.check) {
          broken(name, `${event.node}: the check at position ${mark.position} is not that of its batches`)
        }
      }
    }
  }
}

/**
 * No author, epoch and seq ever stands for two contents of an honest author: not after a crash, an old copy put back, a
 * machine rolled back, nor in two copies of a directory that run at once.
 */
import type { Batch, BatchId } from '../../../src/log/index.js'
import type { HistoryEvent } from '../history.js'
import type { Checker } from '../world.js'
import { batchText, broken } from './broken.js'
import type { Ledger } from './ledger.js'

const name = 'one content per name'

export function names(ledger: Ledger): Checker {
  const known = new Map<string, BatchId>()
  const honest = new Set<string>()

  const see = (batch: Batch): void => {
    const { author, epoch, seq } = batch.header
    if (!honest.has(author)) return
    const place = `${author}.${epoch}.${seq}`
    const other = known.get(place)
    if (other === undefined) known.set(place, batch.id)
    else if (other !== batch.id) broken(name, `${batchText(batch)} is ${other.slice(0, 12)} as well`)
  }

  ledger.onFound(({ after }) => {
    for (const batch of after) see(batch)
  })

  return {
    name,
    onEvent(event, world) {
      // Keys may be made anew in the course of a run.
      for (const node of world.nodes) if (node.honest) honest.add(node.author)
      for (const batch of shown(event)) see(batch)
    }
  }
}

/** The batches of which an event shows that they left the memory of their writer. */
function shown(event: HistoryEvent): readonly Batch[] {
  if (event.type === 'commit') return event.notice.applied.map(({ batch }) => batch)
  if (event.type === 'sent' && event.message?.type === 'run') return event.message.batches
  if (event.type === 'published' && event.batch !== undefined) return [event.batch]
  return []
}

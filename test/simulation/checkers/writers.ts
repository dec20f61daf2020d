/**
 * A writer names what it saw: its op leaves no version of the key that was there before it, and the first batch of an
 * epoch leaves no other tip of its author. Without the first a loser would come back at every conflict; without the
 * second the frontier would grow with every restart.
 */
import { NO_BATCH, OP_FLAG } from '../../../src/log/index.js'
import type { Checker } from '../world.js'
import { batchText, broken, keyText } from './broken.js'
import type { Ledger } from './ledger.js'
import type { Fold } from './reference.js'

const name = 'a writer names what it saw'

/** Tips of one author that a first batch names at most. */
const namedTips = 64

export function writers(ledger: Ledger): Checker {
  return {
    name,
    onEvent(event) {
      if (event.type !== 'commit') return
      const fold = ledger.fold(event.node)
      for (const { batch, mark, local } of event.notice.applied) {
        if (!local) continue
        const { author, previous, deps } = batch.header
        const older = fold.tipsOf(author).filter(tip => fold.positions.get(tip.id)! < mark.position)
        const named = deps.filter(dep => dep.author === author).length
        if (previous === NO_BATCH && older.length > 0 && named < namedTips) {
          broken(
            name,
            `${event.node}: ${batchText(batch)} begins an epoch and does not name ${batchText(older[0]!)}`
          )
        }
        for (const [index, { op, key }] of ledger.graph.ops(batch).entries()) {
          if ((op.flags & OP_FLAG.head) === 0 || !hasOlder(fold, key, mark.position, index)) continue
          broken(name, `${event.node}: ${batchText(batch)} leaves an older version of ${keyText(key)}`)
        }
      }
    }
  }
}

function hasOlder(fold: Fold, key: string, position: number, index: number): boolean {
  return (fold.heads.get(key) ?? []).some(head => {
    const at = fold.positions.get(head.batch.id)!
    return at < position || (at === position && head.index < index)
  })
}

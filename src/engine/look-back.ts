/**
 * What a WANT names when nothing of what stands at the ends of a log is common: applied batches 1, 2, 4, … before
 * those, on every branch. So a fork costs twice the way back to it, however long the log is.
 */
import { PROTOCOL } from '../base/index.js'
import type { ShortId, Tip } from '../log/index.js'
import type { Store } from '../store/index.js'

/** At most as many as a WANT may name; the nearest first. */
export async function lookBack(store: Pick<Store, 'frontier' | 'batchesAt'>, tip: Tip): Promise<Tip[]> {
  const tips = store.frontier.of(tip.author)
  const sameEpoch = tips.filter(held => held.epoch === tip.epoch)
  const ends = sameEpoch.length > 0 ? sameEpoch : tips
  const newest = Math.max(0, ...ends.map(end => end.seq))
  const found = new Map<ShortId, Tip>()
  for (let back = 1; back < newest && found.size < PROTOCOL.wantHave; back *= 2) {
    for (const { author, epoch, seq } of ends) {
      if (seq <= back) continue
      for (const held of await store.batchesAt({ author, epoch, seq: seq - back })) found.set(held.id, held)
    }
  }
  return [...found.values()].slice(0, PROTOCOL.wantHave)
}

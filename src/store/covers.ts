/**
 * The headers that cover the end of a branch whose last applied batch carries no signature of its own: bare headers up
 * to the signed one, at most 63. They are kept so that what is applied here can be proved to others.
 */
import { FORMAT } from '../base/index.js'
import type { BareHeader, Batch, BatchId } from '../log/index.js'
import { shortId } from '../log/index.js'
import type { Draft } from './draft.js'
import { coverKey } from './keys.js'
import { chainText } from './lineage.js'
import { encodeCover } from './records.js'

/** Writes the covers of the branches that end with an unsigned one of `batches`. A batch that follows removes it. */
export function writeCovers(draft: Draft, batches: readonly Batch[], proof: readonly BareHeader[]): void {
  if (batches.every(batch => batch.signature !== undefined)) return
  const following = new Map<BatchId, BareHeader>()
  for (const bare of [...proof, ...batches]) following.set(bare.header.previous, bare)
  for (const { id, signature } of batches) {
    const place = draft.lineage.placed.get(shortId(id))
    if (signature !== undefined || place === undefined || place.id !== id) continue
    if (draft.lineage.slots.has(`${chainText(place)}/${place.seq + 1}`)) continue
    // It stands with a signature already: the same commit took it from another peer.
    if (draft.lineage.slots.get(`${chainText(place)}/${place.seq}`)?.signed) continue
    const key = coverKey(place)
    const cover: BareHeader[] = []
    let next = following.get(id)
    while (next !== undefined && cover.length < FORMAT.unsignedBatches) {
      const { header, headerBytes } = next
      cover.push({ header, headerBytes, id: next.id, ...(next.signature && { signature: next.signature }) })
      if (next.signature !== undefined) break
      next = following.get(next.id)
    }
    draft.write.put(key, encodeCover(key, cover, draft.init.hashes))
  }
}

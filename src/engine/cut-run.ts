/**
 * Cuts a run into RUNs of so many batches. Where a cut falls between an unsigned batch and the signature that covers
 * it, the headers up to that signature follow as proof.
 */
import type { BareHeader, Batch, Run } from '../log/index.js'
import { shortId } from '../log/index.js'

/** `offsets` names large batches of which the receiver has the first bytes: each of those travels alone. */
export function cutRun(run: Run, most: number, offsets: Map<string, number>): Run[] {
  const { batches, proof, position } = run
  if (batches.length <= most && offsets.size === 0) return [run]
  const parts: Run[] = []
  for (let from = 0; from < batches.length; ) {
    const first = batches[from]!
    const offset = takeOffset(offsets, first)
    const rest = batches.slice(from + 1, from + most)
    const next = rest.findIndex(batch => offsets.has(shortId(batch.id)))
    const count = offset === undefined ? 1 + (next < 0 ? rest.length : next) : 1
    const part = batches.slice(from, from + count)
    from += count
    const isLast = from >= batches.length
    const cover = isLast ? proof : coverOf(part, batches.slice(from), proof)
    parts.push({
      type: 'run',
      batches: part,
      proof: cover,
      ...(isLast && position !== undefined && { position }),
      ...(offset !== undefined && { offset })
    })
  }
  return parts.length === 0 ? [run] : parts
}

function takeOffset(offsets: Map<string, number>, batch: Batch): number | undefined {
  const id = shortId(batch.id)
  const offset = offsets.get(id)
  offsets.delete(id)
  return offset === undefined || offset >= batch.body.length ? undefined : offset
}

function coverOf(
  part: readonly Batch[],
  later: readonly Batch[],
  proof: readonly BareHeader[]
): BareHeader[] {
  const open = new Map<string, BareHeader>()
  for (const batch of part) {
    open.delete(batch.header.previous)
    if (batch.signature === undefined) open.set(batch.id, batch)
  }
  const cover: BareHeader[] = []
  for (const item of [...later, ...proof]) {
    const previous = open.get(item.header.previous)
    if (previous === undefined) continue
    open.delete(previous.id)
    const { header, headerBytes, id, signature } = item
    cover.push(signature === undefined ? { header, headerBytes, id } : { header, headerBytes, id, signature })
    if (signature === undefined) open.set(id, item)
  }
  return cover
}

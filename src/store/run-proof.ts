/**
 * What proves the batches of a piece of a run: for each branch that ends in it with an unsigned batch, the headers up to
 * the signature that covers that one.
 *
 * Keeps: whatever is sent can be proved with what is sent beside it. Where damage took the signature, the batches that
 * it would have covered stay here with what follows them: nobody could tell them from a forgery.
 */
import { FORMAT } from '../base/index.js'
import type { BareHeader, Batch, BatchId } from '../log/index.js'
import { isDamage } from './damage.js'
import type { Chain } from './keys.js'
import { coverKey } from './keys.js'
import { chainText } from './lineage.js'
import { decodeCover } from './records.js'
import type { RunInit } from './runs.js'

/** The last batch of a branch in a piece. */
export interface End {
  readonly chain: Chain
  readonly batch: Batch
}

export interface Proved {
  readonly sent: Batch[]
  readonly proof: BareHeader[]
  /** From which seq on a branch cannot be proved. */
  readonly cut: ReadonlyMap<string, number>
}

export async function proveRun(init: RunInit, batches: Batch[], ends: Iterable<End>): Promise<Proved> {
  const proof: BareHeader[] = []
  const cut = new Map<string, number>()
  const covered = coveredIn(batches)
  const byId = new Map(batches.map(batch => [batch.id, batch]))
  const unproved = new Set<BatchId>()
  for (const { chain, batch } of ends) {
    if (batch.signature !== undefined) continue
    const cover = await coverOf(init, chain, batch.header.seq)
    proof.push(...cover)
    if (cover.at(-1)?.signature !== undefined) continue
    let last: Batch | undefined = batch
    while (last !== undefined && last.signature === undefined && !covered.has(last.id)) {
      unproved.add(last.id)
      cut.set(chainText(chain), last.header.seq)
      last = byId.get(last.header.previous)
    }
  }
  const sent = unproved.size === 0 ? batches : batches.filter(({ id }) => !unproved.has(id))
  return { sent, proof, cut }
}

/** Batches that a signature in the same piece speaks for. */
function coveredIn(batches: readonly Batch[]): ReadonlySet<BatchId> {
  const covered = new Set<BatchId>()
  for (const { id, header, signature } of [...batches].reverse()) {
    if (signature !== undefined || covered.has(id)) covered.add(header.previous)
  }
  return covered
}

/** Headers up to a signature; without one where damage took it. */
async function coverOf(init: RunInit, chain: Chain, seq: number): Promise<BareHeader[]> {
  try {
    const cover = await readCover(init, chain, seq)
    return cover.at(-1)?.signature === undefined ? [] : cover
  } catch (error) {
    if (!isDamage(error)) throw error
    init.damage.tell(error, 'what it proves cannot be proved to others, and is not sent')
    return []
  }
}

async function readCover(
  { disk, hashes, log, lineage }: RunInit,
  chain: Chain,
  seq: number
): Promise<BareHeader[]> {
  const cover: BareHeader[] = []
  for (let after = 1; after <= FORMAT.unsignedBatches; after++) {
    const entry = await lineage.at(chain, seq + after)
    if (entry === undefined) break
    const { header, headerBytes, id, signature } = (await log.require(entry.position)).batch
    cover.push({ header, headerBytes, id, ...(signature !== undefined && { signature }) })
    if (signature !== undefined) return cover
  }
  const key = coverKey(chain)
  const value = await disk.get(key)
  return value === undefined ? cover : [...cover, ...decodeCover(key, value, hashes)]
}

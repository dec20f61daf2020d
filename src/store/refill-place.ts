/**
 * Which position a batch stood at that the index does not name: its entry is damaged, or gone with all that stood beside
 * it. Only positions are given out of which nothing else tells which batch stood there.
 */
import type { Batch } from '../log/index.js'
import { NO_BATCH, shortId } from '../log/index.js'
import { isDamage } from './damage.js'
import type { Draft } from './draft.js'
import { readIndex } from './hole-keeper.js'
import type { Hole, HoleTable } from './holes.js'
import type { Chain } from './keys.js'
import { indexKey } from './keys.js'

/** The open position that the batch stood at, where the entry that the index has of it is damaged. */
export async function claimedPlace(
  draft: Draft,
  { open }: HoleTable,
  { header, id }: Batch
): Promise<Hole | undefined> {
  const { init, lineage } = draft
  const author = init.state.authors.numberOf(header.author)
  if (author === undefined || open.size === 0) return undefined
  const { epoch, seq } = header
  for (let branch = 0; ; branch++) {
    const chain = { author, epoch, branch }
    if ((await lineage.branch(chain)) === undefined) return undefined
    const key = indexKey(chain, seq)
    const value = await init.disk.get(key)
    if (value === undefined || readIndex(key, value, init.hashes) !== undefined) continue
    const after = await positionOf(draft, chain, seq - 1)
    const before = await positionOf(draft, chain, seq + 1)
    const positions = [...open].filter(
      position => position > (after ?? 0) && position < (before ?? Number.POSITIVE_INFINITY)
    )
    if (positions.length === 0) return undefined
    return { kind: 'record', ...chain, seq, id, position: Math.max(...positions) }
  }
}

async function positionOf({ init }: Draft, chain: Chain, seq: number): Promise<number | undefined> {
  const { disk, hashes } = init
  const key = indexKey(chain, seq)
  const value = await disk.get(key)
  return value && readIndex(key, value, hashes)?.position
}

/**
 * A batch that stood before one that is missing, where the index has lost it as well: it goes to the first open position
 * behind what it rests on that is not `taken`. Undefined for a batch that is new, whose own ground is not here yet, or
 * whose entry is damaged: it claims its place.
 */
export async function adoptedPlace(
  draft: Draft,
  holes: HoleTable,
  batch: Batch,
  taken: ReadonlyMap<number, unknown>
): Promise<Hole | undefined> {
  try {
    return await placeBefore(draft, holes, batch, taken)
  } catch (error) {
    if (!isDamage(error)) throw error
    return undefined
  }
}

async function placeBefore(
  { init, lineage }: Draft,
  holes: HoleTable,
  batch: Batch,
  taken: ReadonlyMap<number, unknown>
): Promise<Hole | undefined> {
  const { author: name, epoch, seq, previous, deps } = batch.header
  const author = init.state.authors.numberOf(name)
  if (holes.open.size === 0 || author === undefined) return undefined
  const later = holes.values().find(hole => hole.author === author && hole.epoch === epoch && hole.seq > seq)
  if (later === undefined) return undefined
  if ((await lineage.at(later, seq))?.id === batch.id) return undefined
  let above = 0
  const grounds = deps.map(dep => ({ author: dep.author, epoch: dep.epoch, seq: dep.seq, id: dep.id }))
  if (previous !== NO_BATCH) grounds.push({ author: name, epoch, seq: seq - 1, id: previous })
  for (const ground of grounds) {
    const number = init.state.authors.numberOf(ground.author)
    const place =
      number === undefined
        ? undefined
        : await lineage.find(number, ground.epoch, ground.seq, shortId(ground.id))
    if (place === undefined) return undefined
    above = Math.max(above, place.position)
  }
  const free = [...holes.open].filter(
    position => position > above && position < later.position && !taken.has(position)
  )
  if (free.length === 0) return undefined
  const { branch } = later
  return { kind: 'record', author, epoch, branch, seq, id: batch.id, position: Math.min(...free) }
}

/**
 * What a batch names of its own author is a tip no more. A repair that had to do without the batch took it for one, and
 * what it wrote for concurrent with what came after; both are put right when the batch is back.
 */
import type { BatchHeader } from '../log/index.js'
import { Frontier } from '../log/index.js'
import type { Draft } from './draft.js'
import { SPACE, spaceRange } from './keys.js'

/** Keys of one read. */
const pageKeys = 1024

/** Ends the tips that the header names; answers the keys whose cells are to be made again: those with several versions. */
export async function endNamedTips(draft: Draft, header: BatchHeader): Promise<Uint8Array[]> {
  if (!draft.endTips(header)) return []
  const { state, disk } = draft.init
  draft.isMended = true
  draft.mark = { ...draft.mark } // what is remembered by the mark, such as the digest of the frontier, is another now
  draft.afterwards.push(() => {
    state.frontier = new Frontier([...state.tips.values()].map(tip => state.tipName(tip)))
  })
  const keys: Uint8Array[] = []
  const walk = disk.iterate(spaceRange(SPACE.conflict))
  try {
    for (let page = await walk.next(pageKeys); page.length > 0; page = await walk.next(pageKeys))
      for (const [key] of page) keys.push(key.slice(1))
  } finally {
    await walk.close()
  }
  return keys
}

/**
 * Which nodes this one keeps a stream with: all of a small network; of a larger one the nearest for speed, some at
 * random for short ways, and the next by node id, a ring that stays connected whenever presence is complete.
 */

import type { Author } from '../log/index.js'

/** Nodes of a network, this one included, up to which everybody is everybody's neighbour. */
export const fullMeshNodes = 9
const nearest = 4
const random = 2
const ring = 2

export interface Candidate {
  readonly peer: Author
  readonly rttMs: number | null
}

export interface NeighbourInput {
  readonly self: Author
  /** Nodes that a stream can be opened to now. */
  readonly reachable: readonly Candidate[]
  /** Nodes known at all, reachable or not, without this one. */
  readonly known: number
  /** Random choices of last time: kept while they are reachable, so that streams live long. */
  readonly chosen: ReadonlySet<Author>
  /** A number in [0, 1) per call. */
  readonly fraction: () => number
  readonly most: number
}

export interface Neighbours {
  readonly peers: ReadonlySet<Author>
  /** To be given back as `chosen`. */
  readonly chosen: ReadonlySet<Author>
}

export function selectNeighbours(input: NeighbourInput): Neighbours {
  const { self, reachable, known, most } = input
  if (Math.max(known, reachable.length) < fullMeshNodes && reachable.length <= most) {
    return { peers: new Set(reachable.map(candidate => candidate.peer)), chosen: new Set() }
  }
  const peers = new Set<Author>()
  const take = (peer: Author) => peers.size < most && peers.add(peer)
  const byId = reachable.map(candidate => candidate.peer).sort()
  const after = byId.filter(peer => peer > self)
  for (const peer of [...after, ...byId].slice(0, ring)) take(peer)
  const far = Number.POSITIVE_INFINITY
  const byRtt = [...reachable].sort(
    (a, b) => (a.rttMs ?? far) - (b.rttMs ?? far) || (a.peer < b.peer ? -1 : 1)
  )
  let near = 0
  for (const { peer } of byRtt) {
    if (near === nearest) break
    if (!peers.has(peer) && take(peer)) near++
  }
  const chosen = new Set<Author>()
  const others = byId.filter(peer => !peers.has(peer))
  const kept = others.filter(peer => input.chosen.has(peer)).slice(0, random)
  for (const peer of kept) if (take(peer)) chosen.add(peer)
  const rest = others.filter(peer => !chosen.has(peer))
  while (chosen.size < random && rest.length > 0) {
    const [peer] = rest.splice(Math.floor(input.fraction() * rest.length), 1)
    if (take(peer!)) chosen.add(peer!)
    else break
  }
  return { peers, chosen }
}

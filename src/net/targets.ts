/**
 * Whom to be connected to, of all the nodes known: a pure choice.
 *
 * Everybody, while at most nine nodes are known. Above that a bounded number: the next two by node id, which closes a ring
 * that every node can compute, the four nearest by round trip, and two that chance picks anew for each process. A node
 * that does not answer keeps its place and is dialled on, and the next one takes it over meanwhile.
 */
import type { Author } from '../log/index.js'

/** Nodes up to which everybody is connected to everybody: 36 connections in all. */
export const FULL_MESH_NODES = 9
const RING = 2
const NEAREST = 4
const BY_CHANCE = 2
/** Failed dials after which a node counts as away. */
const AWAY_FAILURES = 3

export interface TargetCandidate {
  readonly peer: Author
  readonly rttMs: number | null
  readonly connected: boolean
  /** Failed dials in a row. */
  readonly failures: number
}

/** `chance` puts any two peers in an order of its own for each process. */
export function chooseTargets(
  self: Author,
  candidates: readonly TargetCandidate[],
  chance: (peer: Author) => number
): Set<Author> {
  if (candidates.length + 1 <= FULL_MESH_NODES) return new Set(candidates.map(candidate => candidate.peer))
  const targets = new Set<Author>()
  const byId = [...candidates].sort((a, b) => (a.peer < b.peer ? -1 : 1))
  const after = byId.filter(candidate => candidate.peer > self)
  const ring = [...after, ...byId.filter(candidate => candidate.peer < self)]
  for (const candidate of ring.slice(0, RING)) targets.add(candidate.peer)
  for (const candidate of ring.filter(isPresent).slice(0, RING)) targets.add(candidate.peer)

  const near = candidates.filter(candidate => candidate.connected && candidate.rttMs !== null)
  near.sort((a, b) => a.rttMs! - b.rttMs! || (a.peer < b.peer ? -1 : 1))
  addUpTo(targets, near, NEAREST)
  const shuffled = candidates.filter(isPresent).sort((a, b) => chance(a.peer) - chance(b.peer))
  addUpTo(targets, shuffled, BY_CHANCE)
  return targets
}

function isPresent(candidate: TargetCandidate): boolean {
  return candidate.connected || candidate.failures < AWAY_FAILURES
}

/** Adds `count` that are no targets yet. */
function addUpTo(targets: Set<Author>, from: readonly TargetCandidate[], count: number): void {
  for (const candidate of from) {
    if (count === 0) return
    if (targets.has(candidate.peer)) continue
    targets.add(candidate.peer)
    count--
  }
}

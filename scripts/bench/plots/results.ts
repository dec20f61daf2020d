/** The lines of earlier runs, as the pictures need them: of each figure the newest one of a whole run. */
import { existsSync, readFileSync } from 'node:fs'
import type { Line } from '../line.js'
import type { Origin } from '../report.js'

export const FOLDER = 'scripts/bench/results'

export type Kept = { bench: string } & Line & Origin

function isOfThisNode({ node }: { node: string }): boolean {
  return node.split('.')[0] === process.versions.node.split('.')[0]
}

export interface PeerLine {
  system: string
  version: string
  work: string
  value: number
  unit: string
  durability: string
  date: string
  node: string
  machine: string
}

function linesOf<T>(name: string): T[] {
  const path = `${FOLDER}/${name}.jsonl`
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as T)
}

/** Of each figure the newest; one of a quick run only where there is no other. */
function newest<T extends { date: string }>(
  lines: readonly T[],
  nameOf: (line: T) => string,
  rank: (line: T) => number
): T[] {
  const kept = new Map<string, T>()
  for (const line of lines) {
    const before = kept.get(nameOf(line))
    const better =
      before === undefined ||
      rank(line) > rank(before) ||
      (rank(line) === rank(before) && line.date >= before.date)
    if (better) kept.set(nameOf(line), line)
  }
  return [...kept.values()]
}

/** Of the Node.js that draws, where there are lines of it. */
export function natterLines(): Kept[] {
  const finite = linesOf<Kept>('natter').filter(line => Number.isFinite(line.value))
  const own = finite.filter(isOfThisNode)
  const all = own.length > 0 ? own : finite
  const whole = newest(
    all,
    ({ bench, what }) => `${bench} ${what}`,
    ({ quick }) => (quick ? 0 : 1)
  )
  // What was measured with a database of another size for lack of time says nothing beside the whole run.
  const benches = new Set(whole.filter(line => !line.quick).map(line => line.bench))
  return whole.filter(line => !line.quick || !benches.has(line.bench))
}

/** Of the Node.js that draws, but for systems that do not run on it. */
export function peerLines(): PeerLine[] {
  return newest(
    linesOf<PeerLine>('peers'),
    ({ work, system, durability }) => `${work} ${system} ${durability}`,
    line => (isOfThisNode(line) ? 1 : 0)
  )
}

/** Where the figures of a picture come from, in a few words. */
export function sourceOf(lines: readonly { date: string; machine: string; node: string }[]): string {
  const last = [...lines].sort((a, b) => a.date.localeCompare(b.date)).at(-1)
  if (last === undefined) return ''
  const nodes = [...new Set(lines.map(line => `Node.js ${line.node}`))].join(', ')
  return `${last.date.slice(0, 10)}, ${last.machine}, ${nodes}`
}

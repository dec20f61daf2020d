/** The results: JSON lines in a file that later runs are merged into, and a table for the terminal. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { table } from '../../../src/cli/table.js'
import type { Measured, Work } from './figures.js'
import { biggerIsBetter, FIGURES, WORKS } from './figures.js'
import { FOLDER } from './packages.js'
import type { Durability, System } from './systems.js'
import { durabilityOf, SYSTEMS } from './systems.js'

export const RESULTS = join(FOLDER, '..', 'results', 'peers.jsonl')

export interface Line {
  bench: 'peers'
  system: string
  version: string
  work: Work
  /** The median of `runs`. */
  value: number
  unit: string
  durability: Durability
  runs: number[]
  /** Entries that the figure speaks of: fewer than the work wants when the system was too slow for its time. */
  entries: number
  note?: string
  date: string
  node: string
  machine: string
}

export function lineOf(system: System, work: Work, repetitions: readonly Measured[]): Line {
  const runs = repetitions.map(({ value }) => round(value))
  const middle = [...repetitions].sort((x, y) => x.value - y.value)[Math.floor(repetitions.length / 2)]!
  const [cpu] = cpus()
  return {
    bench: 'peers',
    system: system.name,
    version: system.version(),
    work,
    value: median(runs),
    unit: FIGURES[work].unit,
    durability: durabilityOf(system, work),
    runs,
    entries: middle.entries,
    ...(middle.note === undefined ? {} : { note: middle.note }),
    date: new Date().toISOString(),
    node: process.versions.node,
    machine: `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`
  }
}

/** Three digits tell a difference; the rest is noise. */
function round(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}

function isOf({ system, durability, work }: Line, of: System): boolean {
  return system === of.name && durability === durabilityOf(of, work)
}

/** What a line is about: a newer one of the same takes its place. */
function keyOf({ system, durability, work, node }: Line): string {
  return [system, durability, work, node.split('.')[0]].join(' ')
}

export function readLines(): Line[] {
  if (!existsSync(RESULTS)) return []
  return readFileSync(RESULTS, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Line)
}

/** A line with the runs of an older one of the same version before its own. */
function joined(older: Line | undefined, line: Line): Line {
  if (older === undefined || older.version !== line.version) return line
  const runs = [...older.runs, ...line.runs]
  return { ...line, runs, value: median(runs) }
}

/** Of an even number the mean of the two in the middle. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y)
  const middle = sorted.length / 2
  return round((sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2)
}

/**
 * Puts lines in the place of older ones of the same, or adds their runs to these; the order is that of figures and
 * systems.
 */
export function merge(lines: readonly Line[], add: boolean): void {
  const all = new Map(readLines().map(line => [keyOf(line), line]))
  for (const line of lines) all.set(keyOf(line), add ? joined(all.get(keyOf(line)), line) : line)
  const rank = (line: Line) =>
    WORKS.indexOf(line.work) * 100 + SYSTEMS.findIndex(system => isOf(line, system))
  const sorted = [...all.values()].sort((x, y) => rank(x) - rank(y) || x.node.localeCompare(y.node))
  mkdirSync(dirname(RESULTS), { recursive: true })
  writeFileSync(RESULTS, sorted.map(line => `${JSON.stringify(line)}\n`).join(''))
}

/** One row a figure, one column a system; the best of a row is marked. */
export function printTable(lines: readonly Line[]): void {
  const columns = SYSTEMS.filter(system => lines.some(line => isOf(line, system)))
  const rows = WORKS.filter(work => lines.some(line => line.work === work)).map(work => {
    const row = lines.filter(line => line.work === work)
    const values = row.map(({ value }) => value)
    const best = biggerIsBetter(work) ? Math.max(...values) : Math.min(...values)
    const cells = columns.map(system => {
      const line = row.find(one => isOf(one, system))
      if (line === undefined) return '-'
      return `${line.value.toLocaleString('en')}${line.note === undefined ? '' : '!'}${line.value === best ? ' *' : ''}`
    })
    return [FIGURES[work].title, FIGURES[work].unit, ...cells]
  })
  const heads = columns.map(({ name, durability }) => ({ title: `${name} (${durability})`, right: true }))
  console.log(table([{ title: 'WORK' }, { title: '' }, ...heads], rows, Number.POSITIVE_INFINITY))
  for (const { system, work, note } of lines) {
    if (note !== undefined) console.log(`! ${system}, ${FIGURES[work].title}: ${note}`)
  }
}

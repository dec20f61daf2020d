/** What a run says in the end: a table for people, JSON lines for programs, and lines kept for later comparison. */
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { table } from '../../src/cli/table.js'
import type { Line } from './line.js'
import { formatBound, formatValue, ratioOf, tidy } from './line.js'

/** A line with where it comes from; `failed` where the measurement ended with an error. */
export type Result = { bench: string } & (Line | { what: string; failed: string })

const COLUMNS = [
  { title: 'WHAT' },
  { title: 'BUDGET' },
  { title: 'MEASURED', right: true },
  { title: 'BARE', right: true },
  { title: 'RATIO', right: true },
  { title: 'CPU', right: true },
  { title: 'BARE', right: true },
  { title: '' }
]

export function resultTable(results: readonly Result[]): string {
  const rows = results.map(result => {
    if ('failed' in result) return [result.what, '-', 'failed', '-', '-', '-', '-', result.failed]
    const { what, value, unit, bare } = result
    return [
      what,
      formatBound(result),
      formatValue(value, unit),
      bare === undefined ? '-' : formatValue(bare, unit),
      ratioOf(result)?.toFixed(2) ?? '-',
      microseconds(result.cpuUs),
      microseconds(result.bareCpuUs),
      verdictOf(result)
    ]
  })
  return table(COLUMNS, rows, Number.POSITIVE_INFINITY)
}

/** Of one op, in this process. */
function microseconds(us: number | undefined): string {
  return us === undefined ? '-' : `${us.toFixed(us < 10 ? 1 : 0)} µs`
}

function verdictOf({ ok, defect }: Line): string {
  if (ok === undefined) return ''
  if (ok) return 'ok'
  return defect === true ? 'DEFECT' : 'MISSED'
}

/** Where and with what a run was made. */
export interface Origin {
  date: string
  machine: string
  node: string
  commit: string
  quick: boolean
}

export function originOf(quick: boolean): Origin {
  const [cpu] = cpus()
  return {
    date: new Date().toISOString(),
    machine: `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.versions.node,
    commit: commitOf(),
    quick
  }
}

/** The commit that is checked out, with `+` behind it when something was changed since; `unknown` outside git. */
function commitOf(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8', stdio: 'pipe' }).trim()
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', 'src') === '' ? '' : '+'}`
  } catch {
    return 'unknown'
  }
}

export function jsonOf(result: Result, origin: Origin): string {
  if ('failed' in result) return JSON.stringify({ ...result, ...origin })
  const ratio = ratioOf(result)
  return JSON.stringify({
    ...result,
    value: tidy(result.value),
    ...(result.bare === undefined ? {} : { bare: tidy(result.bare) }),
    ...(ratio === undefined ? {} : { ratio: tidy(ratio) }),
    ...origin
  })
}

export function save(path: string, lines: readonly string[]): void {
  mkdirSync(dirname(path), { recursive: true })
  appendFileSync(path, lines.map(line => `${line}\n`).join(''))
}

/** What every measurement of the benchmark uses: scale, records, clocks, folders, and the shape of a result. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** How much is measured. Quick: all in about a minute, on a tenth of the ops. */
export interface Scale {
  readonly quick: boolean
  /** Milliseconds of one repetition of a rate. */
  readonly repetitionMs: number
  readonly repetitions: number
  /** Ops in the database of the measurements that need a full one. */
  readonly ops: number
  /** Single writes of a latency measurement. */
  readonly writes: number
}

export function scaleOf(quick: boolean): Scale {
  return quick
    ? { quick, repetitionMs: 150, repetitions: 9, ops: 100_000, writes: 200 }
    : { quick, repetitionMs: 400, repetitions: 25, ops: 1_000_000, writes: 2_000 }
}

/** One budget line. */
export interface Line {
  what: string
  budget: string
  measured: string
  /** The same work without natter, in the same run. */
  bare?: string
  /** Measured to bare, or measured to the budget where there is no bare figure. */
  ratio?: number
  ok: boolean
  note?: string
}

export interface Bench {
  readonly name: string
  run(scale: Scale): Promise<Line[]>
}

export interface Entry {
  key: string
  value: { n: number; text: string }
}

const TEXT_LENGTH = 120
let seed = 1

/** xorshift32: the same records in every run. */
function random(): number {
  seed ^= seed << 13
  seed ^= seed >>> 17
  seed ^= seed << 5
  return (seed >>> 0) / 0x1_0000_0000
}

/** Half random, half not: a store that compresses ends at a bit more than half of it. */
export function entry(n: number, prefix = 'bench'): Entry {
  let text = ''
  while (text.length < TEXT_LENGTH / 2) text += Math.floor(random() * 36 ** 6).toString(36)
  return {
    key: `${prefix}/${String(n).padStart(9, '0')}`,
    value: { n, text: text.padEnd(TEXT_LENGTH, ' of text') }
  }
}

export function entries(from: number, count: number, prefix?: string): Entry[] {
  return Array.from({ length: count }, (_, i) => entry(from + i, prefix))
}

/** Bytes of a key and its JSON value. */
export function payloadBytes({ key, value }: Entry): number {
  return Buffer.byteLength(key) + Buffer.byteLength(JSON.stringify(value))
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Calls `step`, which answers how many units it did, for about `ms`; units a second. */
export async function rateOf(ms: number, step: () => Promise<number>): Promise<number> {
  const startedAtMs = performance.now()
  let units = 0
  let tookMs = 0
  do {
    units += await step()
    tookMs = performance.now() - startedAtMs
  } while (tookMs < ms)
  return (units * 1000) / tookMs
}

/** Both in short turns, so that what the machine does beside meets both; the medians. */
export async function inTurns(
  repetitions: number,
  ours: () => Promise<number>,
  bare: () => Promise<number>
): Promise<{ ours: number; bare: number }> {
  const results: { ours: number[]; bare: number[] } = { ours: [], bare: [] }
  for (let i = 0; i < repetitions; i++) {
    results.bare.push(await bare())
    results.ours.push(await ours())
  }
  return { ours: median(results.ours), bare: median(results.bare) }
}

export async function withFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'natter-bench-'))
  try {
    return await run(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export function folderBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(one => one.isFile())
    .reduce((sum, one) => sum + statSync(join(one.parentPath, one.name)).size, 0)
}

/** `1,234 a second`. */
export function perSecond(rate: number): string {
  return `${Math.round(rate).toLocaleString('en')}/s`
}

export function milliseconds(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 2 : 0)} ms`
}

/** A line whose budget is a share of the bare figure. */
export function shareLine(what: string, share: number, measured: number, bare: number, note?: string): Line {
  const ratio = measured / bare
  return {
    what,
    budget: `≥ ${share} × bare`,
    measured: perSecond(measured),
    bare: perSecond(bare),
    ratio,
    ok: ratio >= share,
    ...(note === undefined ? {} : { note })
  }
}

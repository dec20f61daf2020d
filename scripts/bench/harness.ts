/**
 * What every measurement uses: how much is done, turns of natter and of what it is compared with, clocks, folders.
 *
 * A machine is never the same for long, least of all its fsync. So the two sides take short turns, the order of each pair
 * is the other way round from the one before, and each turn begins when the machine is quiet or has been waited for:
 * what background work of a turn is left over falls on nobody's clock. Medians of turns are compared.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Compared, Line } from './line.js'

/** How much is measured. Quick: all in about a minute, on a tenth of the ops. */
export interface Scale {
  readonly quick: boolean
  /** Turns of each side. */
  readonly turns: number
  /** Milliseconds after which a turn ends, whatever it has done. */
  readonly turnMs: number
  /** Ops in a database, for what is measured at several sizes. */
  readonly sizes: readonly number[]
  readonly gate: Gate
}

export interface Bench {
  readonly name: string
  /** Other names that choose it. */
  readonly groups?: readonly string[]
  run(scale: Scale): Promise<Line[]>
}

/** One for each measurement: its gate waits only so long. */
export function scaleOf(quick: boolean, sizes?: readonly number[]): Scale {
  return quick
    ? { quick, turns: 5, turnMs: 120, sizes: sizes ?? [1_000, 10_000, 50_000], gate: new Gate(1000) }
    : { quick, turns: 15, turnMs: 500, sizes: sizes ?? [10_000, 100_000, 1_000_000], gate: new Gate(15_000) }
}

/** `quick` when that was asked for, else `full`. */
export function pick<T>({ quick }: Scale, choice: { quick: T; full: T }): T {
  return quick ? choice.quick : choice.full
}

/** Units of work and the milliseconds they took, as a rate. */
export function perSecond(units: number, startedAtMs: number): number {
  return (units * 1000) / (performance.now() - startedAtMs)
}

/** Does `step` with one item after the other until there are none or the time is over; items a second. */
export async function rateOver<T>(
  items: readonly T[],
  maxMs: number,
  step: (item: T) => Promise<unknown>
): Promise<number> {
  const startedAtMs = performance.now()
  let done = 0
  for (const item of items) {
    await step(item)
    done++
    if (performance.now() - startedAtMs > maxMs) break
  }
  return perSecond(done, startedAtMs)
}

export type Turn = () => Promise<number>

/** Ours and the bare one in turns. */
export async function inTurns(scale: Scale, ours: Turn, bare: Turn): Promise<Compared> {
  const { results, quiet: times } = await takeTurns(scale, [bare, ours])
  return { ours: results[1]!, bare: results[0]!, quiet: times }
}

/** Turns that are not counted: code is compiled and files are made in them. */
const WARM_UP = 2

/** All in short turns. */
export async function takeTurns(
  { turns, gate }: Scale,
  sides: readonly Turn[]
): Promise<{ results: number[][]; quiet: string }> {
  const results: number[][] = sides.map(() => [])
  for (let i = 0; i < WARM_UP; i++) for (const side of sides) await side()
  let quietTurns = 0
  for (let i = 0; i < turns; i++) {
    const order = i % 2 === 0 ? [...sides.keys()] : [...sides.keys()].reverse()
    for (const n of order) {
      if (await gate.quiet()) quietTurns++
      results[n]!.push(await sides[n]!())
    }
  }
  return { results, quiet: `${quietTurns}/${sides.length * turns}` }
}

/** Milliseconds of one look at how busy the machine is. */
const LOOK_MS = 50
/** Share of all processors that others, and compactions, may use. */
const QUIET_SHARE = 0.3
const LONGEST_WAIT_MS = 1000

/** Waits for a machine that does nothing else, so long in all and no longer. */
export class Gate {
  #leftMs: number

  constructor(mostMs: number) {
    this.#leftMs = mostMs
  }

  /** False where it was not quiet in time. */
  async quiet(): Promise<boolean> {
    const startedAtMs = performance.now()
    const mostMs = Math.min(LONGEST_WAIT_MS, this.#leftMs)
    for (;;) {
      const before = busyTimes()
      await sleep(LOOK_MS)
      const after = busyTimes()
      const isQuiet = (after.busy - before.busy) / Math.max(1, after.all - before.all) < QUIET_SHARE
      const waitedMs = performance.now() - startedAtMs
      if (!isQuiet && waitedMs < mostMs) continue
      this.#leftMs = Math.max(0, this.#leftMs - waitedMs)
      return isQuiet
    }
  }
}

function busyTimes(): { busy: number; all: number } {
  let [busy, all] = [0, 0]
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.irq + times.idle
    all += sum
    busy += sum - times.idle
  }
  return { busy, all }
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

/** `10^6` for a power of ten, else the number. */
export function formatSize(size: number): string {
  const power = Math.log10(size)
  return Number.isInteger(power) ? `10^${power}` : size.toLocaleString('en')
}

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
import { median } from './line.js'

/** How much is measured. Quick: all in about a minute, on a tenth of the ops. */
export interface Scale {
  readonly quick: boolean
  /** Turns of each side. */
  readonly turns: number
  /** Milliseconds after which a turn ends, whatever it has done. */
  readonly turnMs: number
  /** Repetitions of what is too long for turns. */
  readonly repetitions: number
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

const QUICK = { turns: 4, turnMs: 120, repetitions: 2, sizes: [2_000, 20_000], waitMs: 1000 }
const FULL = { turns: 15, turnMs: 500, repetitions: 5, sizes: [10_000, 100_000, 1_000_000], waitMs: 10_000 }

/** One for each measurement: its gate waits only so long. */
export function scaleOf(quick: boolean, sizes?: readonly number[]): Scale {
  const { waitMs, ...scale } = quick ? QUICK : FULL
  return { quick, ...scale, sizes: sizes ?? scale.sizes, gate: new Gate(waitMs) }
}

/** `quick` when that was asked for, else `full`. */
export function pick<T>({ quick }: Scale, choice: { quick: T; full: T }): T {
  return quick ? choice.quick : choice.full
}

/** What a turn comes to. */
export interface Done {
  /** Units a second, or what else the turn is about. */
  value: number
  /** Microseconds of all threads of this process for one unit: a busy machine changes them least. */
  cpuUs: number
}

export class Stopwatch {
  readonly #startedAtMs = performance.now()
  readonly #cpu = process.cpuUsage()

  get passedMs(): number {
    return performance.now() - this.#startedAtMs
  }

  perSecond(units: number): number {
    return (units * 1000) / this.passedMs
  }

  done(units: number, value = this.perSecond(units)): Done {
    const { user, system } = process.cpuUsage(this.#cpu)
    return { value, cpuUs: (user + system) / units }
  }
}

/** Does `step` with one item after the other until there are none or the time is over; items done. */
export async function doEach<T>(
  items: readonly T[],
  maxMs: number,
  step: (item: T) => Promise<unknown>
): Promise<number> {
  const watch = new Stopwatch()
  let count = 0
  for (const item of items) {
    await step(item)
    count++
    if (watch.passedMs > maxMs) break
  }
  return count
}

/** The same as a turn: items a second. */
export async function rateOver<T>(
  items: readonly T[],
  maxMs: number,
  step: (item: T) => Promise<unknown>
): Promise<Done> {
  const watch = new Stopwatch()
  return watch.done(await doEach(items, maxMs, step))
}

/** Callers of what is measured with many at once. */
export const CALLERS = 64

/** Items a second by callers that each await their own before they take the next. */
export async function concurrentRate<T>(
  list: readonly T[],
  maxMs: number,
  step: (item: T) => Promise<unknown>
): Promise<Done> {
  const watch = new Stopwatch()
  let next = 0
  const caller = async () => {
    while (next < list.length && watch.passedMs < maxMs) await step(list[next++]!)
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return watch.done(next)
}

export type Turn = () => Promise<Done>

/** Ours and the bare one in turns. */
export async function inTurns(scale: Scale, ours: Turn, bare: Turn): Promise<Compared> {
  const { results, quiet } = await takeTurns(scale, [bare, ours])
  return comparedOf(results[1]!, results[0]!, quiet)
}

export function comparedOf(ours: readonly Done[], bare: readonly Done[], quiet: string): Compared {
  const values = (side: readonly Done[]) => side.map(({ value }) => value)
  const cpu = (side: readonly Done[]) => median(side.map(({ cpuUs }) => cpuUs))
  return { ours: values(ours), bare: values(bare), cpuUs: cpu(ours), bareCpuUs: cpu(bare), quiet }
}

/** Turns that are not counted: code is compiled and files are made in them. */
const WARM_UP = 2

/** All in short turns. */
export async function takeTurns(
  { turns, gate }: Scale,
  sides: readonly Turn[]
): Promise<{ results: Done[][]; quiet: string }> {
  const results: Done[][] = sides.map(() => [])
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

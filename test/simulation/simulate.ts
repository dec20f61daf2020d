/** Runs seeds: one after the other, each a function of its number and of nothing else. */
import { performance } from 'node:perf_hooks'
import type { SimulationOptions } from './simulation.js'
import { Simulation } from './simulation.js'
import type { Counts } from './sometimes.js'

export interface SeedResult {
  readonly seed: number
  readonly ok: boolean
  readonly failure?: { readonly property: string; readonly message: string }
  /** 16 hex digits: equal for equal runs. */
  readonly traceHash: string
  readonly sometimes: Counts
  /** Events of virtual time. */
  readonly events: number
  readonly virtualMs: number
  readonly wallMs: number
  /** The newest lines of the trace, or all where they were asked for. */
  readonly lines: readonly string[]
}

export async function runSeed(seed: number, options: SimulationOptions = {}): Promise<SeedResult> {
  const begin = performance.now()
  const simulation = new Simulation(seed, options)
  const onRejection = (error: unknown): void => {
    simulation.fail('no promise is left alone', error instanceof Error ? (error.stack ?? '') : String(error))
  }
  const onException = (error: unknown): void => {
    simulation.fail(
      'nothing is thrown at nobody',
      error instanceof Error ? (error.stack ?? '') : String(error)
    )
  }
  process.on('unhandledRejection', onRejection)
  process.on('uncaughtException', onException)
  try {
    await simulation.run()
  } catch (error) {
    simulation.fail('the simulator works', error instanceof Error ? (error.stack ?? '') : String(error))
  } finally {
    process.off('unhandledRejection', onRejection)
    process.off('uncaughtException', onException)
  }
  const { failure, lines, counts, timeline } = simulation
  return {
    seed,
    ok: failure === undefined,
    ...(failure !== undefined && { failure: { property: failure.property, message: failure.message } }),
    traceHash: lines.hash(),
    sometimes: counts,
    events: timeline.count,
    virtualMs: Math.round(timeline.now),
    wallMs: performance.now() - begin,
    lines: lines.lines()
  }
}

/** The command that shows a run again. */
export function replayCommand(seed: number): string {
  return `npm run simulate -- --seed ${seed} --trace`
}

/**
 * `npm run simulate -- --seeds 1000`: runs seeds, says what broke and how to see it again, and what ever happened.
 * One of twenty seeds runs twice, to see that it is the same run. See test/README.md.
 */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { DELIVERY_SOMETIMES } from './delivery.js'
import { runDeliverySeed } from './delivery-campaign.js'
import type { SeedResult } from './simulate.js'
import { replayCommand, runSeed } from './simulate.js'
import type { Counts } from './sometimes.js'
import { addCounts, never, SOMETIMES } from './sometimes.js'

/** One of so many seeds runs twice. */
const twiceEvery = 20
/** From so many seeds on everything in the table must have happened. */
const enoughSeeds = 1000
/** Failing seeds that are shown. */
const shownFailures = 20

const { values } = parseArgs({
  options: {
    /** How many seeds to run. */
    seeds: { type: 'string', default: '100' },
    /** The first of them. */
    from: { type: 'string', default: '1' },
    /** Runs this one alone, twice. */
    seed: { type: 'string' },
    /** Prints the newest lines of the trace of a single seed. */
    trace: { type: 'boolean', default: false },
    /** Prints all of them. */
    all: { type: 'boolean', default: false },
    /** Processes. */
    jobs: { type: 'string', default: String(availableParallelism()) },
    /** Prints one line of JSON for each seed that failed, and one for all. */
    json: { type: 'boolean', default: false },
    /** Ends at the first seed that fails. */
    first: { type: 'boolean', default: false },
    /** Runs the outbox over a failing disk, in place of nodes. */
    delivery: { type: 'boolean', default: false },
    /** Kinds of faults to leave out, with commas between. */
    without: { type: 'string', default: '' }
  }
})

interface Totals {
  seeds: number
  events: number
  virtualMs: number
  wallMs: number
  readonly counts: Counts
  readonly failures: SeedResult[]
}

const runOne = values.delivery ? runDeliverySeed : runSeed
const kinds: readonly string[] = values.delivery ? DELIVERY_SOMETIMES : SOMETIMES
const without = values.without === '' ? [] : values.without.split(',')

async function runTwice(seed: number): Promise<SeedResult> {
  const first = await runOne(seed, { without })
  const second = await runOne(seed, { without })
  if (first.traceHash === second.traceHash || !first.ok) return first
  const message = `its trace is ${first.traceHash} and then ${second.traceHash}`
  return { ...first, ok: false, failure: { property: 'a seed is one run', message } }
}

async function single(seed: number): Promise<boolean> {
  const result = await runOne(seed, { wholeTrace: values.all, without })
  const again = await runOne(seed, { without })
  if (values.trace || values.all) for (const line of result.lines) console.log(line)
  const { events, virtualMs, wallMs, traceHash } = result
  console.log(
    `seed ${seed}: ${events} events, ${virtualMs} ms in ${Math.round(wallMs)} ms, trace ${traceHash}`
  )
  if (again.traceHash !== traceHash)
    console.log(`its trace is another when it runs again: ${again.traceHash}`)
  if (result.failure !== undefined)
    console.log(`BROKEN ${result.failure.property}: ${result.failure.message}`)
  return result.ok && again.traceHash === traceHash
}

async function several(from: number, count: number, report: (result: SeedResult) => void): Promise<void> {
  for (let seed = from; seed < from + count; seed++) {
    const result = seed % twiceEvery === 0 ? await runTwice(seed) : await runOne(seed, { without })
    report(result)
    if (!result.ok && values.first) return
  }
}

function take(totals: Totals, result: SeedResult): void {
  totals.seeds++
  totals.events += result.events
  totals.virtualMs += result.virtualMs
  totals.wallMs += result.wallMs
  addCounts(totals.counts, result.sometimes)
  if (result.ok) return
  totals.failures.push(result)
  const { seed, failure } = result
  if (values.json) console.log(JSON.stringify({ seed, ...failure, traceHash: result.traceHash }))
  else if (totals.failures.length <= shownFailures) {
    console.log(`seed ${seed} BROKEN ${failure?.property}: ${failure?.message}`)
    console.log(`  ${replayCommand(seed)}${values.delivery ? ' --delivery' : ''}`)
  }
}

/** Runs stretches of seeds in processes of their own. */
async function inProcesses(from: number, count: number, jobs: number, totals: Totals): Promise<void> {
  const share = Math.ceil(count / jobs)
  const runs = Array.from({ length: jobs }, (_, job) => {
    const first = from + job * share
    const seeds = Math.min(share, from + count - first)
    if (seeds <= 0) return Promise.resolve()
    const args = ['--from', String(first), '--seeds', String(seeds), '--without', values.without]
    if (values.first) args.push('--first')
    if (values.delivery) args.push('--delivery')
    const child = fork(fileURLToPath(import.meta.url), args, { env: { ...process.env, SIMULATE_CHILD: '1' } })
    return new Promise<void>((resolve, reject) => {
      child.on('message', result => take(totals, result as SeedResult))
      child.on('error', reject)
      child.on('exit', code => (code === 0 ? resolve() : reject(new Error(`a process ended with ${code}`))))
    })
  })
  await Promise.all(runs)
}

function conclude(totals: Totals, elapsedMs: number): boolean {
  const { seeds, events, virtualMs, wallMs, counts, failures } = totals
  const lacking = seeds >= enoughSeeds ? never(counts, kinds) : []
  const perSeed = seeds === 0 ? 0 : Math.round(wallMs / seeds)
  if (values.json) {
    const broken = failures.map(({ seed }) => seed)
    console.log(
      JSON.stringify({
        seeds,
        events,
        virtualMs,
        perSeedMs: perSeed,
        elapsedMs,
        broken,
        lacking,
        sometimes: counts
      })
    )
    return failures.length === 0 && lacking.length === 0
  }
  const names = [...new Set([...kinds, ...Object.keys(counts).sort()])]
  for (const what of names) console.log(`${String(counts[what] ?? 0).padStart(9)}  ${what}`)
  console.log(
    `${seeds} seeds, ${events} events, ${Math.round(virtualMs / 60_000)} virtual minutes; ` +
      `${perSeed} ms a seed, ${Math.round(elapsedMs / 1000)} s in all`
  )
  for (const what of lacking) console.log(`never: ${what}`)
  console.log(failures.length === 0 ? 'nothing broke' : `${failures.length} seeds broke`)
  return failures.length === 0 && lacking.length === 0
}

async function main(): Promise<boolean> {
  const from = Number(values.from)
  const count = Number(values.seeds)
  if (process.send !== undefined && process.env['SIMULATE_CHILD'] !== undefined) {
    const abandoned = (): never => process.exit(1) // nobody waits for what it finds
    process.on('disconnect', abandoned)
    await several(from, count, result => process.send!({ ...result, lines: [] }))
    process.off('disconnect', abandoned)
    process.disconnect()
    return true
  }
  if (values.seed !== undefined) return single(Number(values.seed))
  const begin = performance.now()
  const totals: Totals = { seeds: 0, events: 0, virtualMs: 0, wallMs: 0, counts: {}, failures: [] }
  const jobs = Math.min(Number(values.jobs), count)
  if (jobs > 1) await inProcesses(from, count, jobs, totals)
  else await several(from, count, result => take(totals, result))
  return conclude(totals, Math.round(performance.now() - begin))
}

process.exitCode = (await main()) ? 0 : 1

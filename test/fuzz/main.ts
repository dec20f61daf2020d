/**
 * The fuzzers by hand: `node dist/test/fuzz/main.js --inputs 10000000 [--seed N] [--jobs 2] [--minutes 60] [--target NAME] [--save]`.
 *
 * Prints for each decoder how many inputs it was given, how many it took, how fast, and how many kinds of answers were
 * reached. An input that breaks a promise becomes a file of the corpus and the run fails; with `--save`, inputs that
 * reached what none of the corpus does become files too.
 */
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadCorpus, save } from './corpus.js'
import type { RunResult } from './run.js'
import { run, tryOne } from './run.js'
import type { Target } from './target.js'
import { FILE_TARGETS, TARGETS } from './targets/index.js'

/** Inputs that a decoder of files gets in place of a hundred. */
const FILE_SHARE = 0.002
/** Bytes of an input that is saved for being new. */
const SAVED_BYTES = 700
/** Inputs a target's corpus holds beside those that failed. */
const SAVED_INPUTS = 24

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    jobs: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '60' },
    target: { type: 'string' },
    save: { type: 'boolean', default: false }
  }
})
const inputs = Number(values.inputs)
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed)
const jobs = Number(values.jobs)
if (jobs > 1) process.exitCode = await inProcesses()
else process.exitCode = await here()

/** One process a job, each with its part of the inputs and a seed of its own. */
async function inProcesses(): Promise<number> {
  const rest = ['--minutes', values.minutes, ...(values.save ? ['--save'] : [])]
  if (values.target !== undefined) rest.push('--target', values.target)
  const codes = Array.from({ length: jobs }, (_, job) => {
    const args = ['--inputs', String(Math.ceil(inputs / jobs)), '--seed', String(seed + job), ...rest]
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], { stdio: 'inherit' })
    return new Promise<number>(resolve => child.once('exit', code => resolve(code ?? 1)))
  })
  return Math.max(...(await Promise.all(codes)))
}

async function here(): Promise<number> {
  const chosen = (list: readonly Target[]): readonly Target[] =>
    values.target === undefined ? list : list.filter(target => target.name === values.target)
  const corpus = loadCorpus()
  const withinMs = Number(values.minutes) * 60_000
  console.log(`${inputs} inputs, seed ${seed} (again: --seed ${seed} --inputs ${inputs})`)
  let toldMs = performance.now()
  const onProgress = (done: number): void => {
    if (performance.now() - toldMs < 30_000) return
    toldMs = performance.now()
    console.log(`seed ${seed}: ${done} inputs`)
  }
  const files = Math.ceil(inputs * FILE_SHARE)
  const results: RunResult[] = []
  for (const [targets, count] of [
    [chosen(FILE_TARGETS), files],
    [chosen(TARGETS), inputs - files]
  ] as const) {
    if (targets.length > 0)
      results.push(
        await run({ targets, seed, inputs: count, withinMs, corpus, mostFailures: 20, onProgress })
      )
  }
  for (const result of results) report(result)
  if (values.save) await keepNew(results, corpus)
  const failed = results.flatMap(result => result.failures)
  for (const { target, bytes, reason } of failed)
    console.log(`${target}: ${save(target, bytes, true)}: ${reason}`)
  const total = results.reduce((sum, result) => sum + result.inputs, 0)
  const ms = results.reduce((sum, result) => sum + result.ms, 0)
  console.log(
    `${failed.length === 0 ? 'ok' : 'FAILED'}: ${total} inputs in ${(ms / 1000).toFixed(0)} s, seed ${seed}`
  )
  return failed.length === 0 ? 0 : 1
}

function report({ tallies }: RunResult): void {
  for (const { target, inputs: count, accepted, ms, kinds } of tallies) {
    const rate = Math.round((count / Math.max(1, ms)) * 1000)
    const share = ((100 * accepted) / Math.max(1, count)).toFixed(1)
    console.log(
      `${target.padEnd(16)} ${String(count).padStart(9)} inputs ${share.padStart(5)} % taken ${String(rate).padStart(7)}/s ${String(kinds.size).padStart(4)} kinds`
    )
  }
}

/** Saves what reached a kind of answer that nothing in the corpus and no seed reaches. */
async function keepNew(
  results: readonly RunResult[],
  corpus: ReadonlyMap<string, readonly Uint8Array[]>
): Promise<void> {
  for (const { tallies } of results) {
    for (const { target: name, kinds } of tallies) {
      const target = [...TARGETS, ...FILE_TARGETS].find(one => one.name === name)!
      const saved = corpus.get(name) ?? []
      const reached = new Set<string>()
      for (const bytes of [...target.seeds, ...saved]) {
        const outcome = await tryOne(target, bytes)
        if ('kind' in outcome) reached.add(outcome.kind)
      }
      let room = SAVED_INPUTS - saved.length
      for (const [kind, bytes] of kinds) {
        if (room <= 0 || reached.has(kind) || bytes.length > SAVED_BYTES) continue
        save(name, bytes, false)
        room--
      }
    }
  }
}

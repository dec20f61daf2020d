/** Tries one bug: plants it in a tree of its own and runs what is to catch it there. */
import { join } from 'node:path'
import type { Verdict } from './campaign.js'
import type { Mutant } from './mutant.js'
import type { Ended, Trees } from './tree.js'
import { attempt } from './tree.js'

/** A campaign that takes longer hangs: the bug keeps a turn of the event loop from ending. */
const campaignTimeoutMs = 900_000
const testTimeoutMs = 120_000

export interface Trial {
  readonly name: string
  /** The property that broke, or the test file that failed; undefined when nothing noticed. */
  readonly caughtBy: string | undefined
  readonly detail: string
  /** Seeds up to the one that failed; 0 where a test file is the judge. */
  readonly seeds: number
  readonly seconds: number
}

/** Runs the product as it is, without a mutant. */
export async function tryMutant(trees: Trees, mutant: Mutant | undefined, seeds: number): Promise<Trial> {
  const name = mutant?.name ?? 'the product as it is'
  const tree = trees.make(mutant?.name ?? 'none', mutant)
  try {
    if (mutant?.tests !== undefined) return await runTests(name, tree, mutant.tests)
    return await runCampaign(name, tree, seeds)
  } finally {
    trees.drop(mutant?.name ?? 'none')
  }
}

async function runCampaign(name: string, tree: string, seeds: number): Promise<Trial> {
  const campaign = join(tree, 'test/mutants/campaign.js')
  const ended = await attempt(process.execPath, [campaign, '1', String(seeds)], campaignTimeoutMs)
  const { seconds } = ended
  if (ended.hung) return { name, caughtBy: 'no end', detail: 'the campaign hangs', seeds: 0, seconds }
  const verdict = verdictOf(ended)
  if (verdict === undefined) {
    return { name, caughtBy: 'no start', detail: lastLine(ended.output), seeds: 0, seconds }
  }
  const { failed } = verdict
  if (failed === undefined) return { name, caughtBy: undefined, detail: '', seeds: verdict.seeds, seconds }
  const detail = `seed ${failed.seed}: ${failed.message.split('\n')[0]}`
  return { name, caughtBy: failed.property, detail, seeds: verdict.seeds, seconds }
}

function verdictOf({ code, output }: Ended): Verdict | undefined {
  if (code !== 0) return undefined
  try {
    return JSON.parse(lastLine(output)) as Verdict
  } catch {
    return undefined
  }
}

async function runTests(name: string, tree: string, tests: readonly string[]): Promise<Trial> {
  const files = tests.map(path => join(tree, path.replace(/\.ts$/, '.js')))
  const ended = await attempt(process.execPath, ['--test', ...files], testTimeoutMs)
  const { code, hung, output, seconds } = ended
  const failing = /^not ok \d+ - (.+)$/m.exec(output)?.[1] ?? (hung ? 'it hangs' : '')
  const caughtBy = code === 0 ? undefined : tests.join(' ')
  return { name, caughtBy, detail: failing, seeds: 0, seconds }
}

function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1) ?? ''
}

/**
 * `npm run mutants`: plants each bug of the table and shows what caught it. Ends with 1 when one was not caught, or when
 * the product as it is fails what they were tried with.
 *
 *   npm run mutants -- [--only NAME]... [--seeds N] [--jobs N] [--json]
 */
import { parseArgs } from 'node:util'
import type { Mutant } from './mutant.js'
import { MUTANTS } from './mutants.js'
import { Trees } from './tree.js'
import type { Trial } from './trial.js'
import { tryMutant } from './trial.js'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    seeds: { type: 'string', default: '300' },
    jobs: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false }
  }
})

const chosen = values.only === undefined ? MUTANTS : MUTANTS.filter(({ name }) => values.only!.includes(name))
const unknown = values.only?.filter(name => !MUTANTS.some(mutant => mutant.name === name)) ?? []
if (unknown.length > 0 || chosen.length === 0) {
  console.error(
    `no such bug: ${unknown.join(', ')}. There are: ${MUTANTS.map(({ name }) => name).join(', ')}`
  )
  process.exit(2)
}

const trials = await tryAll(chosen, Number(values.seeds), Number(values.jobs))
const product = trials.find(({ name }) => !chosen.some(mutant => mutant.name === name))!
const left = trials.filter(({ caughtBy, name }) => caughtBy === undefined && name !== product.name)
if (values.json) console.log(JSON.stringify(trials, undefined, 2))
console.error(
  `${chosen.length - left.length} of ${chosen.length} bugs caught${left.length > 0 ? `; not: ${left.map(({ name }) => name).join(', ')}` : ''}`
)
if (product.caughtBy !== undefined) {
  console.error(
    `the product as it is fails ${product.caughtBy}, ${product.detail}: what this shows of bugs is worth nothing`
  )
}
process.exitCode = left.length > 0 || product.caughtBy !== undefined ? 1 : 0

/** The bugs, and at last the product as it is with as many seeds as the slowest took. */
async function tryAll(mutants: readonly Mutant[], seeds: number, jobs: number): Promise<Trial[]> {
  const trees = new Trees()
  process.on('SIGINT', () => {
    trees.remove()
    process.exit(130)
  })
  try {
    await trees.compile(mutants)
    const done: Trial[] = []
    const queue = [...mutants]
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const trial = await tryMutant(trees, next, seeds)
        done.push(trial)
        tell(trial)
      }
    }
    await Promise.all(Array.from({ length: Math.max(1, jobs) }, work))
    const most = Math.max(1, ...done.map(trial => trial.seeds))
    done.push(await tryMutant(trees, undefined, most))
    tell(done.at(-1)!)
    return done
  } finally {
    trees.remove()
  }
}

function tell({ name, caughtBy, seeds, seconds, detail }: Trial): void {
  if (values.json) return
  const judge = caughtBy ?? 'NOTHING'
  const after = seeds === 0 ? '' : `${seeds} seeds`
  console.log(
    `${name.padEnd(34)} ${judge.padEnd(36)} ${after.padStart(9)} ${seconds.toFixed(1).padStart(6)} s  ${detail.slice(0, 120)}`
  )
}

/**
 * `npm run bench`: each budget of natter that can be measured on one machine, beside the bare figure of the same run.
 *
 * Flags: `--quick` (small, in about a minute), `--only NAME,NAME` (measurements or groups of them; `--list` names them),
 * `--sizes 1e4,1e5,1e6,1e7` (ops in the databases of what is measured at several sizes), `--json` (JSON lines only),
 * `--save` (appends the lines to `scripts/bench/results/natter.jsonl`). Other processes run on the same Node.js as this one.
 *
 * A missed budget is printed as missed and changes no exit code: whether a machine is quiet enough to judge, people decide.
 * A measurement that cannot be made says why, and the run ends with 1.
 */
import '../../src/polyfills.js'
import { parseArgs } from 'node:util'
import type { Bench } from './harness.js'
import { scaleOf } from './harness.js'
import type { Result } from './report.js'
import { jsonOf, originOf, resultTable, save } from './report.js'

const RESULTS = 'scripts/bench/results/natter.jsonl'

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    sizes: { type: 'string' },
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false }
  }
})

const origin = originOf(flags.quick)
const { benches } = await import('./benches.js')

function usage(message: string): never {
  console.error(message)
  process.exit(2)
}

function chosenBenches(): readonly Bench[] {
  if (flags.only === undefined) return benches
  const names = flags.only.split(',')
  const fits = (bench: Bench, name: string) => bench.name === name || bench.groups?.includes(name) === true
  for (const name of names) {
    if (benches.some(bench => fits(bench, name))) continue
    usage(`no measurement is named ${name}: ${benches.map(bench => bench.name).join(', ')}`)
  }
  return benches.filter(bench => names.some(name => fits(bench, name)))
}

function chosenSizes(): number[] | undefined {
  if (flags.sizes === undefined) return undefined
  const sizes = flags.sizes.split(',').map(Number)
  const rising = sizes.every(
    (size, i) => Number.isInteger(size) && size >= 1000 && size > (sizes[i - 1] ?? 0)
  )
  return rising ? sizes : usage('--sizes takes rising numbers of at least 1000, such as 1e4,1e5,1e6')
}

async function runAll(): Promise<Result[]> {
  const sizes = chosenSizes()
  const results: Result[] = []
  for (const { name, run } of chosenBenches()) {
    const startedAtMs = performance.now()
    try {
      for (const line of await run(scaleOf(flags.quick, sizes))) results.push({ bench: name, ...line })
    } catch (error) {
      results.push({
        bench: name,
        what: name,
        failed: error instanceof Error ? error.message : String(error)
      })
      console.error(error)
    }
    keep(results.filter(result => result.bench === name))
    const tookMs = performance.now() - startedAtMs
    if (!flags.json) console.error(`${name}: ${(tookMs / 1000).toFixed(1)} s`)
  }
  return results
}

/** At once: what comes later may take long, or fail. */
function keep(results: readonly Result[]): void {
  if (flags.save) {
    save(
      RESULTS,
      results.map(result => jsonOf(result, origin))
    )
  }
}

if (flags.list) {
  for (const { name, groups = [] } of benches) console.log([name, ...groups.map(one => `(${one})`)].join(' '))
  process.exit(0)
}
const results = await runAll()
const lines = results.map(result => jsonOf(result, origin))
if (!flags.json) {
  console.log(`${resultTable(results)}\n\n${origin.machine}, Node.js ${origin.node}, ${origin.commit}\n`)
}
for (const line of lines) console.log(line)
process.exit(results.some(result => 'failed' in result) ? 1 : 0)

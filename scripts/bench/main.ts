/**
 * `npm run bench`: each budget of the design that can be measured on one machine, with the bare figure of the same run.
 *
 * Flags: `--quick` (a tenth of the ops, about a minute), `--only NAME` (one measurement), `--json` (lines only). A missed
 * budget is printed as missed and changes no exit code: whether a machine is quiet enough to judge, people decide.
 */
import '../../src/polyfills.js'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { table } from '../../src/cli/table.js'
import type { Line } from './harness.js'
import { scaleOf } from './harness.js'

const { values: flags } = parseArgs({
  options: { quick: { type: 'boolean' }, only: { type: 'string' }, json: { type: 'boolean' } }
})
const { localBenches } = await import('./local.js')
const { networkBenches } = await import('./network.js')
const { deliveryBenches } = await import('./delivery.js')
const benches = [...localBenches, ...networkBenches, ...deliveryBenches]
const chosen = benches.filter(bench => flags.only === undefined || bench.name === flags.only)
if (chosen.length === 0) {
  console.error(`no measurement is named ${flags.only}: ${benches.map(bench => bench.name).join(', ')}`)
  process.exit(2)
}

const scale = scaleOf(flags.quick === true)
const lines: Line[] = []
for (const bench of chosen) {
  if (flags.json !== true) console.error(`${bench.name} …`)
  try {
    lines.push(...(await bench.run(scale)))
  } catch (error) {
    lines.push({ what: bench.name, budget: '-', measured: 'failed', ok: false, note: String(error) })
  }
}

const [cpu] = cpus()
if (flags.json !== true) {
  console.log(
    table(
      [
        { title: 'WHAT' },
        { title: 'BUDGET' },
        { title: 'MEASURED', right: true },
        { title: 'BARE', right: true },
        { title: 'RATIO', right: true },
        { title: '' }
      ],
      lines.map(line => [
        line.what,
        line.budget,
        line.measured,
        line.bare ?? '-',
        line.ratio?.toFixed(2) ?? '-',
        line.ok ? 'ok' : 'MISSED'
      ]),
      Number.POSITIVE_INFINITY
    )
  )
  console.log(
    `\n${cpus().length} × ${cpu?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node.js ${process.versions.node}\n`
  )
}
for (const line of lines) console.log(JSON.stringify(line))
process.exit(0)

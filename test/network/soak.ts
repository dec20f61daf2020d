/**
 * `npm run soak -- --minutes 10 [--nodes 3] [--seed N]`: nodes as processes under load and random faults. Prints a line
 * every 30 s; exits 1 on any violation, with the seed. The same seed gives the same faults, at the pace of the machine.
 */
import { parseArgs } from 'node:util'
import { testSeed } from '../support/random.js'
import { runSoak } from './soak-run.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    nodes: { type: 'string', default: '3' },
    seed: { type: 'string' }
  }
})
const minutes = Number(values.minutes)
const nodes = Number(values.nodes)
if (!(minutes > 0) || !Number.isInteger(nodes) || nodes < 2) {
  console.error('usage: npm run soak -- --minutes 10 [--nodes 3, at least 2] [--seed N]')
  process.exit(2)
}
const seed = values.seed === undefined ? testSeed('soak') : Number(values.seed)
const startedAt = performance.now()
const tell = (line: string): void => {
  console.log(`${((performance.now() - startedAt) / 60_000).toFixed(1)} min: ${line}`)
}

const violations = await runSoak({ forMs: minutes * 60_000, nodes, seed, tell })
for (const violation of violations) console.error(`VIOLATION ${violation}`)
if (violations.length > 0) {
  console.error(`again: npm run soak -- --minutes ${minutes} --nodes ${nodes} --seed ${seed}`)
}
process.exit(violations.length > 0 ? 1 : 0)

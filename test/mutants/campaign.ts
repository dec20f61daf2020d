/**
 * One campaign, in a process of its own: seeds of the simulator one after the other, up to the first that fails. Runs
 * from whatever compiled tree it stands in, and says in one line of JSON what came of it.
 */
import { runSeed } from '../simulation/simulate.js'

export interface Verdict {
  /** Seeds that were run. */
  readonly seeds: number
  /** The seed that failed, and the property it broke. */
  readonly failed?: { readonly seed: number; readonly property: string; readonly message: string }
}

const [from = 1, to = 100] = process.argv.slice(2).map(Number)
let verdict: Verdict = { seeds: to - from + 1 }
for (let seed = from; seed <= to; seed++) {
  const { ok, failure } = await runSeed(seed)
  if (ok || failure === undefined) continue
  verdict = { seeds: seed - from + 1, failed: { seed, ...failure } }
  break
}
process.stdout.write(`${JSON.stringify(verdict)}\n`)

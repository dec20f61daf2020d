/**
 * The planted bugs: one-line changes of the product, each of which breaks a promise. `npm run mutants` plants them one at
 * a time and expects the campaign to notice; what the simulator cannot see is caught by the test file named in the entry.
 *
 * A bug that nothing catches shows a checker, a workload or a fault that is too weak. One that changes nothing anybody
 * can see does not belong here.
 */
import { readFileSync } from 'node:fs'
import { DELIVERY_MUTANTS } from './delivery-mutants.js'
import { EXCHANGE_MUTANTS } from './exchange-mutants.js'
import { HOSTING_MUTANTS } from './hosting-mutants.js'
import type { Mutant } from './mutant.js'
import { STORE_MUTANTS } from './store-mutants.js'

export const MUTANTS: readonly Mutant[] = [
  ...STORE_MUTANTS,
  ...EXCHANGE_MUTANTS,
  ...DELIVERY_MUTANTS,
  ...HOSTING_MUTANTS
]

/** The source with the bug in it. Throws when the text that it replaces is not there exactly once. */
export function plant({ name, file, find, replace }: Mutant): string {
  const source = readFileSync(file, 'utf8')
  const parts = source.split(find)
  if (parts.length !== 2) {
    throw new Error(`${name}: ${JSON.stringify(find)} stands ${parts.length - 1} times in ${file}`)
  }
  return parts.join(replace)
}

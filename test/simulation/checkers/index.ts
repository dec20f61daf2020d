/** The checkers of a run, one property each, and the ledger that they share. */
import type { Checker } from '../world.js'
import { chain } from './chain.js'
import { clocks } from './clocks.js'
import { convergence } from './convergence.js'
import { digests } from './digests.js'
import { durable } from './durable.js'
import { economy } from './economy.js'
import { effectOnce } from './effect-once.js'
import { frames } from './frames.js'
import { Ledger } from './ledger.js'
import { liveness } from './liveness.js'
import { memory } from './memory.js'
import { names } from './names.js'
import { phantom } from './phantom.js'
import { positions } from './positions.js'
import { atomic, readBytes, returned } from './reads.js'
import { receipts } from './receipts.js'
import { resources } from './resources.js'
import { verified } from './verified.js'
import { writers } from './writers.js'

/** For one run: they remember. The first takes in each event for all others. */
export function createCheckers(): Checker[] {
  const ledger = new Ledger()
  return [
    { name: 'ledger', onEvent: (event, world) => ledger.take(event, world) },
    chain(ledger),
    names(ledger),
    writers(ledger),
    phantom(ledger),
    durable(ledger),
    positions(ledger),
    receipts(ledger),
    digests(ledger),
    effectOnce(ledger),
    atomic(ledger),
    returned(ledger),
    readBytes(ledger),
    frames(),
    clocks(ledger),
    memory(),
    economy(),
    resources(),
    liveness(),
    convergence(ledger),
    verified()
  ]
}

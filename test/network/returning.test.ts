/** Peers that are away and come back; see returning.ts. */
import { afterEach, test } from 'node:test'
import { Fleet } from '../support/peer-process.js'
import { absence, lockStep } from './returning.js'

let fleet = new Fleet()
afterEach(async () => {
  await fleet.end()
  fleet = new Fleet()
})

test('an address where nobody answered for 5 s is connected within the back-off, and a peer killed as long has all', async t => {
  await absence(fleet, { awayMs: 5000, tell: line => t.diagnostic(line) })
})

test('four nodes killed and started at the same moment are equal within 60 s', async t => {
  await lockStep(fleet, { nodes: 4, withinMs: 60_000, tell: line => t.diagnostic(line) })
})

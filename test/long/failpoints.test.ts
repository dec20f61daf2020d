/** Deaths at every failpoint, at each of its first passings under load. */
import { test } from 'node:test'
import { atEachFailpoint, crashes } from '../network/failpoint-cases.js'
import { Fleet } from '../support/peer-process.js'

/** Consecutive passings: what one of them is amid differs by what the group commit took. */
const PASSINGS = Array.from({ length: 12 }, (_, i) => i + 1)

test('a process killed at any of the first passings of any failpoint has lost nothing acknowledged and made nothing twice', async t => {
  const fleet = new Fleet()
  try {
    await atEachFailpoint(fleet, crashes(PASSINGS, { stops: true }), ({ name, passing }, what) =>
      t.diagnostic(`${name}:${passing}: ${what}`)
    )
  } finally {
    await fleet.end()
  }
})

/** A real process dies at every failpoint under load, beside two others that live. */
import { test } from 'node:test'
import { Fleet } from '../support/peer-process.js'
import { atEachFailpoint, crashes } from './failpoint-cases.js'

test('a process killed at any failpoint serves again, has lost nothing acknowledged and made nothing twice', async t => {
  const fleet = new Fleet()
  try {
    await atEachFailpoint(fleet, crashes([2], { stops: false }), ({ name, passing }, what) =>
      t.diagnostic(`${name}:${passing}: ${what}`)
    )
  } finally {
    await fleet.end()
  }
})

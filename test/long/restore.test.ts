/** The whole campaigns of restoring, on real processes: `npm run test:long`. */
import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { afterEach, test } from 'node:test'
import { checkSignedOnce } from '../network/logs.js'
import { PUT_BACK_HOLDS, putBackCase, replaceBy, stopAll } from '../network/restore-cases.js'
import { connectedTo, equalDigests } from '../support/cluster.js'
import { Fleet } from '../support/peer-process.js'

const ROUNDS = 100

let fleet = new Fleet()
afterEach(async () => {
  await fleet.end()
  fleet = new Fleet()
})

test(`an old copy put back as a whole, ${PUT_BACK_HOLDS}`, () => putBackCase(fleet, replaceBy))

test(`one old copy put back ${ROUNDS} times, each time writing a little: nothing is lost, no name is signed twice, one tip is left`, async () => {
  let a = await fleet.start('a')
  const b = await fleet.start('b', ['--bootstrap', a.addr])
  await connectedTo(b, 1)
  await a.put('first', 0)
  await equalDigests([a, b])
  await a.stop()
  const old = await fleet.dir('old')
  await cp(a.init.dataDir, old, { recursive: true })
  for (let round = 1; round <= ROUNDS; round++) {
    await replaceBy(old, a.init.dataDir)
    a = await fleet.restart(a, round % 2 === 0 ? ['--bootstrap', b.addr] : [])
    await a.put(`round-${round}`, round)
    await a.put('shared', round)
    if (round % 2 === 0) await equalDigests([a, b])
    await a.stop()
  }
  a = await fleet.restart(a, ['--bootstrap', b.addr])
  await equalDigests([a, b])
  await a.put('last', 1)
  await equalDigests([a, b])
  // Odd rounds met nobody before the copy was put back over them: a lost disk takes with it what nobody else had.
  for (let round = 2; round <= ROUNDS; round += 2) assert.equal(await b.value(`round-${round}`), round)
  await stopAll(a, b)
  const { tips, epochs } = await checkSignedOnce([a.init.dataDir, b.init.dataDir])
  assert.equal(tips.get(a.peerId), 1)
  assert.ok(epochs.get(a.peerId)! >= ROUNDS / 2)
})

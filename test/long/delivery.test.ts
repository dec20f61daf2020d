/** The campaigns of the delivery outbox in full: two hundred SIGKILLs, a million operations that wait, a thousand seeds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killSenders } from '../delivery/crashes.js'
import { costOfTicks } from '../delivery/scale.js'
import { deliveryCampaign } from '../simulation/delivery-campaign.js'
import { testSeed } from '../support/random.js'

test('200 SIGKILLs lose no operation and send none again after its end', async t => {
  const killed = await killSenders(testSeed('kills of senders'), 200)
  t.diagnostic(JSON.stringify(killed))
  assert.ok(killed.operations > 0 && killed.repeated > 0)
})

test('a tick costs the same beside a million operations that wait as beside a thousand', async t => {
  const [few, many] = [await costOfTicks(1_000), await costOfTicks(1_000_000)]
  t.diagnostic(JSON.stringify({ few, many }))
  assert.deepEqual(many, few)
})

test('a thousand seeds of the simulator', async t => {
  t.diagnostic(JSON.stringify(await deliveryCampaign(3_000_000, 1_000)))
})

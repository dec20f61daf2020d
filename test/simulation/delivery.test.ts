/** The outbox in the simulator: seeds with every fault, a seed twice, and the canary of its checker. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeliveryEvent } from './checkers/delivery.js'
import { DeliveryChecker } from './checkers/delivery.js'
import { deliveryCampaign } from './delivery-campaign.js'
import { PropertyBroken } from './world.js'

/** The first of the seeds. */
const BASE = 2_000_000
const SEEDS = 40

test(`${SEEDS} seeds from ${BASE} on: done exactly once, nothing lost, and every fault happened`, async t => {
  t.diagnostic(JSON.stringify(await deliveryCampaign(BASE, SEEDS)))
})

const id = 'op'
const call: DeliveryEvent = { type: 'call', id, attempt: 1, claimed: true }
const over: DeliveryEvent = { type: 'call-over', id }
const taken: DeliveryEvent = { type: 'received', id, answer: 'taken' }
const acknowledged: DeliveryEvent = { type: 'acknowledged', id }
const sent: DeliveryEvent = { type: 'told', id, what: 'sent' }
const done: DeliveryEvent = { type: 'found', id, status: 'done', queue: 'a', position: 1 }
const good = [acknowledged, call, taken, over, sent, done]

function check(events: readonly DeliveryEvent[]): void {
  const checker = new DeliveryChecker()
  for (const event of events) checker.take(event)
  checker.atEnd()
}

test('the checker takes a history in which all holds, and none in which something does not', () => {
  check(good)
  check([acknowledged, call, over, call, taken, over, done])
  const before = good.map(event => ({ ...event, id: 'before' })) as DeliveryEvent[]
  const later: DeliveryEvent = { ...done, id: 'before', position: 2 } as DeliveryEvent
  const broken: readonly (readonly DeliveryEvent[])[] = [
    [acknowledged, { ...call, claimed: false } as DeliveryEvent, taken, over, sent, done],
    [acknowledged, call, call, taken, over, done],
    [...good.slice(0, -1), call, done],
    [acknowledged],
    [acknowledged, call, over, { ...done, status: 'pending' } as DeliveryEvent],
    [acknowledged, call, over, done],
    [acknowledged, call, over, { ...done, status: 'permanent-failed' } as DeliveryEvent],
    [...before.slice(0, -1), later, ...good]
  ]
  for (const [at, events] of broken.entries())
    assert.throws(() => check(events), PropertyBroken, `history ${at}`)
})

/** Why an operation is not sent now: every reason, alone and with others, in the order in which to look at them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Explanation, Operation } from '../../src/delivery/index.js'
import { HINDRANCES, type Sender, whyNotSent } from '../../src/delivery/why-not-sent.js'

const NOW = 1_700_000_000_000
const SERVER = 'http://a.example'

function operation(fields: Partial<Operation> = {}): Operation {
  return {
    id: '2',
    kind: 'http.post',
    target: `${SERVER}/x`,
    payload: undefined,
    idempotencyKey: '2',
    ordered: true,
    createdAtMs: NOW - 5000,
    updatedAtMs: NOW - 5000,
    attempt: 0,
    nextRetryAtMs: null,
    status: 'pending',
    lastError: null,
    owner: null,
    ...fields
  }
}

const online: Sender = { allowed: true, server: SERVER, offlineSinceMs: null }
const offline: Sender = { ...online, offlineSinceMs: NOW - 180_000 }
const base = { id: '2', status: 'pending' as const, text: 'as the outbox says' }
const due: Explanation = { ...base, reason: 'due' }
const behind: Explanation = { ...base, reason: 'waits-for-target', behind: '1' }
const later: Explanation = { ...base, reason: 'waits-for-retry', atMs: NOW + 700 }
const held: Explanation = { ...base, reason: 'in-flight', atMs: NOW - 300, owner: 'me' }

function reasons(found: Explanation, sender: Sender | undefined, op = operation(), nowMs = NOW): string[] {
  return whyNotSent(op, found, { nowMs, sender }).map(({ reason }) => reason)
}

test('nothing holds up what is due while its server is there', () => {
  assert.deepEqual(whyNotSent(operation(), due, { nowMs: NOW, sender: online }), [])
})

test('each reason says what it knows', () => {
  const why = (found: Explanation, sender: Sender | undefined) =>
    whyNotSent(operation(), found, { nowMs: NOW, sender })
  assert.deepEqual(why(due, offline), [
    {
      reason: 'offline',
      text: `${SERVER} cannot be reached, for 3 min now; it is sent as soon as that is over`,
      sinceAt: new Date(NOW - 180_000).toISOString()
    }
  ])
  assert.deepEqual(why(behind, online), [{ reason: 'waits-for-target', text: base.text, behind: '1' }])
  assert.deepEqual(why(later, online), [
    { reason: 'waits-for-retry', text: base.text, untilAt: new Date(NOW + 700).toISOString(), dueInMs: 700 }
  ])
  assert.deepEqual(why(held, online), [
    { reason: 'in-flight', text: base.text, sinceAt: new Date(NOW - 300).toISOString(), owner: 'me' }
  ])
  assert.match(why(due, { ...online, allowed: false })[0]!.text, /does not deliver to http:\/\/a\.example\/x/)
})

test('several at once stand in the order in which to look at them', () => {
  assert.deepEqual(reasons(behind, offline), ['offline', 'waits-for-target'])
  assert.deepEqual(reasons(later, offline), ['offline', 'waits-for-retry'])
  assert.deepEqual(reasons(behind, undefined), ['nobody-sends', 'waits-for-target'])
  assert.deepEqual(reasons(held, undefined), ['in-flight', 'nobody-sends'])
  assert.deepEqual(reasons(held, offline), ['in-flight'], 'somebody has it: its server is not the question')
  const elsewhere = { ...offline, allowed: false }
  assert.deepEqual(
    reasons(due, elsewhere),
    ['target-not-allowed'],
    'whether its server is there does not matter'
  )
})

test('what is final is that, whoever sends', () => {
  for (const reason of ['done', 'gave-up'] as const) {
    for (const sender of [online, offline, undefined])
      assert.deepEqual(reasons({ ...base, reason, atMs: NOW }, sender), [reason])
  }
})

test('a clock that went back is told where it makes anything wait', () => {
  const op = operation({ updatedAtMs: NOW })
  assert.deepEqual(reasons(later, online, op, NOW - 3_600_000), ['waits-for-retry', 'clock-went-back'])
  assert.deepEqual(reasons(due, online, op, NOW - 3_600_000), [])
  assert.deepEqual(reasons(later, online, op, NOW - 1000), ['waits-for-retry'], 'a second is nothing')
  const [, clock] = whyNotSent(op, later, { nowMs: NOW - 3_600_000, sender: online })
  assert.match(clock!.text, /60 min further/)
})

test('every reason is listed once', () => {
  assert.equal(new Set(HINDRANCES).size, HINDRANCES.length)
})

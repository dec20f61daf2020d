/** What the doctor says of a delivery outbox, driven to each finding by a clock that the test moves. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { DoctorCheck } from '../../src/base/index.js'
import { NatterError, withLimits } from '../../src/base/index.js'
import { AllowedTargets } from '../../src/delivery/allowed-targets.js'
import { Outbox } from '../../src/delivery/index.js'
import { DeliveryDesk } from '../../src/node/delivery/desk.js'
import { admit } from '../../src/node/delivery/host.js'
import { Doctor, type DoctorParts } from '../../src/node/doctor/index.js'
import { PeerBook } from '../../src/node/peer-book.js'
import { closeStore, HandClock, storeOf } from '../store/harness.js'

const SERVER = 'http://a.example'

async function patient(t: TestContext) {
  const clock = new HandClock()
  const [store, outbox] = [await storeOf(1, { clock }), await Outbox.open({ clock })]
  t.after(async () => {
    await outbox.close()
    await closeStore(store)
  })
  const state = { offlineSinceMs: null as number | null }
  const targets = new AllowedTargets([SERVER])
  const senders = {
    urls: targets.urls,
    admit: (op: Parameters<typeof admit>[0]) => admit(op, targets),
    formOf: (target: string) => targets.formOf(target),
    senderOf: () => ({ allowed: true, server: SERVER, offlineSinceMs: state.offlineSinceMs }),
    offline: () => (state.offlineSinceMs === null ? [] : [{ server: SERVER, sinceMs: state.offlineSinceMs }])
  }
  const node = {
    book: new PeerBook(store, () => undefined),
    membership: () => undefined,
    paused: () => true,
    join: {},
    served: () => []
  }
  const look = async (
    delivery: DoctorParts['delivery'],
    isRunning = true
  ): Promise<DoctorCheck | undefined> => {
    const doctor = new Doctor({
      store,
      clock,
      limits: withLimits(),
      network: 'test',
      settings: { get: () => ({}), update: async () => undefined },
      directory: undefined,
      delivery,
      ...(isRunning && { node })
    })
    const report = await doctor.examine()
    doctor.close()
    assert.ok(
      !report.leftOut.some(({ name }) => name === 'delivery'),
      'where there is none, nothing is said of it'
    )
    return report.checks.find(({ name }) => name === 'delivery')
  }
  const desk = new DeliveryDesk({ outbox, clock, senders })
  const looked = async (): Promise<DoctorCheck> => {
    const check = await look(desk)
    assert.ok(check !== undefined)
    return check
  }
  return { clock, outbox, desk, state, look, looked }
}

test('a node without an outbox has no such check', async t => {
  const { look } = await patient(t)
  assert.equal(await look(undefined), undefined)
})

test('what waits is well at first, then a warning: with its server away, for long, and given up', async t => {
  const { clock, outbox, desk, state, looked } = await patient(t)
  const empty = await looked()
  assert.deepEqual([empty.status, empty.evidence], ['ok', 'nothing waits'])
  await desk.add({ kind: 'http.post', target: '/x', id: '1' })
  clock.ms += 60_000
  const young = await looked()
  assert.deepEqual([young.status, young.evidence], ['ok', '1 operation waiting, the oldest for 60 s'])

  state.offlineSinceMs = clock.ms - 30_000
  const away = await looked()
  assert.equal(away.status, 'warn')
  assert.match(away.evidence, /1 operation waiting[^\n]*\nhttp:\/\/a\.example cannot be reached, for 30 s$/)
  assert.match(away.remedy ?? '', /server runs/)
  state.offlineSinceMs = null

  clock.ms += 300_000
  const old = await looked()
  assert.equal(old.status, 'warn')
  assert.match(old.remedy ?? '', /natter delivery show/)

  await outbox.claim('1', clock.ms)
  await outbox.fail('1', 'HTTP 404', { retryable: false, nowMs: clock.ms })
  const lost = await looked()
  assert.deepEqual(
    [lost.status, lost.evidence],
    ['warn', `1 operation given up; nothing waits\n1 to ${SERVER}/x: HTTP 404`]
  )
  assert.match(lost.remedy ?? '', /natter delivery retry --all/)
  const { counts, gaveUp } = lost.details as { counts: object; gaveUp: { id: string }[] }
  assert.deepEqual(counts, { pending: 0, inflight: 0, failed: 0, done: 0, 'permanent-failed': 1 })
  assert.equal(gaveUp[0]?.id, '1')
})

test('a directory whose node does not run: what waits is not sent, and an outbox that cannot be opened is a failure', async t => {
  const { outbox, clock, look } = await patient(t)
  await outbox.enqueue({ kind: 'x', target: 'y' }, clock.ms)
  const desk = new DeliveryDesk({ outbox, clock })
  const idle = await look(desk, false)
  assert.equal(idle?.status, 'warn')
  assert.match(idle.evidence, /no node sends them/)
  assert.match(idle.remedy ?? '', /natter up --deliver-to URL/)
  const failed = await look(Promise.reject(new NatterError('STORE_DAMAGED', 'the outbox is damaged')))
  assert.equal(failed?.status, 'fail')
  assert.match(failed.evidence, /the outbox is damaged/)
})

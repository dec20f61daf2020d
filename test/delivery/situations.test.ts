/** The classic situations of an outbox, by a clock that the test gives. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NetworkProbe, RecordingTransport, SyncEngine, SyncWorker } from '../../src/delivery/index.js'
import { history, known, withOutbox } from './with-outbox.js'

const message = { kind: 'http.post', target: '/api/messages', payload: { text: 'hello' } }

describe('an operation', () => {
  it('is sent and done', () =>
    withOutbox(async ({ outbox }) => {
      const transport = new RecordingTransport()
      const engine = new SyncEngine({ outbox, transport })
      const id = await outbox.enqueue(message, 1_000)
      assert.equal((await known(outbox, id)).status, 'pending')
      assert.equal(await engine.tick(2_000), 1)
      const op = await known(outbox, id)
      assert.equal(op.status, 'done')
      assert.equal(op.attempt, 1)
      assert.equal(op.createdAtMs, 1_000)
      assert.equal(op.updatedAtMs, 2_000)
      assert.equal(op.owner, null)
      assert.deepEqual(transport.calls[0]?.payload, message.payload)
      assert.equal(transport.calls[0]?.idempotencyKey, id)
      assert.equal(await engine.tick(3_000), 0)
      assert.equal(transport.callCount(), 1)
      assert.deepEqual(await history(outbox, id), ['put', 'claim', 'done'])
    }))

  it('that fails is retried after the delay and not before, and then done', () =>
    withOutbox(async ({ outbox }) => {
      const transport = new RecordingTransport()
      transport.setDefault({ ok: false, retryable: true })
      const engine = new SyncEngine({ outbox, transport })
      const id = await outbox.enqueue(message, 0)
      assert.equal(await engine.tick(0), 1)
      const op = await known(outbox, id)
      assert.equal(op.status, 'failed')
      assert.equal(op.nextRetryAtMs, 500)
      assert.equal(op.lastError, 'simulated failure')
      transport.setDefault({ ok: true, retryable: true })
      assert.equal(await engine.tick(499), 0)
      assert.equal(await engine.tick(500), 1)
      assert.equal((await known(outbox, id)).status, 'done')
      assert.equal((await known(outbox, id)).attempt, 2)
      assert.deepEqual(await history(outbox, id), ['put', 'claim', 'failed', 'claim', 'done'])
    }))

  it('waits twice as long after each failure, up to the longest delay', () =>
    withOutbox(
      async ({ outbox }) => {
        const transport = new RecordingTransport()
        transport.setDefault({ ok: false, retryable: true })
        const engine = new SyncEngine({ outbox, transport })
        const id = await outbox.enqueue(message, 0)
        const delays: number[] = []
        for (let nowMs = 0; delays.length < 5; ) {
          assert.equal(await engine.tick(nowMs), 1)
          const { nextRetryAtMs } = await known(outbox, id)
          delays.push(nextRetryAtMs! - nowMs)
          nowMs = nextRetryAtMs!
        }
        assert.deepEqual(delays, [500, 1_000, 2_000, 4_000, 5_000])
      },
      { retry: { jitterRatio: 0, maxDelayMs: 5_000 } }
    ))

  it('that cannot succeed is never sent again', () =>
    withOutbox(async ({ outbox, reopen }) => {
      const transport = new RecordingTransport()
      transport.setRuleForTarget('/api/messages', { ok: false, retryable: false, error: 'no such route' })
      const id = await outbox.enqueue(message, 0)
      assert.equal(await new SyncEngine({ outbox, transport }).tick(0), 1)
      const op = await known(outbox, id)
      assert.equal(op.status, 'permanent-failed')
      assert.equal(op.lastError, 'no such route')
      const again = await reopen()
      const engine = new SyncEngine({ outbox: again, transport })
      for (const nowMs of [1_000, 1_000_000, 100_000_000]) assert.equal(await engine.tick(nowMs), 0)
      assert.equal(transport.callCount(), 1)
      assert.deepEqual(await history(again, id), ['put', 'claim', 'permanent-failed'])
    }))

  it('whose owner died is taken over after the timeout and done', () =>
    withOutbox(async ({ outbox, reopen }) => {
      const id = await outbox.enqueue(message, 0)
      assert.equal(await outbox.claim(id, 100), true)
      assert.equal(await outbox.claim(id, 100), false)
      const again = await reopen({ owner: 'two' })
      const transport = new RecordingTransport()
      const engine = new SyncEngine({ outbox: again, transport, inflightTimeoutMs: 10_000 })
      assert.equal(await engine.tick(10_099), 0)
      assert.equal((await known(again, id)).owner, 'one')
      assert.equal(await engine.tick(10_100), 1)
      const op = await known(again, id)
      assert.equal(op.status, 'done')
      assert.equal(op.attempt, 2)
      assert.deepEqual(await history(again, id), ['put', 'claim', 'failed', 'claim', 'done'])
    }))

  it('waits while the network is away, and is sent when it is back', () =>
    withOutbox(async ({ outbox }) => {
      const transport = new RecordingTransport()
      let online = false
      const engine = new SyncEngine({ outbox, transport, probe: new NetworkProbe(() => online) })
      const id = await outbox.enqueue(message, 0)
      assert.equal(await engine.tick(0), 0)
      assert.equal(transport.callCount(), 0)
      assert.equal((await known(outbox, id)).status, 'pending')
      assert.equal((await known(outbox, id)).attempt, 0)
      online = true
      assert.equal(await engine.tick(1), 1)
      assert.equal((await known(outbox, id)).status, 'done')
    }))

  it('is given up when its attempts are used up', () =>
    withOutbox(
      async ({ outbox }) => {
        const transport = new RecordingTransport()
        transport.setRuleForKind('http.post', { ok: false, retryable: true, error: 'busy' })
        const engine = new SyncEngine({ outbox, transport })
        const id = await outbox.enqueue(message, 0)
        for (const nowMs of [0, 100_000, 200_000]) assert.equal(await engine.tick(nowMs), 1)
        const op = await known(outbox, id)
        assert.equal(op.status, 'permanent-failed')
        assert.equal(op.attempt, 3)
        assert.equal(op.lastError, 'busy')
        assert.equal(await engine.tick(100_000_000), 0)
      },
      { retry: { maxAttempts: 3, jitterRatio: 0 } }
    ))

  it('is there after a reopening, as are a hundred', () =>
    withOutbox(async ({ outbox, reopen }) => {
      const ids = await Promise.all(
        Array.from({ length: 100 }, (_, i) => outbox.enqueue({ ...message, payload: i }, i))
      )
      const again = await reopen()
      const pending = await again.list({ status: 'pending' })
      assert.deepEqual(
        pending.map(op => op.id),
        ids
      )
      assert.deepEqual(
        pending.map(op => op.payload),
        Array.from({ length: 100 }, (_, i) => i)
      )
      const transport = new RecordingTransport()
      const worker = new SyncWorker({ outbox: again, transport, batchLimit: 1_000 })
      assert.equal(await worker.tick(1_000), 100)
      assert.deepEqual(
        transport.calls.map(op => op.id),
        ids
      )
    }))
})

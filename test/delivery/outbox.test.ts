/** The outbox by its contract: what it refuses, what it keeps, what it tells, and what a directory may meet. */
import '../../src/polyfills.js'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ErrorCode } from '../../src/base/index.js'
import { isNatterError } from '../../src/base/index.js'
import type { NewOperation } from '../../src/delivery/index.js'
import { Outbox, RecordingTransport, SyncWorker } from '../../src/delivery/index.js'
import { createNode } from '../../src/node.js'
import { history, known, records, withOutbox } from './with-outbox.js'

const op = { kind: 'http.post', target: '/inbox' }
const is =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    isNatterError(error, code)

describe('enqueue', () => {
  it('refuses what is no operation, and changes nothing', () =>
    withOutbox(async ({ outbox }) => {
      const bad: unknown[] = [
        undefined,
        {},
        { kind: 'k' },
        { target: 't' },
        { kind: '', target: 't' },
        { kind: 'k', target: 7 },
        { ...op, id: '' },
        { ...op, id: 'x'.repeat(257) },
        { ...op, idempotencyKey: '\ud800' },
        { ...op, ordered: false },
        { ...op, payload: () => 1 },
        { ...op, payload: 1n },
        { ...op, target: 't'.repeat(2_049) }
      ]
      for (const one of bad)
        await assert.rejects(
          outbox.enqueue(one as NewOperation),
          is('INVALID_ARGUMENT'),
          JSON.stringify(one, String)
        )
      const large = [new Uint8Array(2 ** 20 + 1), 'é'.repeat(2 ** 19 + 1), ['x'.repeat(2 ** 20)]]
      for (const payload of large)
        await assert.rejects(outbox.enqueue({ ...op, payload }), is('PAYLOAD_TOO_LARGE'))
      await assert.rejects(outbox.enqueue(op, Number.NaN), TypeError)
      assert.deepEqual(await outbox.list(), [])
      assert.deepEqual(await records(outbox), [])
    }))

  it('keeps texts, bytes, JSON and nothing apart, up to a mebibyte', () =>
    withOutbox(async ({ outbox, reopen }) => {
      const payloads = [
        'text',
        '',
        '{"a":1}',
        new Uint8Array([0, 255]),
        new Uint8Array(2 ** 20),
        { a: [1, null, 'é'] },
        null,
        false,
        0,
        undefined
      ]
      const ids: string[] = []
      for (const payload of payloads) ids.push(await outbox.enqueue({ ...op, payload }))
      const again = await reopen()
      for (const [at, payload] of payloads.entries()) {
        const { payload: kept } = await known(again, ids[at]!)
        assert.deepEqual(kept, payload)
        assert.equal(kept instanceof Uint8Array, payload instanceof Uint8Array)
      }
    }))

  it('takes bytes as they are at the call', () =>
    withOutbox(async ({ outbox }) => {
      const payload = new Uint8Array([1])
      const made = outbox.enqueue({ ...op, payload })
      payload[0] = 2
      assert.deepEqual((await known(outbox, await made)).payload, new Uint8Array([1]))
    }))

  it('answers a known id with the same content, whatever became of it, and refuses other content', () =>
    withOutbox(async ({ outbox, reopen }) => {
      const given = { ...op, id: 'mine', payload: { a: 1 } }
      assert.equal(await outbox.enqueue(given), 'mine')
      const twice = [
        outbox.enqueue(given),
        outbox.enqueue({ ...op, id: 'both' }),
        outbox.enqueue({ ...op, id: 'both' })
      ]
      assert.deepEqual(await Promise.all(twice), ['mine', 'both', 'both'])
      const transport = new RecordingTransport()
      await new SyncWorker({ outbox, transport }).tick()
      assert.equal(transport.callCount(), 2)
      const again = await reopen()
      assert.equal(await again.enqueue(given), 'mine')
      assert.equal((await known(again, 'mine')).status, 'done')
      const others: NewOperation[] = [
        { ...given, payload: { a: 2 } },
        { ...given, payload: '{"a":1}' },
        { ...given, kind: 'http.put' },
        { ...given, target: '/other' },
        { ...given, idempotencyKey: 'else' }
      ]
      for (const other of others) await assert.rejects(again.enqueue(other), is('ID_REUSED'))
      await assert.rejects(again.enqueue(given, undefined, { ordered: false }), is('ID_REUSED'))
      assert.deepEqual(await history(again, 'mine'), ['put', 'claim', 'done'])
    }))
})

describe('claims', () => {
  it('are answered false unless the operation is due and held by nobody', () =>
    withOutbox(async ({ outbox }) => {
      const first = await outbox.enqueue(op, 0)
      const second = await outbox.enqueue(op, 0)
      const other = await outbox.enqueue(op, 0, { ordered: false })
      assert.equal(await outbox.claim('nobody', 0), false)
      assert.equal(await outbox.claim(second, 0), false)
      const racing = [outbox.claim(first, 0), outbox.as('two').claim(first, 0), outbox.claim(first, 0)]
      assert.deepEqual(await Promise.all(racing), [true, false, false])
      assert.equal(await outbox.claim(second, 0), false)
      assert.equal(await outbox.claim(other, 0), true)
      assert.equal((await known(outbox, first)).owner, 'one')
    }))

  it('are ended by their owner and attempt only', () =>
    withOutbox(async ({ outbox }) => {
      const id = await outbox.enqueue(op, 0)
      await assert.rejects(outbox.complete(id, 0), is('OPERATION_NOT_HELD'))
      await outbox.claim(id, 0)
      await assert.rejects(outbox.as('two').complete(id, 0), is('OPERATION_NOT_HELD'))
      await assert.rejects(outbox.as('two').fail(id, 'no', { nowMs: 0 }), is('OPERATION_NOT_HELD'))
      await assert.rejects(outbox.complete(id, 0, { attempt: 2 }), is('OPERATION_NOT_HELD'))
      await outbox.complete(id, 0, { attempt: 1 })
      await assert.rejects(outbox.fail(id, 'late', { nowMs: 1 }), is('OPERATION_NOT_HELD'))
      assert.equal((await known(outbox, id)).status, 'done')
      for (const call of [outbox.complete('x'), outbox.fail('x', 'no'), outbox.retry('x'), outbox.drop('x')])
        await assert.rejects(call, is('NOT_FOUND'))
      await assert.rejects(outbox.explain('x'), is('NOT_FOUND'))
      assert.equal(await outbox.get('x'), undefined)
    }))

  it('are not given up by a clock that was set back, nor waited for longer than twice the timeout', () =>
    withOutbox(async ({ outbox }) => {
      const transport = new RecordingTransport()
      const worker = new SyncWorker({ outbox, transport, inflightTimeoutMs: 1_000 })
      const id = await outbox.enqueue(op, 100_000)
      await outbox.claim(id, 100_000)
      assert.equal(await worker.tick(99_500), 0)
      assert.equal((await known(outbox, id)).status, 'inflight')
      assert.equal(await worker.tick(50_000), 1)
      assert.equal((await known(outbox, id)).status, 'done')
    }))
})

describe('the order of a target', () => {
  it('is that of the enqueueing, holds up nobody else, and goes on when one is given up', () =>
    withOutbox(async ({ outbox }) => {
      const transport = new RecordingTransport()
      transport.setRuleForTarget('/down', { ok: false })
      const names = ['/down', '/up', '/down', '/up', '/up']
      const ids: string[] = []
      for (const target of names) ids.push(await outbox.enqueue({ kind: 'k', target }, 0))
      const free = await outbox.enqueue({ kind: 'k', target: '/down' }, 0, { ordered: false })
      const worker = new SyncWorker({ outbox, transport })
      assert.equal(await worker.tick(0), 5)
      const sent = transport.calls.map(call => call.id)
      assert.deepEqual(
        sent.filter(id => names[ids.indexOf(id)] === '/up'),
        [ids[1], ids[3], ids[4]]
      )
      assert.ok(sent.includes(free) && !sent.includes(ids[2]!))
      transport.setRuleForTarget('/down', { ok: false, retryable: false })
      await worker.tick(1_000)
      assert.equal((await known(outbox, ids[0]!)).status, 'permanent-failed')
      assert.equal((await known(outbox, ids[2]!)).status, 'permanent-failed')
    }))

  it('gives one that is retried by hand its old place', () =>
    withOutbox(async ({ outbox }) => {
      const [a, b, c] = [
        await outbox.enqueue(op, 0),
        await outbox.enqueue(op, 0),
        await outbox.enqueue(op, 0)
      ]
      await outbox.claim(a, 0)
      await outbox.fail(a, 'no', { retryable: false, nowMs: 0 })
      await outbox.claim(b, 0)
      await outbox.retry(a, 1)
      assert.deepEqual(await outbox.ready(1), [])
      assert.equal((await outbox.explain(a, 1)).behind, b)
      await outbox.fail(b, 'later', { nowMs: 1 })
      assert.deepEqual(
        (await outbox.ready(10_000)).map(one => one.id),
        [a]
      )
      await outbox.drop(a)
      assert.deepEqual(
        (await outbox.ready(10_000)).map(one => one.id),
        [b]
      )
      assert.equal((await outbox.explain(c, 10_000)).reason, 'waits-for-target')
    }))
})

describe('by hand', () => {
  it('one that gave up is retried with as many attempts as a new one, and none that is done or in flight', () =>
    withOutbox(
      async ({ outbox }) => {
        const transport = new RecordingTransport()
        transport.setDefault({ ok: false })
        const worker = new SyncWorker({ outbox, transport })
        const id = await outbox.enqueue(op, 0)
        await worker.tick(0)
        await worker.tick(10_000)
        assert.equal((await outbox.explain(id)).reason, 'gave-up')
        await outbox.retry(id, 20_000)
        assert.equal((await outbox.explain(id, 20_000)).reason, 'due')
        await worker.tick(20_000)
        const op2 = await known(outbox, id)
        assert.deepEqual([op2.status, op2.attempt, op2.nextRetryAtMs], ['failed', 3, 20_500])
        assert.equal((await outbox.explain(id, 20_000)).atMs, 20_500)
        await outbox.retry(id, 20_001)
        await outbox.claim(id, 20_001)
        await assert.rejects(outbox.retry(id), is('OPERATION_IN_FLIGHT'))
        await assert.rejects(outbox.drop(id), is('OPERATION_IN_FLIGHT'))
        assert.equal((await outbox.explain(id)).owner, 'one')
        await outbox.complete(id, 20_002)
        await assert.rejects(outbox.retry(id), is('OPERATION_DONE'))
        await outbox.drop(id)
        assert.equal(await outbox.get(id), undefined)
        assert.equal((await history(outbox, id)).at(-1), 'drop')
      },
      { retry: { maxAttempts: 2, jitterRatio: 0 } }
    ))

  it('lists by state and target, page by page, and counts', () =>
    withOutbox(async ({ outbox }) => {
      const ids: string[] = []
      for (let n = 0; n < 10; n++) ids.push(await outbox.enqueue({ kind: 'k', target: `t${n % 2}` }, n))
      await outbox.claim(ids[0]!, 20)
      await outbox.complete(ids[0]!, 20)
      const names = async (filter: Parameters<Outbox['list']>[0]): Promise<number[]> =>
        (await outbox.list(filter)).map(one => ids.indexOf(one.id))
      assert.deepEqual(await names({ limit: 3 }), [0, 1, 2])
      assert.deepEqual(await names({ limit: 3, after: ids[2]! }), [3, 4, 5])
      assert.deepEqual(await names({ status: 'pending', limit: 2 }), [1, 2])
      assert.deepEqual(await names({ status: 'pending', target: 't0', after: ids[2]! }), [4, 6, 8])
      assert.deepEqual(await names({ target: 't1', limit: 2 }), [1, 3])
      assert.deepEqual(await names({ status: 'done' }), [0])
      await assert.rejects(outbox.list({ after: 'x' }), is('NOT_FOUND'))
      assert.equal(outbox.counts().pending, 9)
      assert.equal(await outbox.oldestAgeMs(101), 100)
    }))
})

describe('the log', () => {
  it('gives every transition in order, from a position on, across reopenings', () =>
    withOutbox(async ({ outbox, reopen }) => {
      const id = await outbox.enqueue(op, 5)
      await outbox.claim(id, 6)
      await outbox.fail(id, new Error('no'), { nowMs: 7 })
      const again = await reopen()
      await again.retry(id, 8)
      await again.drop(id, 9)
      const all = await records(again)
      assert.deepEqual(
        all.map(record => [record.position, record.type, record.tsMs]),
        [
          [1, 'put', 5],
          [2, 'claim', 6],
          [3, 'failed', 7],
          [4, 'retry', 8],
          [5, 'drop', 9]
        ]
      )
      assert.deepEqual(all[2], { position: 3, id, type: 'failed', tsMs: 7, error: 'no', nextRetryAtMs: 507 })
      assert.deepEqual(await records(again, 3), all.slice(3))
    }))

  it('and finished operations go after their time, those that wait stay whole', () =>
    withOutbox(
      async ({ outbox, reopen }) => {
        const transport = new RecordingTransport()
        transport.setRuleForTarget('/down', { ok: false, error: 'x'.repeat(5_000) })
        const done = await outbox.enqueue({ ...op, payload: 'a' }, 0)
        const waits = await outbox.enqueue({ kind: 'k', target: '/down', payload: 'b' }, 0)
        await new SyncWorker({ outbox, transport }).tick(0)
        await outbox.sweep(999)
        assert.equal((await known(outbox, done)).status, 'done')
        await outbox.sweep(1_000)
        assert.equal(await outbox.get(done), undefined)
        assert.equal((await records(outbox)).length, 6)
        await outbox.sweep(2_000)
        assert.deepEqual(await records(outbox), [])
        const again = await reopen()
        const left = await known(again, waits)
        assert.equal(left.payload, 'b')
        assert.equal(left.lastError?.length, 2_048)
        assert.deepEqual(again.counts(), {
          pending: 0,
          inflight: 0,
          done: 0,
          failed: 1,
          'permanent-failed': 0
        })
        assert.equal(await again.enqueue({ ...op, id: done }, 3_000), done)
        assert.equal((await records(again))[0]?.position, 7)
      },
      { keepDoneMs: 1_000, keepLogMs: 2_000 }
    ))
})

describe('the directory', () => {
  it('is open once', () =>
    withOutbox(async ({ dataDir, outbox }) => {
      await assert.rejects(Outbox.open({ dataDir }), is('DIRECTORY_IN_USE'))
      assert.equal(await outbox.enqueue({ ...op, id: 'still' }), 'still')
    }))

  it('may be that of a node, before and after', () =>
    withOutbox(async ({ dataDir, outbox }) => {
      const id = await outbox.enqueue(op)
      await outbox.close()
      const node = await createNode({ dataDir, mdns: false })
      await node.db.put('key', 'value')
      assert.equal((await node.verify()).ok, true)
      await node.stop()
      const again = await Outbox.open({ dataDir })
      assert.equal((await known(again, id)).status, 'pending')
      await again.enqueue(op)
      await again.close()
      const later = await createNode({ dataDir, mdns: false })
      assert.equal(await later.db.get('key'), 'value')
      assert.equal((await later.verify()).ok, true)
      await later.stop()
    }))

  it('closed, takes no more calls', () =>
    withOutbox(async ({ outbox }) => {
      const made = outbox.enqueue(op)
      await outbox.close()
      await made
      await assert.rejects(outbox.enqueue(op), is('STORE_CLOSED'))
      await assert.rejects(outbox.get('x'), is('STORE_CLOSED'))
    }))

  it('takes no option that it does not know', async () => {
    await assert.rejects(Outbox.open({ datadir: 'x' } as object), TypeError)
    await assert.rejects(Outbox.open({ retry: { maxAttempts: 0 } }), TypeError)
    await assert.rejects(Outbox.open({ retry: { attempts: 1 } as object }), TypeError)
    await assert.rejects(Outbox.open({ keepDoneMs: -1 }), TypeError)
  })
})

/** Engines at work: their loop, their stop, several of them on one outbox, and a disk that fails under them. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { isNatterError, withLimits } from '../../src/base/index.js'
import type { Operation, SendResult, Transport } from '../../src/delivery/index.js'
import { NetworkProbe, Outbox, RecordingTransport, SyncEngine, SyncWorker } from '../../src/delivery/index.js'
import { createDatabase, openLevelDisk } from '../../src/disk/classic-disk.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import { Faults, faultyLevel } from '../disk/faulty-level.js'
import { ManualClock } from '../disk/manual-clock.js'
import { history, known, withOutbox } from './with-outbox.js'

/** Answers when the test says so. */
class HeldTransport implements Transport {
  readonly calls: { op: Operation; signal: AbortSignal; answer: (result: SendResult) => void }[] = []
  #called: (() => void) | undefined

  send(op: Operation, { signal }: { signal: AbortSignal }): Promise<SendResult> {
    return new Promise(resolve => {
      this.calls.push({ op, signal, answer: resolve })
      this.#called?.()
    })
  }

  async until(calls: number): Promise<void> {
    while (this.calls.length < calls) {
      await new Promise<void>(resolve => {
        this.#called = resolve
      })
    }
  }
}

const next = (events: EventTarget, type: string): Promise<CustomEvent> =>
  new Promise(resolve =>
    events.addEventListener(type, event => resolve(event as CustomEvent), { once: true })
  )

describe('several engines', () => {
  it('with several workers each send no operation twice, and none of a target at the same time', () =>
    withOutbox(async ({ outbox }) => {
      const active = new Set<string>()
      const seen = new Map<string, number>()
      const transport: Transport = {
        async send({ id, target }) {
          assert.ok(!active.has(target), `${target} is being sent to`)
          active.add(target)
          seen.set(id, (seen.get(id) ?? 0) + 1)
          await new Promise(resolve => setImmediate(resolve))
          active.delete(target)
          return { ok: true }
        }
      }
      const ids = await Promise.all(
        Array.from({ length: 120 }, (_, n) => outbox.enqueue({ kind: 'k', target: `t${n % 7}` }, 0))
      )
      const engines = ['a', 'b', 'c'].map(
        owner => new SyncEngine({ outbox: outbox.as(owner), transport, workerCount: 3, batchLimit: 100 })
      )
      const sent = await Promise.all(engines.map(engine => engine.tick(1)))
      assert.equal(
        sent.reduce((sum, count) => sum + count),
        120
      )
      assert.deepEqual([...seen.values()], Array(120).fill(1))
      assert.deepEqual(new Set(seen.keys()), new Set(ids))
      assert.equal(outbox.counts().done, 120)
    }))

  it('leave an operation alone while it is being sent, however long that takes', () =>
    withOutbox(async ({ outbox }) => {
      const transport = new HeldTransport()
      const slow = new SyncEngine({ outbox, transport, inflightTimeoutMs: 10 })
      const other = new SyncEngine({ outbox: outbox.as('b'), transport, inflightTimeoutMs: 10 })
      const id = await outbox.enqueue({ kind: 'k', target: 't' }, 0)
      const sending = slow.tick(0)
      await transport.until(1)
      assert.equal(await other.tick(1_000_000), 0)
      transport.calls[0]!.answer({ ok: true })
      assert.equal(await sending, 1)
      assert.deepEqual(await history(outbox, id), ['put', 'claim', 'done'])
    }))
})

describe('a send', () => {
  it('that takes too long is aborted and will be retried', () =>
    withOutbox(async ({ outbox }) => {
      const transport = new HeldTransport()
      const id = await outbox.enqueue({ kind: 'k', target: 't' }, 0)
      await new SyncWorker({ outbox, transport, sendTimeoutMs: 20 }).tick(0)
      assert.equal(transport.calls[0]!.signal.aborted, true)
      const op = await known(outbox, id)
      assert.deepEqual([op.status, op.lastError, op.nextRetryAtMs], ['failed', 'no answer within 20 ms', 500])
    }))

  it('of a transport that throws or says nothing is a failure that may pass', () =>
    withOutbox(async ({ outbox }) => {
      const id = await outbox.enqueue({ kind: 'k', target: 't' }, 0)
      const faulty: Transport = {
        send: () => {
          throw new Error('boom')
        }
      }
      await new SyncWorker({ outbox, transport: faulty }).tick(0)
      assert.equal((await known(outbox, id)).lastError, 'boom')
      const silent = { send: async () => undefined } as unknown as Transport
      await new SyncWorker({ outbox, transport: silent }).tick(1_000)
      assert.match((await known(outbox, id)).lastError!, /did not say how/)
    }))
})

describe('the loop', () => {
  it('sends what is enqueued at once, tells, and stops', () =>
    withOutbox(async ({ outbox }) => {
      const transport = new RecordingTransport()
      const engine = new SyncEngine({ outbox, transport, idleSleepMs: 3_600_000 })
      const told: string[] = []
      for (const type of ['enqueued', 'sent', 'failed', 'gave-up'])
        outbox.events.addEventListener(type, event =>
          told.push(`${type} ${(event as CustomEvent).detail.id}`)
        )
      const idle = next(engine.events, 'idle')
      engine.start()
      await idle
      const sent = next(engine.events, 'sent')
      const id = await outbox.enqueue({ kind: 'k', target: 't' })
      assert.deepEqual((await sent).detail, { id, attempt: 1 })
      transport.setDefault({ ok: false, retryable: false, error: 'no' })
      const gaveUp = next(engine.events, 'gave-up')
      const other = await outbox.enqueue({ kind: 'k', target: 't' })
      assert.deepEqual((await gaveUp).detail, { id: other, attempt: 1, error: 'no' })
      await engine.stop()
      assert.deepEqual(told, [`enqueued ${id}`, `sent ${id}`, `enqueued ${other}`, `gave-up ${other}`])
    }))

  it('with two workers sends what comes while a send hangs, and all of it', () =>
    withOutbox(async ({ outbox }) => {
      const transport = new HeldTransport()
      const send: Transport['send'] = (op, init) =>
        op.target === 'hangs' ? transport.send(op, init) : Promise.resolve({ ok: true })
      const engine = new SyncEngine({
        outbox,
        transport: { send },
        workerCount: 2,
        batchLimit: 2,
        idleSleepMs: 3_600_000
      })
      const first = await outbox.enqueue({ kind: 'k', target: 'hangs' })
      engine.start()
      await transport.until(1)
      let left = 9
      const others = new Promise<void>(resolve =>
        engine.events.addEventListener('sent', ({ detail }) => {
          if (detail.id !== first && --left === 0) resolve()
        })
      )
      for (let n = 0; n < 9; n++) await outbox.enqueue({ kind: 'k', target: `t${n % 2}` })
      await others
      assert.equal(outbox.counts().inflight, 1)
      const idle = next(engine.events, 'idle')
      // What waits behind it is more than one tick sends.
      for (let n = 0; n < 5; n++) await outbox.enqueue({ kind: 'k', target: 'hangs' })
      for (let n = 0; n < 6; n++) {
        await transport.until(n + 1)
        transport.calls[n]!.answer({ ok: true })
      }
      await idle
      assert.equal(outbox.counts().done, 15)
      await engine.stop()
    }))

  it('asks its probe once a second and goes to work at once when the network is back', async () => {
    const clock = new ManualClock()
    const disk = await openMemoryDisk()
    const outbox = await Outbox.over({ disk, clock })
    const transport = new RecordingTransport()
    let online = false
    let asked = 0
    const probe = new NetworkProbe(() => {
      asked++
      return online
    })
    const engine = new SyncEngine({ outbox, transport, probe, offlineSleepMs: 100, idleSleepMs: 3_600_000 })
    const asleep = async (): Promise<void> => {
      while (clock.pending.length === 0) await new Promise(resolve => setImmediate(resolve))
    }
    await outbox.enqueue({ kind: 'k', target: 't' })
    engine.start()
    for (let turn = 0; turn < 10; turn++) {
      await asleep()
      clock.advance(100)
    }
    await asleep()
    assert.equal(asked, 2)
    assert.equal(transport.callCount(), 0)
    online = true
    const sent = next(engine.events, 'sent')
    assert.equal(await probe.isOnline(), true)
    await sent
    await engine.stop()
    await outbox.close()
    await disk.close()
  })

  it('stops while its probe does not answer', () =>
    withOutbox(async ({ outbox }) => {
      let asked = (): void => undefined
      const isAsked = new Promise<void>(resolve => {
        asked = resolve
      })
      const probe = new NetworkProbe(() => {
        asked()
        return new Promise<boolean>(() => undefined)
      })
      const engine = new SyncEngine({ outbox, transport: new RecordingTransport(), probe })
      engine.start()
      await isAsked
      await engine.stop()
    }))

  it('gives back at a stop what it was sending', async () => {
    const clock = new ManualClock()
    const disk = await openMemoryDisk()
    const outbox = await Outbox.over({ disk, clock, retry: { maxAttempts: 1 } })
    const transport = new HeldTransport()
    const engine = new SyncEngine({ outbox, transport })
    const id = await outbox.enqueue({ kind: 'k', target: 't' })
    engine.start()
    await transport.until(1)
    const stopping = engine.stop()
    clock.advance(2_000)
    await stopping
    assert.equal(transport.calls[0]!.signal.aborted, true)
    const op = await known(outbox, id)
    assert.deepEqual([op.status, op.nextRetryAtMs], ['failed', clock.now()])
    engine.start()
    await transport.until(2)
    transport.calls[1]!.answer({ ok: true })
    await next(engine.events, 'sent')
    await engine.stop()
    await outbox.close()
    await disk.close()
  })

  it('is stopped by the outbox that closes', () =>
    withOutbox(async ({ outbox, reopen }) => {
      const transport = new HeldTransport()
      const engine = new SyncEngine({ outbox, transport })
      engine.start()
      const id = await outbox.enqueue({ kind: 'k', target: 't' })
      await transport.until(1)
      const again = reopen()
      transport.calls[0]!.answer({ ok: true })
      assert.equal((await known(await again, id)).status, 'done')
      assert.throws(() => engine.start(), TypeError)
    }))
})

describe('a disk that fails', () => {
  async function withFaults(
    run: (bench: {
      outbox: Outbox
      faults: Faults
      clock: ManualClock
      recover: () => Promise<void>
    }) => Promise<void>
  ): Promise<void> {
    const location = join(await mkdtemp(join(tmpdir(), 'natter-delivery-faults-')), 'db')
    await createDatabase(location)
    const faults = new Faults()
    const clock = new ManualClock()
    const level = faultyLevel(faults)
    const disk = await openLevelDisk({ location, durability: 'fsync', limits: withLimits(), clock, level })
    const outbox = await Outbox.over({ disk, owner: 'one', clock })
    const recover = async (): Promise<void> => {
      faults.writes = 'no'
      const open = new Promise<void>(resolve => disk.onState(state => state === 'open' && resolve()))
      clock.advance(250)
      await open
    }
    try {
      await run({ outbox, faults, clock, recover })
    } finally {
      await outbox.close()
      await disk.close()
      await rm(dirname(location), { recursive: true })
    }
  }
  const is = (code: 'INDETERMINATE' | 'STORE_FENCED') => (error: unknown) => isNatterError(error, code)

  it('lets nothing be sent, and the work goes on when it is back', () =>
    withFaults(async ({ outbox, faults, recover }) => {
      const transport = new RecordingTransport()
      const worker = new SyncWorker({ outbox, transport })
      const id = await outbox.enqueue({ kind: 'k', target: 't' }, 0)
      faults.writes = 'before'
      await assert.rejects(worker.tick(0), is('INDETERMINATE'))
      await assert.rejects(worker.tick(0), is('STORE_FENCED'))
      await assert.rejects(outbox.enqueue({ kind: 'k', target: 't' }), is('STORE_FENCED'))
      assert.equal(transport.callCount(), 0)
      await recover()
      assert.equal(await worker.tick(1), 1)
      assert.deepEqual(await history(outbox, id), ['put', 'claim', 'done'])
    }))

  for (const writes of ['before', 'after'] as const)
    it(`under the end of a send does not make it be sent again (error ${writes} the write)`, () =>
      withFaults(async ({ outbox, faults, recover }) => {
        const calls: string[] = []
        const transport: Transport = {
          async send({ id }) {
            calls.push(id)
            faults.writes = writes
            return { ok: true }
          }
        }
        const worker = new SyncWorker({ outbox, transport, inflightTimeoutMs: 10 })
        const sent = next(worker.events, 'sent')
        const id = await outbox.enqueue({ kind: 'k', target: 't' }, 0)
        await assert.rejects(worker.tick(0), is('INDETERMINATE'))
        await recover()
        assert.equal(await worker.tick(1_000_000), 0)
        assert.deepEqual((await sent).detail, { id, attempt: 1 })
        assert.deepEqual(calls, [id])
        assert.deepEqual(await history(outbox, id), ['put', 'claim', 'done'])
      }))

  it('decides nothing by what memory held before it was opened again', () =>
    withFaults(async ({ outbox, faults, recover }) => {
      faults.writes = 'after'
      await assert.rejects(outbox.enqueue({ kind: 'k', target: 't', id: 'a' }, 0), is('INDETERMINATE'))
      await recover()
      assert.equal(outbox.counts().pending, 1)
      assert.equal(await outbox.enqueue({ kind: 'k', target: 't', id: 'a' }, 0), 'a')
      const other = await outbox.enqueue({ kind: 'k', target: 't' }, 0)
      assert.deepEqual(
        (await outbox.list()).map(op => op.id),
        ['a', other]
      )
    }))
})

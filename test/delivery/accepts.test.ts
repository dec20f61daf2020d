/** `accepts`: what may not be sent now waits without an attempt, however much of it, and holds up nobody. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DELIVERY } from '../../src/base/index.js'
import { Outbox, RecordingTransport, SyncEngine, SyncWorker } from '../../src/delivery/index.js'
import { EXACT } from './with-outbox.js'

test('operations behind many that are not accepted are sent, new ones and retries', async () => {
  await using outbox = await Outbox.open({ retry: EXACT })
  const transport = new RecordingTransport()
  const away = new Set(['away'])
  const accepts = (target: string) => !away.has(target.split(' ')[0]!)
  const engine = new SyncEngine({ outbox, transport, accepts })
  const many = DELIVERY.walkItems + 50
  const add = (target: string, nowMs = 0) => outbox.enqueue({ kind: 'x', target, id: target }, nowMs)
  await Promise.all(Array.from({ length: many }, (_, i) => add(`away ${i}`)))
  await add('there', 0)
  assert.equal(await engine.tick(0), 1)
  assert.deepEqual(
    transport.calls.map(({ target }) => target),
    ['there']
  )
  assert.equal(await engine.tick(0), 0)

  transport.setDefault({ ok: false, retryable: true })
  away.clear()
  for (let sent = 0; sent < many; ) sent += await engine.tick(1000)
  away.add('away')
  await add('there again', 1000)
  assert.equal(await engine.tick(1000), 1)
  transport.setDefault({ ok: true, retryable: true })
  assert.equal(await engine.tick(1499), 0)
  assert.equal(await engine.tick(1500), 1, 'the one retry that is accepted, behind all the others')
  assert.equal((await outbox.get('there again'))?.status, 'done')
  assert.equal((await outbox.get('away 0'))?.attempt, 1)
  assert.equal((await outbox.get('away 0'))?.status, 'failed')
})

test('an option that is no function is refused, by engine and worker', async () => {
  await using outbox = await Outbox.open()
  const init = { outbox, transport: new RecordingTransport(), accepts: 'all' as never }
  assert.throws(() => new SyncEngine(init), /accepts must be a function/)
  assert.throws(() => new SyncWorker(init), /accepts must be a function/)
})

/**
 * A process with an outbox that is killed at any moment. Arguments: directory, address of the receiver, number of the
 * first operation to enqueue, and 'drain' to enqueue none and end when all is done.
 * Prints, once each is on disk: `enqueued <number>` and `sent <id>`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { HttpTransport, Outbox, SyncEngine } from '../../src/delivery/index.js'

const TARGETS = 5
/** Milliseconds between two enqueues. */
const ENQUEUE_EVERY_MS = 4

const [dataDir = '', baseUrl = '', first = '0', mode] = process.argv.slice(2)
const outbox = await Outbox.open({
  dataDir,
  owner: `process ${process.pid}`,
  retry: { maxAttempts: 1_000_000, baseDelayMs: 10, maxDelayMs: 50 }
})
outbox.events.addEventListener('sent', ({ detail }) => process.stdout.write(`sent ${detail.id}\n`))
const engine = new SyncEngine({
  outbox,
  transport: new HttpTransport({ baseUrl }),
  workerCount: 4,
  idleSleepMs: 20,
  inflightTimeoutMs: 200,
  sendTimeoutMs: 10_000
})
engine.start()
if (mode === 'drain') {
  for (;;) {
    const { pending, inflight, failed } = outbox.counts()
    if (pending + inflight + failed === 0) break
    await sleep(ENQUEUE_EVERY_MS)
  }
  await engine.stop()
  await outbox.close()
} else {
  for (let n = Number(first); ; n++) {
    await outbox.enqueue({
      kind: 'http.post',
      target: `/inbox/${n % TARGETS}`,
      id: `op-${n}`,
      payload: { n }
    })
    process.stdout.write(`enqueued ${n}\n`)
    await sleep(ENQUEUE_EVERY_MS)
  }
}

/** The server has trouble for a while: the message is tried again with growing pauses until it is taken. */
import { HttpTransport, Outbox, SyncEngine } from '../../src/delivery/index.js'
import { example } from './inbox.js'

await example(async (dataDir, inbox) => {
  const outbox = await Outbox.open({ dataDir, owner: 'shop', retry: { baseDelayMs: 50, jitterRatio: 0 } })
  const engine = new SyncEngine({ outbox, transport: new HttpTransport({ baseUrl: inbox.url }) })
  inbox.status = 503
  outbox.events.addEventListener('failed', ({ detail }) => {
    console.log(`attempt ${detail.attempt}: ${detail.error}`)
    if (detail.attempt === 3) inbox.status = 201 // it is mended
  })
  const sent = new Promise<number>(resolve =>
    outbox.events.addEventListener('sent', ({ detail }) => resolve(detail.attempt))
  )
  await outbox.enqueue({ kind: 'http.post', target: '/orders', payload: { order: 42 } })
  engine.start()
  console.log(`attempt ${await sent}: done, ${inbox.messages.size} arrived`)
  await outbox.close()
})

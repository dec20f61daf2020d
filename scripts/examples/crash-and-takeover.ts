/**
 * The sender dies after the server took the message and before it could note that. Another one takes over after
 * `inflightTimeoutMs` and sends it again under the same key, by which the server knows it.
 */
import { HttpTransport, Outbox, SyncEngine } from '../../src/delivery/index.js'
import { example } from './inbox.js'

await example(async (dataDir, inbox) => {
  const transport = new HttpTransport({ baseUrl: inbox.url })
  const before = await Outbox.open({ dataDir, owner: 'process 1' })
  const id = await before.enqueue({ kind: 'http.post', target: '/orders', payload: { order: 42 } })
  await before.claim(id)
  const claimed = await before.get(id)
  await transport.send(claimed!, { signal: AbortSignal.timeout(5_000) })
  await before.close() // dies here: the end of the attempt is nowhere
  console.log(`${claimed?.owner} is gone, ${inbox.messages.size} arrived`)

  const outbox = await Outbox.open({ dataDir, owner: 'process 2' })
  console.log(`found ${(await outbox.get(id))?.status}`)
  const engine = new SyncEngine({ outbox, transport, inflightTimeoutMs: 200 })
  const sent = new Promise<number>(resolve =>
    outbox.events.addEventListener('sent', ({ detail }) => resolve(detail.attempt))
  )
  engine.start()
  console.log(`done by attempt ${await sent}, ${inbox.messages.size} arrived`)
  await outbox.replay({}, ({ position, type }) => console.log(`${position} ${type}`))
  await outbox.close()
})

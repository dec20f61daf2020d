/** The server refuses: nothing is tried again by itself. Somebody looks why, mends it, and retries by hand. */
import { HttpTransport, Outbox, SyncEngine } from '../../src/delivery/index.js'
import { example } from './inbox.js'

await example(async (dataDir, inbox) => {
  const outbox = await Outbox.open({ dataDir, owner: 'shop' })
  const engine = new SyncEngine({ outbox, transport: new HttpTransport({ baseUrl: inbox.url }) })
  inbox.status = 422
  const id = await outbox.enqueue({ kind: 'http.post', target: '/orders', payload: { order: 42 } })
  await engine.tick()
  const { reason, text } = await outbox.explain(id)
  console.log(`${reason}: ${text}`)
  console.log(`another tick sends ${await engine.tick()}`)

  inbox.status = 201 // the server is mended
  await outbox.retry(id)
  console.log(`after the retry a tick sends ${await engine.tick()}: ${(await outbox.get(id))?.status}`)
  await outbox.close()
})

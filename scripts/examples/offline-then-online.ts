/** Messages are written while there is no network, and go out in their order as soon as there is one. */
import { HttpTransport, NetworkProbe, Outbox, SyncEngine } from '../../src/delivery/index.js'
import { example } from './inbox.js'

await example(async (dataDir, inbox) => {
  const outbox = await Outbox.open({ dataDir, owner: 'phone' })
  let online = false
  const probe = new NetworkProbe(() => online)
  const engine = new SyncEngine({ outbox, transport: new HttpTransport({ baseUrl: inbox.url }), probe })
  engine.start()

  for (const text of ['one', 'two', 'three'])
    await outbox.enqueue({ kind: 'http.post', target: '/messages', payload: { text } })
  console.log(`offline: ${outbox.counts().pending} wait, ${inbox.messages.size} arrived`)

  const done = new Promise<void>(resolve =>
    outbox.events.addEventListener('sent', () => {
      if (outbox.counts().done === 3) resolve()
    })
  )
  online = true
  await probe.isOnline() // the engine hears of it and begins at once; without this, within a second
  await done
  console.log(`online: ${[...inbox.messages.values()].map(message => JSON.stringify(message)).join(' ')}`)
  await outbox.close() // stops the engine
})

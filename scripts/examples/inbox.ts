/** What the examples send to: a server on loopback that keeps each message once, by its idempotency key. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Inbox {
  readonly url: string
  /** The messages by key: one that comes again is answered as before and changes nothing. */
  readonly messages: ReadonlyMap<string, unknown>
  /** Status of the next answers. */
  status: number
  close(): Promise<void>
}

export async function openInbox(): Promise<Inbox> {
  const messages = new Map<string, unknown>()
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    const key = String(request.headers['idempotency-key'])
    if (inbox.status < 300 && !messages.has(key)) messages.set(key, JSON.parse(body))
    response.writeHead(inbox.status).end(inbox.status < 300 ? 'thank you' : 'not like this')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const inbox: Inbox = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    messages,
    status: 201,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
  return inbox
}

/** Runs an example in a directory of its own, with an inbox. */
export async function example(run: (dataDir: string, inbox: Inbox) => Promise<void>): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'natter-example-'))
  const inbox = await openInbox()
  try {
    await run(dataDir, inbox)
  } finally {
    await inbox.close()
    await rm(dataDir, { recursive: true })
  }
}

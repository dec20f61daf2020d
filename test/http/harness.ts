/** A served node and ways to talk to it: JSON over fetch, and bytes over a socket for what fetch would never send. */
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { NodeFace } from '../../src/base/index.js'
import { type Served, type ServeOptions, serve } from '../../src/http/index.js'
import { FakeNode } from '../support/fake-node.js'

/** A JSON object whose fields are looked at in assertions only: text where it is read as text. */
export type Body = Readonly<Record<string, unknown>>

export interface JsonReply {
  readonly status: number
  readonly headers: Headers
  readonly body: Body
}

export interface Client {
  readonly node: FakeNode
  readonly served: Served
  /** Sends `body` as JSON when it is given. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<JsonReply>
  /** Sends bytes as they are and resolves with all that comes back until the connection ends. */
  raw(text: string, options?: { keepOpen?: boolean }): Promise<string>
  socket(): Promise<Socket>
}

/** Serves a fake node on a free port of 127.0.0.1 until the test ends. */
export async function start(t: TestContext, options: ServeOptions = {}): Promise<Client> {
  const node = new FakeNode()
  return { node, ...(await startOn(t, node, options)) }
}

export async function startOn(
  t: TestContext,
  node: NodeFace,
  options: ServeOptions = {}
): Promise<Omit<Client, 'node'>> {
  const served = await serve(node, { port: 0, ...options })
  t.after(() => served.close())
  const socket = () => opened(t, served)
  return {
    served,
    socket,
    async call(method, path, body, headers = {}) {
      const reply = await fetch(served.url + path, {
        method,
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        headers: { ...(method === 'POST' ? { 'content-type': 'application/json' } : {}), ...headers }
      })
      const text = await reply.text()
      return { status: reply.status, headers: reply.headers, body: text === '' ? {} : JSON.parse(text) }
    },
    async raw(text, { keepOpen = false } = {}) {
      const connection = await socket()
      let received = ''
      connection.setEncoding('utf8').on('data', chunk => {
        received += chunk
      })
      connection.on('error', () => undefined) // a cut connection is an answer too
      const closed = new Promise(resolve => connection.once('close', resolve))
      if (keepOpen) connection.write(text)
      else connection.end(text)
      await closed
      return received
    }
  }
}

function opened(t: TestContext, served: Served): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const connection = connect(served.port, served.host)
    t.after(() => connection.destroy())
    connection.once('connect', () => resolve(connection)).once('error', reject)
  })
}

/** The head of an HTTP/1.1 request whose connection ends after the answer. */
export function head(requestLine: string, ...headers: string[]): string {
  return `${[`${requestLine} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`
}

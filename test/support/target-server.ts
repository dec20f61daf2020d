/** A server that is delivered to: remembers what came and answers what a test wants, or nothing at all. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

export interface Arrival {
  readonly method: string
  readonly path: string
  readonly key: string | undefined
  readonly contentType: string | undefined
  readonly body: Buffer
}

/** Answers with a status, a status and headers, or nothing (`hang`). */
export type Rule = (arrival: Arrival) => number | { status: number; headers: Record<string, string> } | 'hang'

export class TargetServer {
  readonly arrivals: Arrival[] = []
  rule: Rule = () => 200
  #server: Server | undefined
  #port = 0

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Listens; on the port that it had before, if it had one. */
  async start(): Promise<this> {
    this.#server = createServer((request, response) => void this.#take(request, response))
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    this.#port = typeof address === 'object' && address !== null ? address.port : 0
    return this
  }

  /** Takes no connections any more and cuts those that are open. */
  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const key = request.headers['idempotency-key']
    const arrival: Arrival = {
      method: request.method ?? '',
      path: request.url ?? '',
      key: Array.isArray(key) ? key[0] : key,
      contentType: request.headers['content-type'],
      body: Buffer.concat(chunks)
    }
    this.arrivals.push(arrival)
    const answer = this.rule(arrival)
    if (answer === 'hang') return
    const { status, headers } = typeof answer === 'number' ? { status: answer, headers: {} } : answer
    response.writeHead(status, headers).end()
  }
}

/** Listens until the test ends. */
export async function targetServer(t: { after(run: () => Promise<void>): void }): Promise<TargetServer> {
  const server = await new TargetServer().start()
  t.after(() => server.stop())
  return server
}

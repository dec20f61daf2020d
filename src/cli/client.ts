/**
 * The HTTP API as the command line calls it: one method for answers that are one document, one for streams of lines.
 *
 * Every trouble becomes one of two errors: what the node answered (`RemoteError`, with its body), or a `NatterError` for
 * no answer. Speaks `node:http` and not `fetch`: that one rewrites the keys `.` and `..` in a path and gives up on an
 * answer after five minutes, which a long `wait` may take.
 */
import { readFileSync } from 'node:fs'
import * as http from 'node:http'
import * as https from 'node:https'
import { messageOf, NatterError } from '../base/index.js'

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

export interface Request {
  query?: Query
  headers?: Readonly<Record<string, string | undefined>>
  /** Sent as JSON. */
  body?: unknown
  /** Sent as it is, in place of `body`: text that is JSON already. */
  rawBody?: string
}

export interface Answer<T> {
  status: number
  body: T
}

export interface ClientInit {
  api: string
  tokenFile?: string | undefined
  /** Ends what is in flight; its reason is the error. */
  signal: AbortSignal
  /** Called with one line about each request. */
  trace?: ((line: string) => void) | undefined
}

/** An error answer of the node, with the body as it came. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError'
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    super(typeof body['error'] === 'string' ? body['error'] : `the node answered ${status}`)
    this.status = status
    this.body = body
  }

  get code(): string | undefined {
    return typeof this.body['code'] === 'string' ? this.body['code'] : undefined
  }
}

/** The path of a route: every argument becomes one percent-encoded segment. */
export function route(strings: TemplateStringsArray, ...segments: readonly string[]): string {
  return strings.reduce((path, part, i) => path + encodeURIComponent(segments[i - 1] ?? '') + part)
}

/** Header values travel as bytes: UTF-8 here, which Node.js takes as one character a byte. */
function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

const WHY: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'it closed the connection',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be looked up now',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'the connection timed out'
}

export class Client {
  readonly api: URL
  readonly #init: ClientInit
  readonly #agent: http.Agent

  constructor(init: ClientInit) {
    this.#init = init
    const api = URL.canParse(init.api) ? new URL(init.api) : undefined
    if (api === undefined || (api.protocol !== 'http:' && api.protocol !== 'https:')) {
      throw new NatterError('INVALID_ARGUMENT', `not an HTTP address: ${init.api}`, {
        remedy:
          'Give the address that natter up printed, for example: natter status --api http://127.0.0.1:7070'
      })
    }
    this.api = api
    this.#agent = new (api.protocol === 'https:' ? https : http).Agent({ keepAlive: true })
  }

  /** One request whose answer is one JSON document. Throws `RemoteError` for an error answer. */
  async call<T>(method: string, path: string, request: Request = {}): Promise<Answer<T>> {
    const { response, trace } = await this.#send(method, path, 'application/json', request)
    const text = await this.#read(response)
    trace(text.length)
    const body = this.#parse(text, response.statusCode ?? 0)
    const status = response.statusCode ?? 0
    // A wait that was in vain is told with 202: no fault of anybody, and no success.
    if (status >= 400 || (status === 202 && body['ok'] === false)) throw new RemoteError(status, body)
    return { status, body: body as T }
  }

  /** The lines of an answer that goes on for as long as the node has something to say. */
  async *lines(path: string, accept: string, request: Request = {}): AsyncGenerator<string> {
    const { response, trace } = await this.#send('GET', path, accept, request)
    const status = response.statusCode ?? 0
    if (status >= 400) throw new RemoteError(status, this.#parse(await this.#read(response), status))
    let rest = ''
    let length = 0
    response.setEncoding('utf8')
    try {
      for await (const chunk of response as AsyncIterable<string>) {
        length += chunk.length
        const lines = (rest + chunk).split(/\r?\n/)
        rest = lines.pop() ?? ''
        yield* lines
      }
      if (rest !== '') yield rest
    } catch (error) {
      throw this.#failure(error)
    } finally {
      trace(length)
      response.destroy()
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #send(
    method: string,
    path: string,
    accept: string,
    { query = {}, headers = {}, body, rawBody }: Request
  ): Promise<{ response: http.IncomingMessage; trace: (bytes: number) => void }> {
    const payload = rawBody ?? (body === undefined ? undefined : JSON.stringify(body))
    const pairs = Object.entries(query).filter(([, value]) => value !== undefined)
    const search = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString()
    const target = this.api.pathname.replace(/\/$/, '') + path + (search === '' ? '' : `?${search}`)
    const sent: Record<string, string | number> = { accept, ...this.#authorization() }
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) sent[name] = latin1(value)
    if (payload !== undefined) {
      sent['content-type'] = 'application/json'
      sent['content-length'] = Buffer.byteLength(payload)
    } else if (method === 'POST') {
      // A POST must say that it is JSON, also when it has nothing to say.
      return this.#send(method, path, accept, { query, headers, rawBody: '{}' })
    }
    const startedAtMs = performance.now()
    const trace = (response: http.IncomingMessage) => (bytes: number) => {
      const tookMs = (performance.now() - startedAtMs).toFixed(1)
      this.#init.trace?.(`http ${method} ${target} → ${response.statusCode}, ${bytes} B in ${tookMs} ms`)
    }
    return new Promise((resolve, reject) => {
      const sending = (this.api.protocol === 'https:' ? https : http).request({
        protocol: this.api.protocol,
        // An IPv6 literal stands in brackets in a URL and without them in a request.
        hostname: this.api.hostname.replace(/^\[|\]$/g, ''),
        port: this.api.port,
        method,
        path: target,
        headers: sent,
        agent: this.#agent,
        signal: this.#init.signal
      })
      sending.on('response', response => resolve({ response, trace: trace(response) }))
      sending.on('error', error => reject(this.#failure(error)))
      // As bytes: text would be joined with the headers and have them encoded as UTF-8 once more.
      sending.end(payload === undefined ? undefined : Buffer.from(payload))
    })
  }

  async #read(response: http.IncomingMessage): Promise<string> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
    } catch (error) {
      throw this.#failure(error)
    }
    return Buffer.concat(chunks).toString('utf8')
  }

  #parse(text: string, status: number): Record<string, unknown> {
    try {
      const body: unknown = JSON.parse(text)
      if (typeof body === 'object' && body !== null) return body as Record<string, unknown>
    } catch {
      // Not JSON: not a node, see below.
    }
    throw new NatterError(
      'NODE_UNREACHABLE',
      `what answers at ${this.#where} is no natter node (status ${status})`,
      {
        remedy:
          'Name the address that natter up printed, for example: natter status --api http://127.0.0.1:7070'
      }
    )
  }

  #authorization(): Record<string, string> {
    const { tokenFile } = this.#init
    if (tokenFile === undefined) return {}
    try {
      return { authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}` }
    } catch (cause) {
      throw new NatterError('INVALID_ARGUMENT', `the token file cannot be read: ${messageOf(cause)}`, {
        cause
      })
    }
  }

  get #where(): string {
    return this.api.href.replace(/\/$/, '')
  }

  #failure(error: unknown): unknown {
    if (this.#init.signal.aborted) return this.#init.signal.reason
    if (error instanceof NatterError) return error
    const code = (error as NodeJS.ErrnoException).code ?? ''
    const why = WHY[code] ?? messageOf(error)
    return new NatterError('NODE_UNREACHABLE', `no node answers at ${this.#where}: ${why}`, {
      remedy: 'Name the address of a running node with --api URL, or start one with: natter up',
      cause: error
    })
  }
}

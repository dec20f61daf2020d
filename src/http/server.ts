/**
 * The server: fastify with every bound set, the guards before everything, the table of routes, and an end in time.
 *
 * fastify routes and replies; bodies are read by `body.ts`, because they are JSON whatever their content type says.
 * No proxy header is trusted, no stack trace leaves the process.
 */
import { setMaxListeners } from 'node:events'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { NodeFace } from '../base/index.js'
import { DEFAULT_LIMITS, HTTP, NatterError } from '../base/index.js'
import { type DispatchContext, dispatch, sendProblem } from './dispatch.js'
import { type Guard, refusal } from './guard.js'
import type { Served, ServeOptions } from './index.js'
import { Lifetime } from './lifetime.js'
import { addressOf, bind, isLoopback, urlOf } from './listen.js'
import { PROBLEM_TYPE, problemOf } from './problem.js'
import type { Route, Timeouts } from './route.js'
import { routesOf } from './routes/index.js'
import { tokenFrom } from './token.js'

const DEFAULT_TIMEOUTS: Timeouts = {
  requestMs: HTTP.requestMs,
  headersMs: HTTP.headersMs,
  idleMs: HTTP.idleMs,
  stallMs: HTTP.stallMs,
  heartbeatMs: HTTP.heartbeatMs
}

/** Headers of every answer: it is no page to frame, sniff or embed. */
const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY'
}

/** Requests are judged by the table of routes. fastify's own judges, and all they would load, are left alone. */
const NO_SCHEMAS = { buildValidator: noSchema, buildSerializer: noSchema }

function noSchema(): never {
  throw new TypeError('a route asks fastify for a schema')
}

const OPTION_NAMES = Object.keys({
  host: true,
  port: true,
  keepPort: true,
  token: true,
  tokenFile: true,
  allowHosts: true,
  delivery: true,
  limits: true,
  timeouts: true,
  log: true
} satisfies Record<keyof ServeOptions, true>)

/** @throws TypeError for an unknown option or a wrong type */
export async function serve(node: NodeFace, options: ServeOptions = {}): Promise<Served> {
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.includes(name)) throw new TypeError(`unknown option: ${name}`)
  }
  const { port = 7070, limits = DEFAULT_LIMITS } = options
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new TypeError('port must be a whole number from 0 to 65535')
  }
  const log = (text: string) => options.log?.('http', text)
  const address = await addressOf(options.host ?? '127.0.0.1')
  const token =
    options.token ?? (options.tokenFile === undefined ? undefined : await tokenFrom(options.tokenFile, log))
  if (token === '') throw new TypeError('token must not be empty')
  if (token === undefined && !isLoopback(address)) {
    throw new NatterError('UNAUTHORIZED', `serving on ${address} needs a token: others can reach it`, {
      remedy: 'Give a token file (--token-file F); it is made when there is none.'
    })
  }
  const guard: Guard = { allowHosts: new Set((options.allowHosts ?? []).map(hostName)), token }
  const lifetime = new Lifetime()
  setMaxListeners(0, node.events) // one listener a reader of /events: not a leak, however many there are
  const context: DispatchContext = {
    node,
    routes: routesOf(options),
    delivery: options.delivery,
    limits,
    timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
    lifetime,
    log
  }
  const app = build(context, guard)
  const bound = await bind(
    async wanted => {
      await app.ready()
      return listen(app, address, wanted)
    },
    address,
    port,
    options.keepPort
  ).catch(async error => {
    await app.close()
    throw error
  })
  log(`listening on ${urlOf(address, bound)}`)

  let closed: Promise<void> | undefined
  const close = async () => {
    await lifetime.stop(HTTP.closeMs)
    const ended = app.close()
    app.server.closeAllConnections()
    await ended
    log('closed')
  }
  return {
    url: urlOf(address, bound),
    host: address,
    port: bound,
    close() {
      closed ??= close()
      return closed
    }
  }
}

function build(context: DispatchContext, guard: Guard): FastifyInstance {
  const { timeouts } = context
  const app = fastify({
    logger: false,
    trustProxy: false,
    return503OnClosing: false,
    bodyLimit: context.limits.httpBodyBytes,
    requestTimeout: timeouts.requestMs,
    connectionTimeout: timeouts.idleMs,
    keepAliveTimeout: HTTP.keepAliveMs,
    maxRequestsPerSocket: HTTP.requestsPerSocket,
    exposeHeadRoutes: false,
    schemaController: { compilersFactory: NO_SCHEMAS },
    routerOptions: { maxParamLength: HTTP.headerBytes, querystringParser: () => ({}) },
    http: {
      maxHeaderSize: HTTP.headerBytes,
      headersTimeout: timeouts.headersMs,
      connectionsCheckingInterval: Math.min(HTTP.checkMs, timeouts.headersMs),
      keepAlive: true, // a client whose network is gone is noticed also while it waits
      keepAliveInitialDelay: timeouts.idleMs,
      noDelay: true
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket),
    // A path that is not valid percent-encoding reaches neither hooks nor handlers, so the guards are asked here.
    frameworkErrors(_error, request, reply) {
      const bad = new NatterError('INVALID_ARGUMENT', 'the path is not valid percent-encoded UTF-8', {
        remedy: 'Percent-encode the key as UTF-8, for example with encodeURIComponent.'
      })
      admit(context, request as FastifyRequest, reply as FastifyReply)
      sendProblem(
        context,
        refusal(request.raw, guard) ?? bad,
        request as FastifyRequest,
        reply as FastifyReply
      )
    }
  })
  app.server.maxConnections = HTTP.connections
  app.server.maxHeadersCount = 0 // bounded by bytes; a count would drop the rest of them silently

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null)) // left unread for body.ts
  app.addHook('onRequest', (request, reply, done) => {
    admit(context, request, reply)
    const error = context.lifetime.stopping
      ? new NatterError('NOT_READY', 'the node is stopping')
      : refusal(request.raw, guard)
    if (error !== undefined) {
      sendProblem(context, error, request, reply)
      return
    }
    // The guards have judged it; a malformed one must not make fastify refuse a PUT.
    delete request.raw.headers['content-type']
    done()
  })
  app.setNotFoundHandler((request, reply) => {
    sendProblem(context, noSuchRoute(context.routes, request), request, reply)
  })
  for (const row of context.routes) {
    app.route({
      method: row.method === 'GET' ? ['GET', 'HEAD'] : row.method,
      url: row.path,
      handler(request, reply) {
        void dispatch(context, row, request, reply)
      }
    })
  }
  return app
}

/** What happens to every request before it is judged: headers for its answer, and its line in the log. */
function admit(context: DispatchContext, request: FastifyRequest, reply: FastifyReply): void {
  reply.headers(SECURITY_HEADERS)
  const startedMs = performance.now()
  const before = request.socket.bytesWritten
  reply.raw.once('close', () => {
    const ms = (performance.now() - startedMs).toFixed(1)
    const bytes = request.socket.bytesWritten - before
    const from = request.socket.remoteAddress ?? 'a closed socket'
    context.log(
      `${request.method} ${request.url.slice(0, 120)} ${reply.raw.statusCode} ${bytes} B ${ms} ms from ${from}`
    )
  })
}

function noSuchRoute(routes: readonly Route[], request: FastifyRequest): NatterError {
  const path = request.url.split('?', 1)[0]!
  const allow = [
    ...new Set(
      routes
        .filter(row => fits(row, path))
        .flatMap(row => (row.method === 'GET' ? ['GET', 'HEAD'] : [row.method]))
    )
  ]
  if (allow.length > 0) {
    return new NatterError('METHOD_NOT_ALLOWED', `${path.slice(0, 120)} does not take ${request.method}`, {
      details: { allow }
    })
  }
  const key = path.startsWith('/kv/') ? path.slice('/kv/'.length) : ''
  return new NatterError('ROUTE_NOT_FOUND', `no such route: ${request.method} ${path.slice(0, 120)}`, {
    ...(key.includes('/')
      ? { remedy: `A key is one percent-encoded segment: /kv/${key.replaceAll('/', '%2F').slice(0, 120)}` }
      : {})
  })
}

function fits(row: Route, path: string): boolean {
  const pattern = row.path.split('/')
  const segments = path.split('/')
  return (
    pattern.length === segments.length &&
    pattern.every((part, i) => (part.startsWith(':') ? segments[i] !== '' : part === segments[i]))
  )
}

async function listen(app: FastifyInstance, address: string, port: number): Promise<number> {
  const { server } = app
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host: address }, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new TypeError('the server has no port')
  return bound.port
}

/** What Node's parser refuses never becomes a request: too many header bytes, too slow, or no HTTP at all. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, sentence] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [431, `the request line and headers are larger than ${HTTP.headerBytes} bytes`]
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, 'the request did not arrive in time']
        : [400, 'this is no HTTP request']
  const problem = {
    ...problemOf(new NatterError('INVALID_ARGUMENT', sentence)),
    status,
    title: STATUS_CODES[status]
  }
  const body = JSON.stringify(problem)
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  )
  setTimeout(() => socket.destroy(), HTTP.lingerMs).unref()
}

/** A name as the Host header gives it, without its port. */
function hostName(text: string): string {
  const name = text.toLowerCase().replace(/:[0-9]{1,5}$/, '')
  if (!/^[a-z0-9_.-]+$/.test(name)) throw new TypeError(`not a host name: ${text.slice(0, 80)}`)
  return name
}

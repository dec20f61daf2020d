/**
 * From a request to a handler and from its answer to the socket: the path every route takes.
 *
 * Order: guards (before this file), query parameters, readiness for writes, body, handler, answer. Whatever is thrown
 * on the way ends as a problem answer; the client learns a code, the log learns the rest.
 */
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Limits, NodeFace } from '../base/index.js'
import { HTTP, NatterError } from '../base/index.js'
import type { DeliveryDesk } from '../node/delivery/desk.js'
import { Fields, parseJson, readBody } from './body.js'
import { PAGE_POLICY } from './landing.js'
import type { Lifetime } from './lifetime.js'
import { parseQuery } from './parameters.js'
import { asNatterError, PROBLEM_TYPE, problemHeaders, problemOf } from './problem.js'
import type { Answer, Call, JsonAnswer, Route, StreamAnswer, Timeouts } from './route.js'
import { pump } from './streams.js'

export interface DispatchContext {
  readonly node: NodeFace
  readonly delivery: DeliveryDesk | undefined
  readonly routes: readonly Route[]
  readonly limits: Pick<Limits, 'httpBodyBytes'>
  readonly timeouts: Timeouts
  readonly lifetime: Lifetime
  log(line: string): void
}

const NO_FIELDS = new Fields({})
const CLIENT_GONE = new NatterError('ABORTED', 'the client went away')

/** The last request of each connection: pipelined ones are served one after the other, as a write may come before a read. */
const turns = new WeakMap<Socket, Promise<void>>()

/** Serves one request of `route` when its turn has come. Never rejects. */
export function dispatch(
  context: DispatchContext,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<void> {
  const before = turns.get(request.socket)
  const turn = context.lifetime.run(async call => {
    let done = false
    reply.raw.once('close', () => {
      if (!done) call.abort(CLIENT_GONE)
    })
    await before
    await serveOne(context, route, request, reply, call.signal)
    done = true
  })
  turns.set(request.socket, turn)
  return turn
}

async function serveOne(
  context: DispatchContext,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
  signal: AbortSignal
): Promise<void> {
  try {
    const call = await callOf(context, route, request, signal)
    // A wait for peers has no bytes on the socket: only the answer is bounded by the idle time again.
    request.socket.setTimeout(0)
    const answer = await route.handle(call)
    request.socket.setTimeout(context.timeouts.idleMs)
    if ('chunks' in answer) await sendStream(context, answer, request, reply, signal)
    else sendAnswer(answer, reply)
  } catch (thrown) {
    if (!request.socket.destroyed) request.socket.setTimeout(context.timeouts.idleMs)
    sendProblem(context, whileClosing(context, thrown), request, reply)
  }
}

async function callOf(
  context: DispatchContext,
  route: Route,
  request: FastifyRequest,
  signal: AbortSignal
): Promise<Call> {
  const url = request.raw.url ?? '/'
  const mark = url.indexOf('?')
  const query = parseQuery(mark < 0 ? '' : url.slice(mark + 1), route.query ?? {})
  if (route.writes === true) await requireReady(context.node)
  return {
    node: context.node,
    get delivery() {
      if (context.delivery === undefined) throw new TypeError('a route of the delivery outbox without one')
      return context.delivery
    },
    routes: context.routes,
    path: request.params as Record<string, string>,
    query: query as Call['query'],
    header(name) {
      const values = request.raw.headersDistinct[name.toLowerCase()]
      if (values !== undefined && values.length > 1) {
        throw new NatterError('INVALID_ARGUMENT', `the header ${name} is given twice`)
      }
      return values?.[0]
    },
    body: route.body === undefined ? NO_FIELDS : await bodyOf(context, route.body, request),
    signal
  }
}

async function bodyOf(
  context: DispatchContext,
  spec: NonNullable<Route['body']>,
  request: FastifyRequest
): Promise<Fields> {
  const bytes = await readBody(request.raw, context.limits.httpBodyBytes)
  if (bytes.length === 0 && spec.optional === true) return NO_FIELDS
  const known = spec.open === true ? undefined : Object.keys(spec.schema.properties ?? {})
  return Fields.of(parseJson(bytes), known)
}

/** A fenced store answers for itself, by STORE_FENCED or DISK_FULL; anything else that is not ready is told here. */
async function requireReady(node: NodeFace): Promise<void> {
  const state = node.ready()
  if (state.ready) return
  const { storage } = await node.status()
  if (storage.state === 'fenced') return
  throw new NatterError('NOT_READY', `the node is not ready: ${state.reason ?? 'it is starting or stopping'}`)
}

/** What was given up because the server closes is no fault of the client. */
function whileClosing(context: DispatchContext, thrown: unknown): NatterError {
  const error = asNatterError(thrown)
  if (!context.lifetime.stopping || error.code !== 'ABORTED') return error
  return new NatterError('NOT_READY', 'the node is stopping', { cause: thrown })
}

function sendAnswer(answer: Exclude<Answer, StreamAnswer>, reply: FastifyReply): void {
  if ('html' in answer) {
    reply
      .headers({ 'content-security-policy': PAGE_POLICY, 'cache-control': 'no-store', vary: 'accept' })
      .type('text/html; charset=utf-8')
      .send(answer.html)
    return
  }
  sendJson(answer, reply)
}

function sendJson(answer: JsonAnswer, reply: FastifyReply): void {
  reply.code(answer.status ?? 200).headers({ 'cache-control': 'no-store', ...answer.headers })
  if (answer.body === undefined) {
    reply.send()
    return
  }
  reply.type('application/json; charset=utf-8').send(JSON.stringify({ ok: true, ...answer.body }))
}

/** Answers `error`; the rest of a body that was not read is thrown away for a moment and then cut. */
export function sendProblem(
  context: Pick<DispatchContext, 'log'>,
  error: NatterError,
  request: FastifyRequest,
  reply: FastifyReply
): void {
  if (error.code === 'INTERNAL') {
    const cause =
      error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : String(error.cause)
    context.log(`${request.method} ${request.url.slice(0, 120)} failed: ${cause}`)
  }
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy()
    return
  }
  const incoming = request.raw
  if (!incoming.complete) {
    const cut = setTimeout(() => incoming.socket.destroy(), HTTP.lingerMs)
    cut.unref()
    incoming.once('end', () => clearTimeout(cut))
    incoming.resume()
  }
  reply
    .code(error.row.status)
    .headers({ 'cache-control': 'no-store', ...problemHeaders(error) })
    .type(PROBLEM_TYPE)
    .send(JSON.stringify(problemOf(error)))
}

async function sendStream(
  context: DispatchContext,
  answer: StreamAnswer,
  request: FastifyRequest,
  reply: FastifyReply,
  signal: AbortSignal
): Promise<void> {
  reply.hijack()
  const response = reply.raw
  request.socket.setTimeout(0) // the pump has its own bound for a reader that takes nothing
  request.socket.setNoDelay(true)
  response.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': answer.contentType,
    'cache-control': 'no-store',
    vary: 'accept',
    'x-accel-buffering': 'no'
  })
  response.flushHeaders()
  if (request.method === 'HEAD') {
    // Nothing is pulled; the end of the connection's turn aborts the call, which ends the source.
    await new Promise<void>(resolve => response.once('close', resolve).end())
    return
  }
  const { heartbeatMs, stallMs } = context.timeouts
  await pump(response, answer.chunks, { heartbeat: answer.heartbeat, heartbeatMs, stallMs, signal })
}

/**
 * What a route is: one row of the table from which the server, `GET /` and `/openapi.json` are made.
 *
 * A handler sees a request that has passed the guards, whose query parameters are known and typed and whose body is
 * JSON, and returns an answer; it never touches a socket. Whatever it throws becomes a problem answer.
 */
import type { ErrorCode, NodeFace } from '../base/index.js'
import type { DeliveryDesk } from '../node/delivery/desk.js'
import type { Fields } from './body.js'
import type { Param } from './parameters.js'
import type { Schema } from './schemas.js'

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'
export type Queries = Readonly<Record<string, Param<unknown>>>
export type QueryValues<Q extends Queries> = {
  readonly [K in keyof Q]: Q[K] extends Param<infer T> ? T : never
}

/** Durations in milliseconds that a caller of `serve` may change. */
export interface Timeouts {
  /** Until a request has arrived whole. */
  requestMs: number
  /** Until its headers have. */
  headersMs: number
  /** Without a byte in either direction, outside of streams and waits. */
  idleMs: number
  /** Until a reader of a stream that takes nothing is cut. */
  stallMs: number
  /** Between the comments that keep an event stream open. */
  heartbeatMs: number
}

/** A request as a handler sees it. */
export interface Call<Q extends Queries = Queries> {
  readonly node: NodeFace
  /** For the routes of the delivery outbox, which are there only where one is hosted. */
  readonly delivery: DeliveryDesk
  /** All routes, for those that describe the others. */
  readonly routes: readonly Route[]
  /** Decoded path parameters. */
  readonly path: Readonly<Record<string, string>>
  readonly query: QueryValues<Q>
  /** The one value of a request header, or undefined; `INVALID_ARGUMENT` when it was sent twice. */
  header(name: string): string | undefined
  /** Fields of the JSON body; without fields where the route takes no body. */
  readonly body: Fields
  /** Aborted when the client is gone and when the server closes. */
  readonly signal: AbortSignal
}

/** A JSON answer: `ok: true` is put before `body` unless it says otherwise. */
export interface JsonAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Absent: an answer without a body. */
  readonly body?: Readonly<Record<string, unknown>>
}

export interface PageAnswer {
  readonly html: string
}

/** An answer that goes on until `chunks` ends or the client leaves; pulled only as fast as the client reads. */
export interface StreamAnswer {
  readonly contentType: string
  readonly chunks: AsyncIterable<string>
  /** Sent when nothing else was for a while. */
  readonly heartbeat?: string
}

export type Answer = JsonAnswer | PageAnswer | StreamAnswer

export interface AnswerDoc {
  readonly description: string
  /** Of the fields beside `ok`. */
  readonly schema?: Schema
  readonly headers?: Readonly<Record<string, string>>
  /** Other content types of the same answer, each with what it holds. */
  readonly also?: Readonly<Record<string, Schema>>
}

export interface Route<Q extends Queries = Queries> {
  readonly method: Method
  /** Segments that begin with a colon are parameters. */
  readonly path: string
  readonly tag: string
  readonly summary: string
  readonly description?: string
  /** What the path parameters are, by name. */
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Q
  /** Request headers that mean something here, by name. */
  readonly headers?: Readonly<Record<string, string>>
  /** The JSON body, an object; absent for routes that take none. */
  readonly body?: { readonly schema: Schema; readonly optional?: boolean; readonly open?: boolean }
  /** True for routes that write to the store: refused while the node is not ready. */
  readonly writes?: boolean
  readonly answers: Readonly<Record<number, AnswerDoc>>
  /** Codes of this route beside those that every route may answer. */
  readonly errors: readonly ErrorCode[]
  handle(call: Call<Q>): Answer | Promise<Answer>
}

/** A row of the table, its handler typed by its own parameters. */
export function route<Q extends Queries = Record<never, never>>(row: Route<Q>): Route {
  return row as unknown as Route
}

/**
 * The transport over HTTP, by the platform's fetch.
 *
 * Keeps: an operation reaches no other origin than the one it is meant for, whatever its target or an answer says;
 * the same `Idempotency-Key` at every attempt; no answer is read beyond its bounds. The status alone decides: 2xx is
 * done; 408, 425, 429, 5xx, redirects and every failure of the network may pass; the rest cannot.
 */
import type { Clock } from '../base/index.js'
import { messageOf } from '../base/index.js'
import { systemClock } from '../base/system.js'
import { checkNames } from './check.js'
import { readAnswer } from './http-answer.js'
import type { Operation, SendResult, Transport } from './index.js'
import { retryAfterMs } from './retry-after.js'

export interface HttpTransportInit {
  /** Before every target; its path is kept. @default none: targets are whole URLs */
  baseUrl?: string | URL
  /** Sent with every operation. */
  headers?: Readonly<Record<string, string>>
  /** For the dates of `Retry-After`, and to stop waiting for the rest of an answer. @default the clock of the machine */
  clock?: Clock
}

/** Beside 5xx. */
const RETRYABLE = new Set([408, 425, 429])
const CONTENT_TYPES = {
  string: 'text/plain;charset=UTF-8',
  bytes: 'application/octet-stream',
  json: 'application/json'
}
const WITHOUT_BODY = new Set(['GET', 'HEAD'])

export class HttpTransport implements Transport {
  readonly #base: URL | undefined
  readonly #headers: Readonly<Record<string, string>>
  readonly #clock: Clock

  /** `TypeError` for a base that is no HTTP URL or a header that is malformed. */
  constructor(init: HttpTransportInit = {}) {
    checkNames(init, ['baseUrl', 'headers', 'clock'])
    this.#base = init.baseUrl === undefined ? undefined : httpUrl(String(init.baseUrl))
    this.#headers = { ...init.headers }
    this.#clock = init.clock ?? systemClock
    new Headers(this.#headers) // throws for what cannot be sent
  }

  async send(op: Operation, { signal }: { signal: AbortSignal }): Promise<SendResult> {
    let request: Request
    try {
      request = this.#request(op, signal)
    } catch (error) {
      return { ok: false, retryable: false, error: messageOf(error) }
    }
    let response: Response
    try {
      response = await fetch(request)
    } catch (error) {
      // fetch says only that it failed; why stands in the cause.
      const cause = error instanceof Error ? error.cause : undefined
      return { ok: false, retryable: true, error: messageOf(cause ?? error) }
    }
    const text = await readAnswer(response, this.#clock)
    return response.ok ? { ok: true } : this.#refusal(response, text)
  }

  #request(op: Operation, signal: AbortSignal): Request {
    const method = methodOf(op.kind)
    const body = bodyOf(op.payload)
    if (body !== undefined && WITHOUT_BODY.has(method)) throw new TypeError(`a ${method} takes no payload`)
    const headers = new Headers(this.#headers)
    headers.set('idempotency-key', headerText(op.idempotencyKey))
    if (body !== undefined && !headers.has('content-type')) headers.set('content-type', body.type)
    return new Request(targetUrl(this.#base, op.target), {
      method,
      headers,
      body: body?.content ?? null,
      // The next host would get the payload, and headers that are meant for this one.
      redirect: 'manual',
      signal
    })
  }

  #refusal(response: Response, text: string): SendResult {
    const { status, statusText, type, headers } = response
    // Browsers do not say which redirect it was.
    const isRedirect = type === 'opaqueredirect' || (status >= 300 && status < 400)
    if (isRedirect) {
      const to = headers.get('location')
      const error = `the answer is a redirect${to === null ? '' : ` to ${to}`}, which is not followed`
      return { ok: false, retryable: true, error }
    }
    const line = `HTTP ${status}${statusText === '' ? '' : ` ${statusText}`}`
    const error = text === '' ? line : `${line}: ${text}`
    const retryable = RETRYABLE.has(status) || status >= 500
    const waitMs = retryable ? retryAfterMs(headers.get('retry-after'), this.#clock.now()) : undefined
    return { ok: false, retryable, error, ...(waitMs !== undefined && { retryAfterMs: waitMs }) }
  }
}

/** `http.<method>` says which; any other kind is POSTed. */
function methodOf(kind: string): string {
  const match = /^http\.([a-z]+)$/i.exec(kind)
  return match === null ? 'POST' : match[1]!.toUpperCase()
}

/** Where the operation goes; `TypeError` when that is not below the base. */
function targetUrl(base: URL | undefined, target: string): URL {
  const isWhole = /^[a-z][a-z\d+.-]*:/i.test(target)
  if (base === undefined) {
    if (!isWhole) throw new TypeError(`${target} is no URL, and the transport has no baseUrl`)
    return httpUrl(target)
  }
  const folder = base.pathname.replace(/\/*$/, '/')
  const url = isWhole ? httpUrl(target) : new URL(base.origin + folder + target.replace(/^\/+/, ''))
  if (url.origin !== base.origin || !`${url.pathname}/`.startsWith(folder))
    throw new TypeError(`${target} leads away from ${base.href}`)
  return url
}

function httpUrl(text: string): URL {
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new TypeError(`${text} is no HTTP URL`)
  return url
}

function bodyOf(payload: unknown): { content: string | Uint8Array<ArrayBuffer>; type: string } | undefined {
  if (payload === undefined) return undefined
  if (typeof payload === 'string') return { content: payload, type: CONTENT_TYPES.string }
  if (payload instanceof Uint8Array) return { content: new Uint8Array(payload), type: CONTENT_TYPES.bytes }
  return { content: JSON.stringify(payload), type: CONTENT_TYPES.json }
}

/** Headers hold visible ASCII only; anything else is percent-encoded, the same at every attempt. */
function headerText(text: string): string {
  return /^[\x21-\x7e]+$/.test(text) ? text : encodeURIComponent(text)
}

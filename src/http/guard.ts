/**
 * Who may call: checked before anything else on every request, also on those for routes that do not exist.
 *
 * A page in somebody's browser can reach a server on loopback. It cannot choose the Host header of a name it has
 * rebound, nor hide its Origin on a write, nor send a JSON content type across sites without asking first, which is
 * never granted here. See protocols/http.md.
 */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { NatterError } from '../base/index.js'
import { carriesToken } from './token.js'

export interface Guard {
  /** Host names beside localhost and literal addresses, in lower case. */
  readonly allowHosts: ReadonlySet<string>
  /** Asked for on every route when given. */
  readonly token: string | undefined
}

/** The first reason to refuse `request`, or undefined. */
export function refusal(request: IncomingMessage, guard: Guard): NatterError | undefined {
  const hosts = [...(request.headersDistinct['host'] ?? []), ...targetHost(request.url ?? '/')]
  const allowed = hosts.length > 0 && hosts.every(host => hostAllowed(host, guard))
  if (!allowed || (request.headersDistinct['host']?.length ?? 0) !== 1) {
    return new NatterError(
      'HOST_NOT_ALLOWED',
      `requests for this host are refused: ${hosts.join(', ').slice(0, 80)}`
    )
  }
  const origin = request.headers.origin
  if (origin !== undefined && !sameOrigin(origin, request.headers.host ?? '')) {
    return new NatterError(
      'ORIGIN_NOT_ALLOWED',
      `requests of this origin are refused: ${origin.slice(0, 80)}`
    )
  }
  if (guard.token !== undefined && !carriesToken(request.headers.authorization, guard.token)) {
    return new NatterError(
      'UNAUTHORIZED',
      'this node asks for a token, and the request carries none or a wrong one'
    )
  }
  if (request.method === 'POST' && !isJson(request.headers['content-type'])) {
    return new NatterError('UNSUPPORTED_MEDIA_TYPE', 'a POST must have a JSON content type')
  }
  return undefined
}

/** Host and port of a request target in absolute form (`GET http://host/path`), which counts before the header. */
function targetHost(target: string): string[] {
  if (target.startsWith('/') || target === '*') return []
  return [/^https?:\/\/([^/?#]*)/i.exec(target)?.[1] ?? '']
}

function hostAllowed(host: string, guard: Guard): boolean {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]@/]+))(?::[0-9]{1,5})?$/i.exec(host)
  if (match === null) return false
  if (match[1] !== undefined) return isIP(match[1]) === 6
  const name = match[2]!.toLowerCase()
  return name === 'localhost' || isIP(name) === 4 || guard.allowHosts.has(name)
}

function sameOrigin(origin: string, host: string): boolean {
  const authority = /^https?:\/\/([^/]+)$/i.exec(origin)?.[1]
  return authority !== undefined && authority.toLowerCase() === host.toLowerCase()
}

function isJson(contentType: string | undefined): boolean {
  return /^application\/(?:[a-z0-9.-]+\+)?json *(?:;.*)?$/i.test(contentType ?? '')
}

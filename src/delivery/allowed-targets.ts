/**
 * Which URLs a hosted outbox may deliver to: those under one of a few URLs.
 *
 * Whoever may call the HTTP API must not make the node call anything else. So texts are never compared: a target is
 * brought into the one form in which it is sent, and there its origin must be the same and its path must lie under the
 * path of the URL, segment by segment. A segment that could become `..` in a server that decodes it once more than it
 * should is refused as well. Redirects are the transport's: it follows none.
 */
import { DELIVERY, NatterError, utf8 } from '../base/index.js'

/** Times that a path is decoded in search of `..`: what is still encoded then is not decoded by anybody. */
const decodings = 8

interface Base {
  readonly origin: string
  /** Ends with a slash. */
  readonly path: string
  readonly href: string
}

export class AllowedTargets {
  readonly #bases: readonly Base[]

  /** @throws NatterError `INVALID_ARGUMENT` for a URL that cannot be delivered to */
  constructor(urls: readonly string[]) {
    this.#bases = urls.map(baseOf)
  }

  /** The URLs in their one form, as they were given. */
  get urls(): readonly string[] {
    return this.#bases.map(({ href }) => href)
  }

  /** Each server once, such as `https://api.example.com`. */
  get origins(): readonly string[] {
    return [...new Set(this.#bases.map(({ origin }) => origin))]
  }

  /**
   * The target in its one form. With a single URL to deliver to, a path is taken as below that one.
   * @throws NatterError `INVALID_ARGUMENT` for what is no URL, `TARGET_NOT_ALLOWED`
   */
  resolve(target: string): string {
    if (target === '' || !target.isWellFormed() || utf8(target).length > DELIVERY.targetBytes) {
      throw new NatterError('INVALID_ARGUMENT', `target must be a URL of 1 to ${DELIVERY.targetBytes} bytes`)
    }
    const url = this.#parse(target)
    url.hash = ''
    if (this.allows(url.href)) return url.href
    throw new NatterError('TARGET_NOT_ALLOWED', `this node does not deliver to ${shown(url)}`, {
      remedy: `Targets must lie under ${this.urls.join(' or ')}; another URL is allowed with: natter up --deliver-to URL`
    })
  }

  /** The form in which a target would stand, allowed or not; what is no URL stays as it is. */
  formOf(target: string): string {
    try {
      const url = this.#parse(target)
      url.hash = ''
      return url.href
    } catch {
      return target
    }
  }

  /** Whether a target, in its one form, lies under one of the URLs. */
  allows(target: string): boolean {
    if (!URL.canParse(target)) return false
    const url = new URL(target)
    if (url.href !== target || url.username !== '' || url.password !== '') return false
    if (climbs(url.pathname)) return false
    const path = `${url.pathname}/`
    return this.#bases.some(base => base.origin === url.origin && path.startsWith(base.path))
  }

  #parse(target: string): URL {
    if (URL.canParse(target)) return new URL(target)
    const [only, ...others] = this.#bases
    const isPath = /^\/(?![/\\])/.test(target)
    if (only !== undefined && others.length === 0 && isPath)
      return new URL(only.href.replace(/\/$/, '') + target)
    throw new NatterError('INVALID_ARGUMENT', `not a URL: ${target.slice(0, 80)}`, {
      remedy: `Give the whole URL, under ${this.urls.join(' or ')}.`
    })
  }
}

function baseOf(text: string): Base {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const wrong = (why: string, remedy?: string) =>
    new NatterError('INVALID_ARGUMENT', `cannot deliver to ${text.slice(0, 80)}: ${why}`, {
      remedy: remedy ?? 'Give an HTTP address, for example: natter up --deliver-to https://api.example.com/v1'
    })
  if (url === undefined) throw wrong('it is no URL')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw wrong('it is no HTTP address')
  if (url.username !== '' || url.password !== '') {
    throw wrong(
      'it holds a user name or password',
      'Leave them out: they would be kept with every operation.'
    )
  }
  if (url.search !== '' || url.hash !== '' || /[?#]/.test(text)) throw wrong('it holds a query or a fragment')
  if (climbs(url.pathname)) throw wrong('its path holds an encoded .. or a backslash')
  return { origin: url.origin, path: url.pathname.replace(/\/*$/, '/'), href: url.href }
}

/** Whether a path could lead upwards in a server that decodes it again, or takes a backslash for a slash. */
function climbs(path: string): boolean {
  let decoded = path
  for (let i = 0; i < decodings; i++) {
    const next = decodeOnce(decoded)
    if (next === decoded) break
    decoded = next
  }
  // A segment may carry parameters behind a semicolon, which some servers cut off before they look at it.
  return decoded.split(/[/\\]/).some(segment => /^\.{1,2}(?:;|$)/.test(segment.replaceAll(/[\0-\x20]/g, '')))
}

function decodeOnce(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** A URL as it may be printed: without what may be a secret. */
function shown(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`.slice(0, 200)
}

/**
 * The HTTP face of a node: routes, guards and streams over `NodeFace`, described by itself at `/openapi.json`.
 *
 * Whoever can reach it can write, so it listens on loopback unless told otherwise, and asks for a token beyond that.
 * It adds no state of its own: everything it answers comes from the node. See protocols/http.md.
 */
import type { Limits } from '../base/index.js'
import type { Timeouts } from './route.js'

export interface ServeOptions {
  /** Name or address to listen on. @default '127.0.0.1' */
  host?: string
  /** 0 chooses one. @default 7070 */
  port?: number
  /** File in which the port that 0 chose is kept, to be tried first the next time. */
  keepPort?: string
  /** The bearer token that every request must carry. */
  token?: string
  /** File that holds it; made with mode 0600 when there is none. Needed, or `token`, beyond loopback. */
  tokenFile?: string
  /** Names that a Host header may carry beside localhost and literal addresses. */
  allowHosts?: readonly string[]
  /** @default DEFAULT_LIMITS */
  limits?: Pick<Limits, 'httpBodyBytes'>
  /** @default those of `HTTP` in base/limits.ts */
  timeouts?: Partial<Timeouts>
  /** Gets a line for each request; the scope is `http`. */
  log?: (scope: string, line: string) => void
}

export interface Served {
  /** Origin by which this machine reaches it. */
  readonly url: string
  /** Address it is bound to. */
  readonly host: string
  readonly port: number
  /** Ends streams at once and other requests within two seconds. */
  close(): Promise<void>
}

export { isLoopback } from './listen.js'
export { openApi } from './openapi.js'
export type { Timeouts } from './route.js'
export { ROUTES } from './routes/index.js'
export { serve } from './server.js'

/**
 * The HTTP face of a node: routes, guards and streams over `NodeFace`, described by itself at `/openapi.json`.
 *
 * Whoever can reach it can write, so it listens on loopback unless told otherwise, and asks for a token beyond that.
 * It adds no state of its own: everything it answers comes from the node. See protocols/http.md.
 */
import type { Limits, ServeOptions as PublicServeOptions } from '../base/index.js'
import type { DeliveryDesk } from '../node/delivery/desk.js'
import type { Timeouts } from './route.js'

export interface ServeOptions extends PublicServeOptions {
  /** The delivery outbox of the node; without one its routes are absent. */
  delivery?: DeliveryDesk | undefined
  /** @default DEFAULT_LIMITS */
  limits?: Pick<Limits, 'httpBodyBytes'>
  /** @default those of `HTTP` in base/limits.ts */
  timeouts?: Partial<Timeouts>
  /** Gets a line for each request; the scope is `http`. */
  log?: (scope: string, line: string) => void
}

export type { Served } from '../base/index.js'
export { isLoopback } from './listen.js'
export { openApi } from './openapi.js'
export type { Timeouts } from './route.js'
export { ROUTES, routesOf } from './routes/index.js'
export { serve } from './server.js'

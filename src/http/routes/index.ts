/** The table of routes: everything that is served, in the order in which it is shown. */
import type { ServeOptions } from '../index.js'
import type { Route } from '../route.js'
import { batchRoutes } from './batch.js'
import { changeRoutes } from './changes.js'
import { deliveryRoutes } from './delivery.js'
import { doctorRoutes } from './doctor.js'
import { eventRoutes } from './events.js'
import { keyRoutes } from './keys.js'
import { nodeRoutes } from './node.js'
import { peerRoutes } from './peers.js'
import { programRoutes } from './programs.js'
import { syncRoutes } from './sync.js'
import { versionRoutes } from './versions.js'

/** What every node serves. */
export const ROUTES: readonly Route[] = [
  ...nodeRoutes,
  ...doctorRoutes,
  ...keyRoutes,
  ...batchRoutes,
  ...versionRoutes,
  ...changeRoutes,
  ...programRoutes,
  ...peerRoutes,
  ...syncRoutes,
  ...eventRoutes
]

/** What a node serves that is served so: the routes of a delivery outbox only with one. */
export function routesOf({ delivery }: Pick<ServeOptions, 'delivery'>): readonly Route[] {
  return delivery === undefined ? ROUTES : [...ROUTES, ...deliveryRoutes]
}

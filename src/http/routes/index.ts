/** The table of routes: everything that is served, in the order in which it is shown. */
import type { Route } from '../route.js'
import { batchRoutes } from './batch.js'
import { changeRoutes } from './changes.js'
import { doctorRoutes } from './doctor.js'
import { eventRoutes } from './events.js'
import { keyRoutes } from './keys.js'
import { nodeRoutes } from './node.js'
import { peerRoutes } from './peers.js'
import { programRoutes } from './programs.js'
import { syncRoutes } from './sync.js'
import { versionRoutes } from './versions.js'

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

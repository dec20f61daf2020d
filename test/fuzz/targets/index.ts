/** Every decoder of natter. */
import type { Target } from '../target.js'
import { deliveryTargets } from './delivery.js'
import { logTargets } from './log.js'
import { fileTargets, storeTargets } from './store.js'
import { textTargets } from './text.js'
import { wireTargets } from './wire.js'

/** Those that work in memory. */
export const TARGETS: readonly Target[] = [
  ...logTargets,
  ...wireTargets,
  ...storeTargets,
  ...deliveryTargets,
  ...textTargets
]
/** Those that read files, and take a hundred times longer. */
export const FILE_TARGETS = fileTargets

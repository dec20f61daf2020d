/** All measurements, in the order in which they are made. */
import { catchUpBenches } from './catch-up.js'
import { deliveryBenches } from './delivery.js'
import { fanOutBenches } from './fan-out.js'
import { fullBenches } from './full.js'
import { growthBenches } from './growth-rates.js'
import type { Bench } from './harness.js'
import { liveBenches } from './live.js'
import { manyBenches } from './many.js'
import { reconnectBenches } from './reconnect.js'
import { slowPeerBenches } from './slow-peer.js'
import { writeBenches } from './writes.js'

export const benches: readonly Bench[] = [
  ...writeBenches,
  ...liveBenches,
  ...reconnectBenches,
  ...catchUpBenches,
  ...fullBenches,
  ...slowPeerBenches,
  ...fanOutBenches,
  ...manyBenches,
  ...deliveryBenches,
  ...growthBenches
]

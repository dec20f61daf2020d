/** The table of commands, in the order of the help. */

import type { AddCommands } from '../command.js'
import { addBulk } from './bulk.js'
import { addCluster } from './cluster.js'
import { addDelivery } from './delivery.js'
import { addDoctor } from './doctor.js'
import { addEvents } from './events.js'
import { addInvite } from './invite.js'
import { addKeys } from './keys.js'
import { addList } from './list.js'
import { addPeers } from './peers.js'
import { addReceipt } from './receipt.js'
import { addStatus } from './status.js'
import { addSync } from './sync.js'
import { addUp } from './up.js'
import { addVerify } from './verify.js'
import { addVersions } from './versions.js'
import { addWatch } from './watch.js'

export const COMMANDS: readonly AddCommands[] = [
  addUp,
  addInvite,
  addCluster,
  addKeys,
  addList,
  addReceipt,
  addWatch,
  addBulk,
  addVersions,
  addStatus,
  addPeers,
  addSync,
  addEvents,
  addDelivery,
  addVerify,
  addDoctor
]

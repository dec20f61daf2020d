/**
 * The composition root: the only file that sees all parts. `createNode` opens the store, joins the network and gives
 * back one running peer; every face (library, HTTP, command line) goes through its methods.
 */
import { withLimits } from './base/index.js'
import { peerIdOf } from './log/index.js'
import type { DeliveryHost } from './node/delivery/host.js'
import type { Ground } from './node/ground.js'
import { openGround } from './node/ground.js'
import { MemberSide } from './node/member-side.js'
import type { NodeOptions } from './node/options.js'
import { checkOptions } from './node/options.js'
import { RunningNode } from './node/running-node.js'

export type { NodeOptions } from './node/options.js'
export type { NatterNode } from './node/running-node.js'

/**
 * Opens (or makes) the node of a data directory and starts it.
 *
 * @throws TypeError for an unknown option or a wrong type
 * @throws NatterError `NETWORK_MISMATCH`, `NOBODY_MAY_JOIN`, `DIRECTORY_IN_USE`, `DIRECTORY_UNUSABLE`, `STORE_DAMAGED`, `PORT_IN_USE`, …
 */
export async function createNode(options: NodeOptions = {}): Promise<RunningNode> {
  checkOptions(options)
  const limits = withLimits(options.limits)
  const ground = await openGround(options, limits)
  let delivery: DeliveryHost | undefined
  try {
    delivery = await openDelivery(ground, options)
    const side = new MemberSide(ground, options, limits)
    const node = new RunningNode({ ground, side, delivery, options, limits })
    await side.join()
    delivery?.start()
    return node
  } catch (error) {
    await delivery?.stop()
    await ground.close()
    throw error
  }
}

/** The delivery outbox of a node that was told where it may deliver to. */
async function openDelivery(
  { clock, log, store }: Ground,
  { deliverTo, dataDir, durability = 'fsync' }: NodeOptions
): Promise<DeliveryHost | undefined> {
  if (deliverTo === undefined || deliverTo.length === 0) return undefined
  const { DeliveryHost } = await import('./node/delivery/host.js') // only for nodes that deliver
  return DeliveryHost.open({
    dataDir,
    durability,
    deliverTo,
    owner: peerIdOf(store.author),
    clock,
    log: line => log('delivery', line)
  })
}

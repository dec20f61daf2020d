/**
 * The composition root: the only file that sees all parts. `createNode` opens the store, joins the network and gives
 * back one running peer; every face (library, HTTP, command line) goes through its methods.
 */
import { withLimits } from './base/index.js'
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
  try {
    const side = new MemberSide(ground, options, limits)
    const node = new RunningNode(ground, side, options, limits)
    await side.join()
    return node
  } catch (error) {
    await ground.close()
    throw error
  }
}

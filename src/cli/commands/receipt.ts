/** `receipt`: how far a write has spread, also long after it was made. */

import type { PeerAck } from '../../base/index.js'
import { route } from '../client.js'
import type { Action, AddCommands } from '../command.js'
import { example } from '../command.js'
import { sheet } from '../table.js'

interface ReceiptBody {
  op_id: string
  id?: string
  applied: boolean
  at: string
  acks: PeerAck[]
  missing: string[]
}

const receipt: Action = async (context, _options, id = '') => {
  context.advise('NOT_FOUND', 'An op id stands in the answer to a write, and in: natter history KEY')
  const { body } = await context.client.call<ReceiptBody>('GET', route`/ops/${id}`)
  await context.out.result(body, describe)
}

function describe({ op_id, id, at, acks, missing }: ReceiptBody): string {
  const lines: [string, string][] = [['op id', op_id]]
  if (id !== undefined) lines.push(['id', id])
  lines.push(
    ['written', at],
    ['on disk at', acks.length === 0 ? 'this node only' : `this node and ${acks.length} other`]
  )
  for (const { peer, at: ackedAt } of acks) lines.push(['', `${peer}  since ${ackedAt}`])
  lines.push(['missing at', missing.length === 0 ? 'no known node' : `${missing.length}`])
  for (const peer of missing) lines.push(['', peer])
  return sheet(lines)
}

export const addReceipt: AddCommands = (program, run) => {
  program
    .command('receipt')
    .description('how far a write has spread; ID is an op id, or the id given with --id')
    .argument('<id>')
    .addHelpText('after', example('natter receipt order-17'))
    .action(run(receipt))
}

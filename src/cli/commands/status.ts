/** `status` and `id`: what this node is and what it holds. */

import type { NodeStatus } from '../../base/index.js'
import type { Action, AddCommands } from '../command.js'
import { example, textFlag } from '../command.js'
import { formatDuration } from '../duration.js'
import type { Output } from '../output.js'
import { formatBytes, sheet } from '../table.js'

const status: Action = async ({ client, out }) => {
  const { body } = await client.call<NodeStatus>('GET', '/status')
  await out.result(body, whole => describe(whole, out))
}

function describe(body: NodeStatus, out: Output): string {
  const { storage } = body
  const state = storage.state === 'open' ? storage.state : out.paint('red', storage.state)
  const [first = 'none', ...others] = body.addrs
  return sheet([
    ['peer id', body.peerId],
    ['name', body.name],
    ['network', body.paused ? `${body.network} (paused: natter resume)` : body.network],
    ['addresses', first],
    ...others.map(addr => ['', addr] as const),
    ['keys', String(body.keys)],
    ['ops', `${body.ops} (${formatBytes(body.bytes)})`],
    ['cursor', body.cursor],
    ['frontier', body.frontierDigest],
    ['state', body.stateDigest],
    ['storage', `${storage.location ?? 'memory'}, ${storage.durability}, ${state}`],
    ...(storage.reason === undefined ? [] : [['', storage.reason] as const]),
    ['free', storage.freeBytes === null ? '-' : formatBytes(storage.freeBytes)],
    ['up for', formatDuration(body.uptimeMs)],
    ['version', body.version]
  ])
}

const id: Action = async (context, options) => {
  const dataDir = textFlag(options, 'data')
  if (dataDir === undefined) {
    const { body } = await context.client.call<NodeStatus>('GET', '/status')
    return context.out.result(body, ({ peerId }) => peerId)
  }
  const { openOffline } = await import('../offline.js') // the libraries of a node: not for commands that only call one
  await using offline = await openOffline(dataDir)
  await context.out.result(offline.identity(), ({ peerId }) => peerId)
}

export const addStatus: AddCommands = (program, run) => {
  program
    .command('status')
    .description('what this node is and holds; equal frontier on two nodes: they have the same')
    .addHelpText('after', example('natter status --json'))
    .action(run(status))
  program
    .command('id')
    .description('print the peer id')
    .option('--data <dir>', 'of a directory whose node does not run')
    .addHelpText('after', example('natter id --data ./natter-data'))
    .action(run(id))
}

/** `sync`, `pause`, `resume` and `wait`: steering the exchange with peers. */

import type { SyncRound } from '../../base/index.js'
import { NatterError } from '../../base/index.js'
import { route } from '../client.js'
import type { Action, AddCommands } from '../command.js'
import { example, textFlag } from '../command.js'
import { formatBytes, shortPeer, table } from '../table.js'

const sync: Action = async ({ client, out }, _options, peer) => {
  const { body } = await client.call<{ rounds: SyncRound[] }>(
    'POST',
    peer === undefined ? '/sync' : route`/sync/${peer}`
  )
  await out.result(body, ({ rounds }) => (rounds.length === 0 ? '' : describe(rounds)))
  if (body.rounds.length === 0) out.note('no peer is connected')
  const failed = body.rounds.find(round => round.status === 'failed')
  if (failed !== undefined) {
    throw new NatterError(
      'PEER_UNREACHABLE',
      `the round with ${shortPeer(failed.peer)} failed: ${failed.reason ?? 'no reason given'}`,
      {
        remedy: 'See why, and when it is tried again: natter outbox'
      }
    )
  }
}

function describe(rounds: readonly SyncRound[]): string {
  return table(
    [
      { title: 'PEER' },
      { title: 'STATUS' },
      { title: 'SENT', right: true },
      { title: 'RECEIVED', right: true },
      { title: 'BYTES OUT', right: true },
      { title: 'BYTES IN', right: true },
      { title: 'ROUND TRIPS', right: true },
      { title: 'MS', right: true }
    ],
    rounds.map(round => [
      shortPeer(round.peer),
      round.status,
      String(round.sent),
      String(round.received),
      formatBytes(round.bytesSent),
      formatBytes(round.bytesReceived),
      String(round.roundTrips),
      round.durationMs.toFixed(0)
    ])
  )
}

const pause: Action = async ({ client, out }) => {
  const { body } = await client.call<object>('POST', '/sync/pause')
  await out.result(body, () => '')
  out.note('the node has left the network; reads and writes go on. Come back with: natter resume')
}

const resume: Action = async ({ client, out }) => {
  const { body } = await client.call<object>('POST', '/sync/resume')
  await out.result(body, () => '')
  out.note('the node is back in the network')
}

/** Milliseconds that are waited for where `--timeout` says nothing, as in the library. */
const DEFAULT_WAIT_MS = 30_000

const wait: Action = async (context, options) => {
  const target = {
    ...countOf(options, 'connected'),
    ...countOf(options, 'acked'),
    ...(options['inSync'] === true ? { inSync: true } : {}),
    ...(textFlag(options, 'cursor') === undefined ? {} : { cursor: textFlag(options, 'cursor') })
  }
  if (Object.keys(target).length === 0) {
    throw new NatterError(
      'INVALID_ARGUMENT',
      'say what to wait for: --connected N, --acked N, --in-sync or --cursor C'
    )
  }
  context.advise('TARGET_NOT_REACHED', 'See who is there and what they lack: natter peers')
  const { body } = await context.patientClient.call<object>('POST', '/wait', {
    body: { ...target, timeout: context.timeoutMs ?? DEFAULT_WAIT_MS }
  })
  await context.out.result(body, () => '')
}

function countOf(options: Readonly<Record<string, unknown>>, name: string): Record<string, number> {
  const text = textFlag(options, name)
  if (text === undefined) return {}
  if (/^\d{1,4}$/.test(text)) return { [name]: Number(text) }
  throw new NatterError('INVALID_ARGUMENT', `--${name} takes a number of nodes, not ${text}`)
}

export const addSync: AddCommands = (program, run) => {
  program
    .command('sync')
    .description('one round with PEER, or with every connected peer, now')
    .argument('[peer]')
    .addHelpText('after', example('natter sync'))
    .action(run(sync))
  program
    .command('pause')
    .description('leave the network; reads and writes go on')
    .addHelpText('after', example('natter pause'))
    .action(run(pause))
  program
    .command('resume')
    .description('come back to the network')
    .addHelpText('after', example('natter resume'))
    .action(run(resume))
  program
    .command('wait')
    .description('wait until all that is given holds, at most --timeout (default 30s)')
    .option('--connected <n>', 'so many peers are connected')
    .option('--acked <n>', 'all that was written here is on disk at so many others')
    .option('--in-sync', 'no difference to any connected peer')
    .option('--cursor <cursor>', 'this node has reached a position')
    .addHelpText('after', example('natter wait --connected 2 --in-sync --timeout 60s'))
    .action(run(wait))
}

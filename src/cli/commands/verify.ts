/** `verify`: checks chain, checksums and the state against the log; exit code 8 where anything is damaged. */

import type { VerifyReport } from '../../base/index.js'
import { NatterError } from '../../base/index.js'
import type { Action, AddCommands } from '../command.js'
import { example, textFlag } from '../command.js'
import { table } from '../table.js'

const verify: Action = async (context, options) => {
  context.advise(
    'STORE_DAMAGED',
    'Restore the directory from a backup, or start with an empty one: what peers hold comes from them.'
  )
  const dataDir = textFlag(options, 'data')
  const report =
    dataDir === undefined ? await verifyRunning(context) : await verifyOffline(dataDir, context.signal)
  await context.out.result({ ...report, ok: report.damage.length === 0 }, describe)
  if (report.damage.length > 0) {
    throw new NatterError(
      'STORE_DAMAGED',
      `${report.damage.length} fault${report.damage.length === 1 ? '' : 's'} found`
    )
  }
}

async function verifyRunning({ client }: Parameters<Action>[0]): Promise<VerifyReport> {
  return (await client.call<VerifyReport>('POST', '/verify')).body
}

async function verifyOffline(dataDir: string, signal: AbortSignal): Promise<VerifyReport> {
  const { openOffline } = await import('../offline.js') // the libraries of a node: not for commands that only call one
  await using offline = await openOffline(dataDir)
  return await offline.store.verify({ signal })
}

function describe({ batches, ops, keys, damage }: VerifyReport): string {
  const counts = `${batches} batches, ${ops} ops, ${keys} keys`
  if (damage.length === 0) return `${counts}: all is well`
  return `${counts}\n${table(
    [{ title: 'WHERE' }, { title: 'WHAT' }],
    damage.map(({ where, what }) => [where, what])
  )}`
}

export const addVerify: AddCommands = (program, run) => {
  program
    .command('verify')
    .description('check the log, every checksum, and the state against the log')
    .option('--data <dir>', 'a directory whose node does not run')
    .addHelpText('after', example('natter verify --data ./natter-data'))
    .action(run(verify))
}

/**
 * `verify`: checks files, chain, checksums and the state against the log, and repairs them where it is asked to; exit code
 * 8 where anything stays damaged.
 */

import type { VerifyReport } from '../../base/index.js'
import { NatterError } from '../../base/index.js'
import type { Action, AddCommands } from '../command.js'
import { example, textFlag } from '../command.js'
import { table } from '../table.js'

/** Between two lines about how far it is. */
const progressMs = 2000

const verify: Action = async (context, options) => {
  const dataDir = textFlag(options, 'data')
  const repair = options['repair'] === true
  context.advise('STORE_DAMAGED', remedyOf(dataDir, repair))
  const report =
    dataDir === undefined
      ? (await context.client.call<VerifyReport>('POST', '/verify', { body: { repair } })).body
      : await verifyOffline(dataDir, repair, context.signal)
  await context.out.result({ ...report, ok: report.damage.length === 0 }, describe)
  if (report.damage.length > 0) {
    const count = `${report.damage.length} fault${report.damage.length === 1 ? '' : 's'}`
    throw new NatterError('STORE_DAMAGED', `${count} ${repair ? 'left' : 'found'}`)
  }
}

function remedyOf(dataDir: string | undefined, repair: boolean): string {
  if (!repair) return `Repair it: natter verify --repair${dataDir === undefined ? '' : ` --data ${dataDir}`}`
  return dataDir === undefined
    ? 'Damaged batches come from peers that have them: see natter peers. Files: stop the node and add --data DIR.'
    : `Start the node: damaged batches come from peers that have them. What nobody has is named above.`
}

async function verifyOffline(dataDir: string, repair: boolean, signal: AbortSignal): Promise<VerifyReport> {
  // The libraries of a node: not for commands that only call one.
  const { requireDirectory } = await import('../offline.js')
  requireDirectory(dataDir)
  const { verifyDirectory } = await import('../../node/verify-directory.js')
  let toldAtMs = Date.now()
  const onProgress = (what: string): void => {
    if (Date.now() - toldAtMs < progressMs) return
    toldAtMs = Date.now()
    process.stderr.write(`verify: ${what}\n`)
  }
  return verifyDirectory(dataDir, { repair, signal, onProgress })
}

function describe({ batches, ops, keys, damage, repaired, waiting }: VerifyReport): string {
  const lines = [`${batches} batches, ${ops} ops, ${keys} keys${damage.length === 0 ? ': all is well' : ''}`]
  const titles = (what: string) => [{ title: what }, { title: 'WHAT' }]
  if (repaired.length > 0)
    lines.push(
      table(
        titles('REPAIRED'),
        repaired.map(({ where, what }) => [where, what])
      )
    )
  if (damage.length > 0)
    lines.push(
      table(
        titles('WHERE'),
        damage.map(({ where, what }) => [where, what])
      )
    )
  const nobody = waiting.filter(batch => batch.nobody)
  if (nobody.length > 0) {
    const names = nobody.map(({ author, epoch, seq }) => `${author}.${epoch}.${seq}`)
    lines.push(`nobody who is connected has ${names.join(', ')}`)
  }
  return lines.join('\n')
}

export const addVerify: AddCommands = (program, run) => {
  program
    .command('verify')
    .description('check the log, every checksum, and the state against the log')
    .option('--repair', 'make again what follows from the log, and fetch damaged batches from peers')
    .option('--data <dir>', 'a directory whose node does not run')
    .addHelpText('after', example('natter verify --repair --data ./natter-data'))
    .action(run(verify))
}

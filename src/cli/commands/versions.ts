/** `history`, `versions`, `conflicts` and `resolve`: what was written to a key, and what stands side by side. */
import { NatterError } from '../../base/index.js'
import { route } from '../client.js'
import type { Action, AddCommands } from '../command.js'
import { example, textFlag } from '../command.js'
import { printPages } from '../listing.js'
import { shellQuote } from '../shell.js'
import { shortPeer } from '../table.js'
import { inlineValue, jsonOfArgument } from '../values.js'
import { write, writeFlags } from './keys.js'

interface VersionBody {
  op_id: string
  kind: string
  value?: unknown
  value_base64?: string
  at: string
  author: string
  winner: boolean
}

const NO_SUCH_KEY = 'List the keys there are: natter ls'

const history: Action = async (context, _options, key = '') => {
  context.advise('NOT_FOUND', NO_SUCH_KEY)
  const listing = { path: route`/kv/${key}/history`, noun: 'history', after: 'before' }
  await printPages(context.out, context.client, listing, describe)
}

const versions: Action = async (context, _options, key = '') => {
  context.advise('NOT_FOUND', NO_SUCH_KEY)
  const { body } = await context.client.call<{ versions: VersionBody[] }>('GET', route`/kv/${key}/versions`)
  await context.out.result(body, whole => whole.versions.map(describe).join('\n'))
}

/** Time and op id are shown whole: they are what the next command takes. The value comes last, however long. */
function describe(version: VersionBody): string {
  const mark = version.winner ? '* ' : '  '
  const value = version.kind === 'del' ? '(deleted)' : inlineValue(version.value, version.value_base64)
  return `${mark}${version.at}  by ${shortPeer(version.author)}  ${value}\n    ${version.op_id}`
}

const conflicts: Action = async ({ client, out }) => {
  const listing = { path: '/conflicts', noun: 'conflicts', after: 'gt' }
  const human = (item: { key: string; versions: number }) => `${item.key}\t${item.versions} versions`
  const count = await printPages(out, client, listing, human)
  if (count === 0) out.note('no key has more than one version')
}

const resolve: Action = async (context, options, key = '') => {
  const take = textFlag(options, 'take')
  const value = textFlag(options, 'value')
  if ((take === undefined) === (value === undefined)) {
    throw new NatterError('INVALID_ARGUMENT', 'give either --take OPID or --value VALUE')
  }
  context.advise('NOT_FOUND', `List the versions there are: natter versions ${shellQuote(key)}`)
  const rawBody =
    value === undefined
      ? JSON.stringify({ take })
      : `{"value":${jsonOfArgument(value, options['string'] === true)}}`
  await write(context, options, 'POST', key, { rawBody }, route`/kv/${key}/resolve`)
}

export const addVersions: AddCommands = (program, run) => {
  program
    .command('history')
    .description('every write to a key, newest first; * marks what a read gives')
    .argument('<key>')
    .addHelpText('after', example('natter history name'))
    .action(run(history))
  program
    .command('versions')
    .description('the versions of a key that stand side by side; * marks what a read gives')
    .argument('<key>')
    .addHelpText('after', example('natter versions name'))
    .action(run(versions))
  program
    .command('conflicts')
    .description('keys with more than one version')
    .addHelpText('after', example('natter conflicts'))
    .action(run(conflicts))
  writeFlags(
    program
      .command('resolve')
      .description('overwrite all versions of a key with one of them, or with a value')
      .argument('<key>')
      .option('--take <opid>', 'the version to keep')
      .option('--value <value>', 'a value in their place')
      .option('--string', 'take the value as a string, whatever it looks like')
  )
    .addHelpText('after', example('natter resolve name --value Alice'))
    .action(run(resolve))
}

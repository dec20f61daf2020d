/** `watch`: follows changes until interrupted. Where the node goes away, it says from where to go on. */
import { NatterError } from '../../base/index.js'
import { RemoteError } from '../client.js'
import type { Action, AddCommands } from '../command.js'
import { example, textFlag } from '../command.js'
import { shellQuote } from '../shell.js'
import { shortPeer } from '../table.js'
import { inlineValue } from '../values.js'

interface ChangeBody {
  type: 'put' | 'del' | 'caught-up'
  cursor: string
  key?: string
  value?: unknown
  value_base64?: string
  at?: string
  origin?: 'local' | 'remote'
  from?: string
}

const watch: Action = async ({ client, out }, options, prefix) => {
  const since = textFlag(options, 'since') ?? 'now'
  let cursor = since
  for await (const line of client.lines('/changes', 'application/x-ndjson', { query: { since, prefix } })) {
    if (line === '') continue // keeps the connection open
    const change = JSON.parse(line) as ChangeBody & { ok?: false }
    if (change.ok === false) throw new RemoteError(500, { ...change })
    cursor = change.cursor
    if (out.json) await out.line(line)
    else if (change.type === 'caught-up') out.note('(up to date; Ctrl-C ends)')
    else await out.line(describe(change))
  }
  throw new NatterError('NODE_UNREACHABLE', 'the node ended the stream', {
    remedy: `Go on from there when it is back: natter watch ${prefix === undefined ? '' : `${shellQuote(prefix)} `}--since ${cursor}`
  })
}

function describe(change: ChangeBody): string {
  const origin =
    change.origin === 'remote' && change.from !== undefined ? `  from ${shortPeer(change.from)}` : ''
  const value = change.type === 'put' ? `  ${inlineValue(change.value, change.value_base64)}` : ''
  return `${change.type}  ${change.key}${value}${origin}`
}

export const addWatch: AddCommands = (program, run) => {
  program
    .command('watch')
    .description('follow changes as they become visible here')
    .argument('[prefix]')
    .option('--since <cursor>', 'a cursor of this node, now, or start', 'now')
    .addHelpText('after', example('natter watch cart/ --since start'))
    .action(run(watch))
}

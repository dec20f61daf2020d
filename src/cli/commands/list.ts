/** `ls`: keys in byte order. */
import { NatterError } from '../../base/index.js'
import type { Action, AddCommands } from '../command.js'
import { example, textFlag } from '../command.js'
import { printPages } from '../listing.js'
import { inlineValue } from '../values.js'

export interface Item {
  key: string
  value: unknown
  value_base64?: string
  op_id: string
}

const ls: Action = async ({ client, out }, options, prefix) => {
  const limit = textFlag(options, 'limit')
  const reverse = options['reverse'] === true
  const listing = {
    path: '/kv',
    noun: 'items',
    query: { prefix, reverse: reverse ? true : undefined },
    after: reverse ? 'lt' : 'gt',
    limit: limit === undefined ? undefined : parseLimit(limit)
  }
  const human = ({ key, value, value_base64: bytes }: Item) =>
    options['values'] === true ? `${key}\t${inlineValue(value, bytes)}` : key
  await printPages(out, client, listing, human)
}

export function parseLimit(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new NatterError('INVALID_ARGUMENT', `--limit takes a whole number above 0, not ${text}`)
}

export const addList: AddCommands = (program, run) => {
  program
    .command('ls')
    .description('list keys in byte order, those that begin with PREFIX')
    .argument('[prefix]')
    .option('--limit <n>', 'so many at most')
    .option('--values', 'the values as well: key, tab, JSON')
    .option('--reverse', 'from the last to the first')
    .addHelpText('after', example('natter ls cart/ --values --limit 20'))
    .action(run(ls))
}

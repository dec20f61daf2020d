/** `ls`: keys in order, page by page, so that a large database is never held in memory. */
import { NatterError } from '../../base/index.js'
import type { Client } from '../client.js'
import type { Action, AddCommands } from '../command.js'
import { example, textFlag } from '../command.js'
import { inlineValue } from '../values.js'

export interface Item {
  key: string
  value: unknown
  value_base64?: string
  op_id: string
}

/** Items asked for at a time. */
const PAGE = 1000

/** Every present key with a prefix, a page at a time. */
export async function* pages(
  client: Client,
  {
    prefix,
    reverse = false,
    limit = Number.POSITIVE_INFINITY
  }: { prefix?: string | undefined; reverse?: boolean; limit?: number }
): AsyncGenerator<Item[]> {
  let next: string | undefined
  for (let left = limit; left > 0; ) {
    const { body } = await client.call<{ items: Item[]; next: string | null }>('GET', '/kv', {
      query: {
        prefix,
        reverse: reverse ? true : undefined,
        limit: Math.min(left, PAGE),
        [reverse ? 'lt' : 'gt']: next
      }
    })
    if (body.items.length > 0) yield body.items
    left -= body.items.length
    if (body.next === null || body.next === undefined) return
    next = body.next
  }
}

const ls: Action = async ({ client, out }, options, prefix) => {
  const limit = textFlag(options, 'limit')
  const range = {
    prefix,
    reverse: options['reverse'] === true,
    ...(limit === undefined ? {} : { limit: parseLimit(limit) })
  }
  const values = options['values'] === true
  if (out.json) await out.bytes('{"ok":true,"items":[')
  let first = true
  for await (const items of pages(client, range)) {
    if (out.json) await out.bytes(`${first ? '' : ','}${items.map(item => JSON.stringify(item)).join(',')}`)
    else {
      const lines = items.map(({ key, value, value_base64: bytes }) =>
        values ? `${key}\t${inlineValue(value, bytes)}` : key
      )
      await out.line(lines.join('\n'))
    }
    first = false
  }
  if (out.json) await out.line('],"next":null}')
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

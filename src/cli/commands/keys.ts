/** `put`, `get` and `del`: one key. */

import type { Command } from 'commander'
import type { CellInfo, PeerAck } from '../../base/index.js'
import type { Request } from '../client.js'
import { RemoteError, route } from '../client.js'
import type { Action, AddCommands, Flags } from '../command.js'
import { example, textFlag } from '../command.js'
import type { Context } from '../context.js'
import { parseDuration } from '../duration.js'
import { shellQuote } from '../shell.js'
import { shortPeer } from '../table.js'
import { jsonOfArgument, readValue, showValue } from '../values.js'

interface Written {
  op_id: string
  acks: PeerAck[]
  reached: boolean
}

const put: Action = async (context, options, key = '', value = '') => {
  const text = await readValue(value, context.signal)
  const json = jsonOfArgument(text, options['string'] === true)
  if (json.trim() === 'null')
    context.advise('INVALID_VALUE', `To delete the key: natter del ${shellQuote(key)}`)
  await write(context, options, 'PUT', key, { rawBody: `{"value":${json}}` })
}

const del: Action = (context, options, key = '') => write(context, options, 'DELETE', key, {})

/** Sends one write, prints what came of it, and sets exit code 5 where its ack target was missed. */
export async function write(
  context: Context,
  options: Flags,
  method: 'PUT' | 'DELETE' | 'POST',
  key: string,
  request: Request,
  path: string = route`/kv/${key}`
): Promise<void> {
  context.advise(
    'PRECONDITION_FAILED',
    `Read the key again and decide on what it is now: natter get ${shellQuote(key)} --meta`
  )
  const condition = textFlag(options, 'if')
  const wait = textFlag(options, 'wait')
  if (wait !== undefined) parseDuration(wait, '--wait')
  const { status, body } = await context.client.call<Written>(method, path, {
    ...request,
    query: { ack: textFlag(options, 'ack'), wait },
    headers: {
      'if-match': condition === 'none' ? undefined : condition,
      'if-none-match': condition === 'none' ? '*' : undefined,
      'idempotency-key': textFlag(options, 'id')
    }
  })
  await context.out.result(body, ({ op_id }) => op_id)
  const acks = body.acks?.map(ack => shortPeer(ack.peer)) ?? []
  if (status === 202) throw targetMissed(body, acks.length)
  if (acks.length > 0)
    context.out.note(`on disk here and at ${acks.length} other node${acks.length === 1 ? '' : 's'}`)
}

function targetMissed(body: Written, acked: number): RemoteError {
  return new RemoteError(202, {
    ok: false,
    error: `the write is safe here, and ${acked} other node${acked === 1 ? ' has' : 's have'} it on disk: fewer than asked`,
    code: 'TARGET_NOT_REACHED',
    remedy: `See later how far it is: natter receipt ${body.op_id}`,
    details: { op_id: body.op_id, acks: body.acks }
  })
}

const get: Action = async (context, options, key = '') => {
  context.advise('NOT_FOUND', 'List the keys there are: natter ls')
  const { body } = await context.client.call<CellBody>('GET', route`/kv/${key}`)
  if (options['raw'] === true) {
    const { value, value_base64: base64 } = body
    await context.out.bytes(base64 === undefined ? showValue(value, 0) : Buffer.from(base64, 'base64'))
    return
  }
  if (options['meta'] === true) return context.out.result(body, whole => JSON.stringify(whole, null, 2))
  await context.out.result(body, ({ value, value_base64: base64 }) => base64 ?? showValue(value))
  if (body.value_base64 !== undefined) context.out.note('(bytes, in base64; --raw writes them as they are)')
  if (body.conflicts > 0) {
    const count = `${body.conflicts} other version${body.conflicts === 1 ? '' : 's'}`
    context.out.note(`(${count}: natter versions ${shellQuote(key)})`)
  }
}

type CellBody = Pick<CellInfo, 'key' | 'value' | 'conflicts'> & { value_base64?: string }

/** The flags of every write. */
export function writeFlags(command: Command): Command {
  return command
    .option('--ack <target>', 'how many other nodes must have it on disk: local, a number, or all', 'local')
    .option('--wait <duration>', 'how long to wait for them (default 30s)')
}

function addWrites(command: Command): Command {
  return writeFlags(command)
    .option('--if <opid>', 'only if the key is at this op id here; for put also none: only if it is absent')
    .option('--id <id>', 'your own id of the write: given again, it takes effect once')
}

export const addKeys: AddCommands = (program, run) => {
  addWrites(
    program
      .command('put')
      .description('write a value; VALUE is JSON when it parses as JSON, else a string; - reads stdin')
      .argument('<key>')
      .argument('<value>')
  )
    .option('--string', 'take VALUE as a string, whatever it looks like')
    .addHelpText('after', example('natter put name Alice --ack 2', `natter put cart/42 '{"items":3}'`))
    .action(run(put))
  program
    .command('get')
    .description('print the value of a key')
    .argument('<key>')
    .option('--raw', 'exactly the bytes, without a line break')
    .option('--meta', 'the whole answer: value, op id, time, number of other versions')
    .addHelpText('after', example('natter get name'))
    .action(run(get))
  addWrites(program.command('del').description('delete a key').argument('<key>'))
    .addHelpText('after', example('natter del name'))
    .action(run(del))
}

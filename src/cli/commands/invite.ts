/** `invite`: the one line by which another node joins. It goes to stdout alone, so that it can be piped. */

import type { Invite } from '../../base/index.js'
import type { Action, AddCommands } from '../command.js'
import { example } from '../command.js'

const invite: Action = async ({ client, out }, options) => {
  const rotate = options['rotate'] === true
  const { body } = await client.call<Invite>('POST', '/invite', { body: rotate ? { rotate } : {} })
  await out.result(body, whole => whole.invite)
  out.note('This line is a secret: whoever has it can join and read everything. On the other machine:')
  out.note(`  natter up --join '${body.invite}'`)
}

export const addInvite: AddCommands = (program, run) => {
  program
    .command('invite')
    .description('print a line that lets another node join: network, key and addresses (a secret)')
    .option('--rotate', 'make a new key first; who has the old one is out')
    .addHelpText('after', example('natter invite > invite.txt', 'natter up --join @invite.txt'))
    .action(run(invite))
}

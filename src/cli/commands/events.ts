/** `events`: what happens in the node, as it happens, until interrupted. */
import { NatterError } from '../../base/index.js'
import type { Action, AddCommands } from '../command.js'
import { example } from '../command.js'

const events: Action = async ({ client, out }) => {
  let type = 'message'
  for await (const line of client.lines('/events', 'text/event-stream')) {
    if (line.startsWith('event:')) type = line.slice('event:'.length).trim()
    else if (line.startsWith('data:')) {
      const data = JSON.parse(line.slice('data:'.length)) as Record<string, unknown>
      await out.line(out.json ? JSON.stringify({ event: type, ...data }) : `${type}  ${describe(data)}`)
    } else if (line === '') type = 'message'
  }
  throw new NatterError('NODE_UNREACHABLE', 'the node ended the stream', {
    remedy: 'Follow it again when it is back: natter events'
  })
}

function describe(data: Readonly<Record<string, unknown>>): string {
  return Object.entries(data)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('  ')
}

export const addEvents: AddCommands = (program, run) => {
  program
    .command('events')
    .description('follow peers, sync rounds, conflicts and the state of the storage')
    .addHelpText('after', example('natter events --json'))
    .action(run(events))
}

/** The command line as a whole: global flags, the table of commands, and the help. */
import { Command } from 'commander'
import { VERSION } from '../version.js'
import type { Run } from './command.js'
import { COMMANDS } from './commands/index.js'

/** `run` makes an action of a command what commander calls. Nothing is printed but help and version. */
export function makeProgram(run: Run): Command {
  const program = new Command('natter')
    .description('A database that talks to its peers. Runs a node, and talks to a running one over HTTP.')
    .version(VERSION, '--version', 'print the version')
    .option('--json', 'print one JSON document (NDJSON for streams), errors as JSON on stderr')
    .option('--api <url>', 'address of the node (NATTER_API; default http://127.0.0.1:7070)')
    .option('--token-file <file>', 'file with the bearer token (NATTER_TOKEN_FILE)')
    .option('--config <file>', 'JSON file with the options of createNode; flags and NATTER_* come before it')
    .option('--timeout <duration>', 'give up after so long: 500ms, 10s, 2m')
    .option('-q, --quiet', 'print results only')
    .option('-v, --verbose', 'log to stderr; twice for more', (_: unknown, times: number) => times + 1, 0)
    .option('--no-color', 'no colours (NO_COLOR)')
    .helpOption('-h, --help', 'print this help')
    .showSuggestionAfterError(true)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => undefined, writeErr: () => undefined })
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 usage, 3 node not reachable, 4 not found, 5 target or deadline not reached,' +
        '\n6 precondition failed, 7 refused, 8 damage found, 130 interrupted.'
    )
  for (const add of COMMANDS) add(program, run)
  return program
}

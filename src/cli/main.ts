/**
 * Parses the command line, runs one command, and ends the process with its exit code.
 *
 * Everything that is thrown ends here, as one sentence, a remedy and an exit code. Output is flushed before the process
 * ends, and a reader that went away (`natter export | head`) is no failure.
 */
import type { Command } from 'commander'
import { CommanderError } from 'commander'
import { isNatterError, NatterError } from '../base/index.js'
import type { Action, Run } from './command.js'
import { Context } from './context.js'
import { describeFailure, failureOf } from './failure.js'
import { Output, wantsColor } from './output.js'
import { makeProgram } from './program.js'
import { resolveSettings } from './settings.js'

/** Flags whose name is not that of their setting. */
const FLAG_NAMES: Readonly<Record<string, string>> = {
  data: 'dataDir',
  capability: 'capabilities',
  allowHost: 'allowHosts'
}

export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    console.error(`natter: the output cannot be written: ${error.message}.`)
    process.exit(1)
  })
  process.stderr.on('error', () => process.exit(1))
  process.exitCode = await run(argv)
  await flush(process.stdout)
  await flush(process.stderr)
  process.exit()
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise(resolve => {
    stream.write('', () => resolve())
  })
}

async function run(argv: readonly string[]): Promise<number> {
  let context: Context | undefined
  let command: string | undefined
  const runAction: Run =
    (action: Action) =>
    async (...given) => {
      const parsed = given.pop() as Command
      command = pathOf(parsed)
      context = makeContext(parsed)
      const args = given.slice(0, -1) as (string | undefined)[]
      await action(context, parsed.opts(), ...args)
    }
  try {
    await makeProgram(runAction).parseAsync(withoutVainHelp(argv), { from: 'user' })
    return context?.exit ?? 0
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    command ??= commandNamed(argv)
    const failure = failureOf(usageError(error, command), command, context?.remedies)
    const json = context?.out.json ?? argv.includes('--json')
    // Whoever pressed Ctrl-C knows.
    if (!isNatterError(error, 'ABORTED'))
      console.error(json ? JSON.stringify(failure.body) : describeFailure(failure))
    return failure.exit
  } finally {
    context?.close()
  }
}

/** Asking for the help of a command that does not exist is as wrong as running it; commander would help in general. */
function withoutVainHelp(argv: readonly string[]): string[] {
  if (!argv.some(word => word === 'help' || word === '--help' || word === '-h')) return [...argv]
  const program = makeProgram(() => async () => undefined)
  const words = program.parseOptions([...argv]).operands.filter(word => word !== 'help')
  const path = commandPath(program, words)
  const last = path.at(-1) ?? program
  const asked = words[path.length]
  const known = asked === undefined || last.commands.length === 0
  return known ? [...argv] : [...path.map(one => one.name()), asked]
}

/** The commands that `words` name, each within the one before; as far as they name any. */
function commandPath(program: Command, words: readonly string[]): Command[] {
  const path: Command[] = []
  for (const word of words) {
    const next = (path.at(-1) ?? program).commands.find(one => one.name() === word)
    if (next === undefined) break
    path.push(next)
  }
  return path
}

/** A command as it is typed behind `natter`. */
function pathOf(command: Command): string {
  const above = command.parent
  return above === null || above.parent === null ? command.name() : `${pathOf(above)} ${command.name()}`
}

/** commander's errors as ours: its sentence without the word `error:`, with its suggestion. */
function usageError(error: unknown, command: string | undefined): unknown {
  if (!(error instanceof CommanderError)) return error
  if (error.code === 'commander.help') {
    return new NatterError('INVALID_ARGUMENT', 'a command is missing', {
      remedy: `See what there is: natter ${command === undefined ? '' : `${command} `}--help`
    })
  }
  const sentence = error.message.replace(/^error: /, '').replace(/\n/g, ' ')
  return new NatterError('INVALID_ARGUMENT', sentence)
}

/** The command that was meant, where parsing failed: from the first word that names one. */
function commandNamed(argv: readonly string[]): string | undefined {
  const program = makeProgram(() => async () => undefined)
  const names = program.commands.map(one => one.name())
  const first = argv.findIndex(word => names.includes(word))
  return first < 0 ? undefined : pathOf(commandPath(program, argv.slice(first)).at(-1)!)
}

/** Only what was typed counts as a flag: defaults of commander must not hide a variable or the config file. */
function makeContext(parsed: Command): Context {
  const flags = parsed.optsWithGlobals<Record<string, unknown>>()
  const typed = Object.entries(flags)
    .filter(([name]) => parsed.getOptionValueSourceWithGlobals(name) === 'cli')
    .map(([name, value]) => [FLAG_NAMES[name] ?? name, value] as const)
  const out = new Output({
    json: flags['json'] === true,
    quiet: flags['quiet'] === true,
    verbosity: typeof flags['verbose'] === 'number' ? flags['verbose'] : 0,
    color: wantsColor(flags['color'] !== false, process.env)
  })
  return new Context(resolveSettings(Object.fromEntries(typed), process.env), out)
}

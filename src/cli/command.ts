/** How a command is declared: the contract between `main.ts`, which parses, and the files of `commands/`. */
import type { Command } from 'commander'
import type { Context } from './context.js'

/** What a command does. Arguments come as typed, then the flags of the command itself. */
export type Action = (context: Context, options: Flags, ...args: (string | undefined)[]) => Promise<void>

export type Flags = Readonly<Record<string, unknown>>

/** Makes an action a commander callback. */
export type Run = (action: Action) => (...given: unknown[]) => Promise<void>

/** Adds commands to the program. */
export type AddCommands = (program: Command, run: Run) => void

/** Text under the help of a command. */
export function example(...lines: string[]): string {
  return `\nExample:\n${lines.map(line => `  $ ${line}`).join('\n')}`
}

/** For an option that may be given several times. */
export function collect(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value]
}

export function textFlag(options: Flags, name: string): string | undefined {
  const value = options[name]
  return typeof value === 'string' ? value : undefined
}

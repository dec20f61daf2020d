/** Commands as they can be pasted into the shell that this one was started from. */
import { basename, relative } from 'node:path'

/** A word as a shell takes it. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** `argv` with the value of a flag replaced, or added where it has none; `undefined` takes the flag away. */
export function withFlag(argv: readonly string[], flag: string, value: string | undefined): string[] {
  const kept = argv.filter((word, i) => word !== flag && argv[i - 1] !== flag && !word.startsWith(`${flag}=`))
  return value === undefined ? kept : [...kept, flag, value]
}

/** `natter` where it was started by that name, otherwise `node` and the path of the file. */
export function commandName(): string {
  const script = process.argv[1] ?? 'natter'
  if (basename(script) === 'natter') return 'natter'
  const near = relative(process.cwd(), script)
  return `node ${shellQuote(near.startsWith('..') ? script : near)}`
}

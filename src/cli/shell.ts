/** Commands as they can be pasted into the shell that this one was started from. */
import { basename, relative } from 'node:path'

/** A word as a shell takes it. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** `natter` where it was started by that name, otherwise `node` and the path of the file. */
export function commandName(): string {
  const script = process.argv[1] ?? 'natter'
  if (basename(script) === 'natter') return 'natter'
  const near = relative(process.cwd(), script)
  return `node ${shellQuote(near.startsWith('..') ? script : near)}`
}

/** What the README shows works: its library snippets run, its commands and flags exist, its scripts are there. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { Command } from 'commander'
import { makeProgram } from '../../src/cli/program.js'

const run = promisify(execFile)
const program = makeProgram(() => async () => undefined)
/** Milliseconds that a snippet may take. */
const SNIPPET_MS = 30_000

const readme = readFileSync('README.md', 'utf8')

function fences(languages: readonly string[]): string[] {
  return [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)]
    .filter(([, language]) => languages.includes(language!))
    .map(([, , code]) => code!)
}

test('the library snippets run', async t => {
  const snippets = fences(['js'])
  assert.ok(snippets.length > 0, 'the README shows how to use the library')
  // Inside the package, so that `import 'natter'` means this one; run elsewhere, so that no data is left here.
  const folder = resolve('dist', '.snippets')
  const elsewhere = mkdtempSync(join(tmpdir(), 'natter-readme-'))
  mkdirSync(folder, { recursive: true })
  t.after(() => {
    rmSync(folder, { recursive: true, force: true })
    rmSync(elsewhere, { recursive: true, force: true })
  })
  for (const [index, snippet] of snippets.entries()) {
    const file = join(folder, `snippet-${index}.mjs`)
    writeFileSync(file, snippet)
    await run(process.execPath, [file], { cwd: elsewhere, timeout: SNIPPET_MS })
  }
})

/** The natter commands of the shell snippets, each as its words; prompts, comments and pipes are cut away. */
function commands(): string[][] {
  return fences(['sh', 'bash', 'shell', 'console'])
    .flatMap(code => code.replace(/\\\n/g, ' ').split('\n'))
    .flatMap(line => line.replace(/(^|\s)#.*$/, '').split(/\||&&|;/))
    .map(part =>
      part
        .trim()
        .replace(/^\$ /, '')
        .replace(/^(?:npx|sudo|[A-Z_]+=\S+) /, '')
    )
    .filter(part => part.startsWith('natter '))
    .map(part =>
      part
        .replace(/'[^']*'|"[^"]*"/g, 'VALUE')
        .split(/\s+/)
        .slice(1)
    )
}

/** The command that words begin with, or the one within it. */
function commandOf(within: Command, [name, ...others]: readonly string[]): Command | undefined {
  const command = within.commands.find(one => one.name() === name)
  return command === undefined || command.commands.length === 0 ? command : commandOf(command, others)
}

test('the commands and flags of the shell snippets exist', () => {
  const found = commands()
  assert.ok(found.length > 0, 'the README shows commands')
  for (const words of found) {
    const names = words.filter(word => !word.startsWith('-'))
    const command = names[0] === undefined ? program : commandOf(program, names)
    assert.ok(command !== undefined, `natter ${words.join(' ')}: no such command`)
    const flags = [...program.options, ...command.options].flatMap(option => [option.short, option.long])
    for (const flag of words.filter(word => /^--?[a-z]/.test(word))) {
      const known = flags.concat('--help', '-h').includes(flag.split('=')[0])
      assert.ok(known || /^-[qv]+$/.test(flag), `natter ${words.join(' ')}: no such flag`)
    }
  }
})

test('the README shows every command', () => {
  const names = program.commands.map(command => command.name())
  const missing = names.filter(name => !new RegExp(`\`(?:natter )?${name}\\b`).test(readme))
  assert.deepEqual(missing, [])
})

test('the npm scripts that the README names exist', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
  for (const [, name = ''] of readme.matchAll(/\bnpm run ([\w:-]+)/g)) {
    assert.ok(Object.hasOwn(scripts, name), `npm run ${name}`)
  }
})

/** What the README shows works: its library snippets run, its commands and flags exist, its scripts are there. */
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const BIN = resolve(import.meta.dirname, '../../src/cli/bin.js')
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

test('the commands and flags of the shell snippets exist', () => {
  const helps = new Map<string, string>()
  const found = commands()
  assert.ok(found.length > 0, 'the README shows commands')
  for (const words of found) {
    const [command = ''] = words.filter(word => !word.startsWith('-'))
    let help = helps.get(command)
    if (help === undefined) {
      help = execFileSync(process.execPath, [BIN, ...(command === '' ? [] : [command]), '--help'], {
        encoding: 'utf8'
      })
      helps.set(command, help)
    }
    for (const flag of words.filter(word => /^--?[a-z]/.test(word))) {
      const [name = ''] = flag.split('=')
      assert.match(
        help,
        new RegExp(`(?:^|[\\s,])${name}(?:[\\s,]|$)`, 'm'),
        `natter ${words.join(' ')}: ${name}`
      )
    }
  }
})

test('the README shows every command', () => {
  const help = execFileSync(process.execPath, [BIN, '--help'], { encoding: 'utf8' })
  const names = [...help.slice(help.indexOf('Commands:')).matchAll(/^ {2}([a-z]+) /gm)].map(
    match => match[1]!
  )
  assert.ok(names.length > 20, 'the help lists the commands')
  const missing = names.filter(
    name => name !== 'help' && !new RegExp(`\`(?:natter )?${name}\\b`).test(readme)
  )
  assert.deepEqual(missing, [])
})

test('the npm scripts that the README names exist', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
  for (const [, name = ''] of readme.matchAll(/\bnpm run ([\w:-]+)/g)) {
    assert.ok(Object.hasOwn(scripts, name), `npm run ${name}`)
  }
})

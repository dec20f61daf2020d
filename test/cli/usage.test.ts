/** What is wrong is told before anything happens: exit codes, suggestions, and errors as JSON. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeProgram } from '../../src/cli/program.js'
import { natter, temporaryFolder } from './support.js'

/** Nothing listens there: port 1 of loopback. */
const NOWHERE = ['--api', 'http://127.0.0.1:1']

test('usage errors end with 2 and say what was meant', async () => {
  const cases: [string[], RegExp][] = [
    [['pt', 'a', 'b'], /unknown command 'pt' \(Did you mean put\?\)[\s\S]*natter --help/],
    [['put', 'a'], /missing required argument 'value'[\s\S]*natter put --help/],
    [['put', 'a', 'b', '--akc', '2'], /unknown option '--akc' \(Did you mean --ack\?\)/],
    [['get', 'a', 'b'], /too many arguments/],
    [[], /natter --help/],
    [['put', 'a', 'b', '--wait', '5'], /--wait takes a duration/],
    [['status', '--timeout', 'soon'], /--timeout takes a duration/],
    [['status', '--api', 'nonsense'], /not an HTTP address/],
    [['status', '--token-file', '/nonexistent'], /token file cannot be read/],
    [['wait'], /say what to wait for/],
    [['wait', '--connected', 'many'], /takes a number/],
    [['resolve', 'a'], /--take OPID or --value VALUE/],
    [['ls', '--limit', '0'], /--limit takes/],
    [['up', '--http', 'nowhere'], /--http takes \[HOST:\]PORT or off/],
    [['up', '--psk', '/nonexistent'], /pre-shared key cannot be read/],
    [['up', '--listen', 'nonsense'], /not a multiaddr/],
    [['up', '--join', 'nonsense'], /not an invite/],
    [['cluster', '0'], /N must be a whole number/],
    [['import', '/nonexistent'], /cannot be read/],
    [['repair'], /unknown command/],
    [['repair', '--help'], /unknown command 'repair'/],
    [['help', 'repair'], /unknown command 'repair'/],
    [['delivery'], /a command is missing[\s\S]*natter delivery --help\n$/],
    [
      ['delivery', 'shwo', 'x'],
      /unknown command 'shwo' \(Did you mean show\?\)[\s\S]*natter delivery --help\n$/
    ],
    [['delivery', 'shwo', '--help'], /unknown command 'shwo'/],
    [['delivery', 'help', 'shwo'], /unknown command 'shwo'/],
    [['delivery', 'show'], /missing required argument 'id'[\s\S]*natter delivery show --help\n$/],
    [['delivery', 'show', ''], /the id is empty/],
    [['delivery', 'drop'], /missing required argument 'id'/],
    [['delivery', 'retry'], /ids, or --all/],
    [['delivery', 'retry', 'x', '--all'], /ids, or --all/],
    [['delivery', 'ls', '--status', 'pendng'], /did you mean pending\?\)[\s\S]*natter delivery ls --help\n$/],
    [['delivery', 'ls', '--limit', 'all'], /--limit takes/],
    [
      ['up', '--deliver-to', 'api.example.com'],
      /cannot deliver to api\.example\.com: it is no HTTP address|it is no URL/
    ],
    [['up', '--deliver-to', 'https://user:pw@api.example.com'], /user name or password/]
  ]
  // A few at a time: each is a process, and the machine is small.
  for (let at = 0; at < cases.length; at += 4) {
    await Promise.all(
      cases.slice(at, at + 4).map(async ([args, message]) => {
        const { code, stdout, stderr } = await natter([...args, ...(args.includes('--api') ? [] : NOWHERE)])
        assert.equal(code, 2, `natter ${args.join(' ')}: ${stderr}`)
        assert.match(stderr, message)
        assert.equal(stdout, '')
      })
    )
  }
})

test('no node ends with 3 and the command that starts one; with --json as JSON', async () => {
  const human = await natter(['status', ...NOWHERE])
  assert.equal(human.code, 3)
  assert.match(human.stderr, /no node answers at http:\/\/127\.0\.0\.1:1: connection refused/)
  assert.match(human.stderr, /natter up\n$/)

  const { code, stdout, stderr } = await natter(['--json', 'status', ...NOWHERE])
  assert.equal(code, 3)
  assert.equal(stdout, '')
  const body = JSON.parse(stderr) as Record<string, unknown>
  assert.equal(body['ok'], false)
  assert.equal(body['code'], 'NODE_UNREACHABLE')
  assert.equal(body['status'], 503)
})

test('help and version end with 0', async () => {
  const { code, stdout } = await natter(['--help'])
  assert.equal(code, 0)
  assert.match(stdout, /Exit codes: 0 done/)
  const help = await natter(['put', '--help'])
  assert.equal(help.code, 0)
  assert.match(help.stdout, /Example:\n {2}\$ natter put/)
  const version = await natter(['--version'])
  assert.equal(version.code, 0)
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
})

test('every command shows an example', () => {
  const program = makeProgram(() => async () => undefined)
  const commands = program.commands.flatMap(command => [command, ...command.commands])
  assert.ok(commands.length > 25)
  for (const command of commands) {
    let help = ''
    command.configureOutput({
      writeOut: text => {
        help += text
      }
    })
    command.outputHelp()
    const path = command.parent === program ? command.name() : `${command.parent?.name()} ${command.name()}`
    assert.match(help, new RegExp(`\\nExample:\\n {2}\\$ natter ${path}`))
  }
})

test('a config file and the environment are read', async t => {
  const file = join(temporaryFolder(t), 'natter.json')
  writeFileSync(file, JSON.stringify({ api: 'http://127.0.0.1:2' }))
  assert.match((await natter(['status', '--config', file])).stderr, /127\.0\.0\.1:2/)
  const env = { NATTER_API: 'http://127.0.0.1:3' }
  assert.match((await natter(['status', '--config', file], { env })).stderr, /127\.0\.0\.1:3/)
  assert.match((await natter(['status', '--config', file, ...NOWHERE], { env })).stderr, /127\.0\.0\.1:1/)
})

test('a directory that is no node is not made one', async t => {
  const missing = join(temporaryFolder(t), 'missing')
  const { code, stderr } = await natter(['verify', '--data', missing])
  assert.equal(code, 1)
  assert.match(stderr, /no node has its data in/)
})

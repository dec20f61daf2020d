/**
 * `up`: one node in the foreground, with its HTTP API, until a signal ends it.
 *
 * The first SIGINT, SIGTERM or SIGHUP stops it cleanly, within ten seconds, and ends with 0; a second one ends it at once.
 * Whoever started it with an IPC channel (`cluster`) stops it by going away.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, NatterError } from '../../base/index.js'
import { parsePsk } from '../../net/psk.js'
import { hasOutbox } from '../../node/delivery/folder.js'
import type { NatterNode, NodeOptions } from '../../node.js'
import type { Action, AddCommands } from '../command.js'
import { collect, example } from '../command.js'
import type { Context } from '../context.js'
import type { Settings } from '../settings.js'
import { commandName, shellQuote, withFlag } from '../shell.js'
import { sheet } from '../table.js'
import { readValue } from '../values.js'

const DEFAULT_DATA_DIR = './natter-data'
const DEFAULT_HTTP = '127.0.0.1:7070'
/** Milliseconds after which a stop that hangs is ended: what is acknowledged is on disk by then. */
const STOP_MS = 9_500
/** What -v and -vv show where DEBUG says nothing: dials, commits and requests; then every frame as well. */
const LOG_SCOPES = ['natter:net,natter:store,natter:http,natter:delivery,natter:*:error', 'natter:*']

/** Refusals that are remembered as told: strangers can make up ids. */
const TOLD_REFUSALS = 1000

/** What `up --json` prints when it is ready. */
export interface ReadyLine {
  event: 'ready'
  peerId: string
  addrs: string[]
  http: string | null
  dataDir: string
  pid: number
}

const up: Action = async context => {
  const { settings, out } = context
  const scopes = LOG_SCOPES[Math.min(out.verbosity, LOG_SCOPES.length) - 1]
  if (scopes !== undefined) process.env['DEBUG'] ??= scopes
  const argv = process.argv.slice(2)
  const apart = settings.http === 'off' ? argv : withFlag(argv, '--http', '0')
  context.advise(
    'DIRECTORY_IN_USE',
    `Stop the other process, or use another directory: ${commandOf(withFlag(apart, '--data', './other-data'))}`
  )
  const http = parseHttp(settings.http ?? DEFAULT_HTTP)
  const dataDir = settings.dataDir ?? DEFAULT_DATA_DIR
  const options = await nodeOptions(context, dataDir)
  failLoudly()
  const stopped = stopSignal()
  // Loaded only now: DEBUG is read when the libraries load.
  const { createNode } = await import('../../node.js')
  const node = await createNode(options)
  context.advise(
    'PORT_IN_USE',
    `Stop the program that has the port, or let one be chosen: ${commandOf(withFlag(argv, '--http', '0'))}`
  )
  try {
    const server = http === undefined ? undefined : await node.serve(serveOptions(http, dataDir, settings))
    await tellReady(context, node, server?.url ?? null, dataDir)
    tellLeftOutbox(context, dataDir)
    tellTrouble(context, node)
    await stopped
  } finally {
    const guard = setTimeout(() => {
      console.error('natter: the node did not stop in time and was ended; what it acknowledged is on disk')
      process.exit(1)
    }, STOP_MS)
    await node.stop()
    clearTimeout(guard)
  }
}

async function tellReady(
  { out, settings }: Context,
  node: NatterNode,
  http: string | null,
  dataDir: string
): Promise<void> {
  const { addrs, network, name } = await node.status()
  const ready: ReadyLine = { event: 'ready', peerId: node.peerId, addrs, http, dataDir, pid: process.pid }
  await out.result(ready, () =>
    [
      `${out.paint('bold', name)} is up in the network ${network}`,
      sheet([
        ['  peer id', node.peerId],
        ...addrs.map((addr, i) => [i === 0 ? '  addresses' : '', addr] as const),
        ['  HTTP', http ?? 'off'],
        ...(settings.deliverTo ?? []).map((url, i) => [i === 0 ? '  delivers to' : '', url] as const),
        ['  data', dataDir]
      ])
    ].join('\n')
  )
  out.note('Ctrl-C stops it.')
}

/** A node that has delivered before, and does not now, keeps what was not sent. */
function tellLeftOutbox({ out, settings }: Context, dataDir: string): void {
  if (settings.deliverTo !== undefined || !hasOutbox(dataDir)) return
  out.note(
    'Nothing is sent from the delivery outbox of this directory: for that start it with --deliver-to URL.'
  )
}

/** The command as it can be pasted; an invite is a secret, and the directory keeps what it said. */
function commandOf(argv: readonly string[]): string {
  return [commandName(), ...withFlag(argv, '--join', undefined).map(shellQuote)].join(' ')
}

/** What a person at the terminal should know without asking: who was refused and why, and what the disk does. */
function tellTrouble({ out }: Context, node: NatterNode): void {
  const told = new Set<string>()
  const tell = (event: object, line: string) =>
    out.json ? process.stderr.write(`${JSON.stringify(event)}\n`) : out.note(line)
  node.events.addEventListener('peer', ({ detail: { peer, state, reason } }) => {
    const line = `refused ${peer === '' ? 'somebody' : peer}: ${reason}`
    // A refused peer tries again and again; each kind of refusal is told once.
    if (state !== 'refused' || told.has(line)) return
    if (told.size < TOLD_REFUSALS) told.add(line)
    tell({ event: 'refused', peer, reason }, line)
  })
  node.events.addEventListener('storage', ({ detail: { state, reason } }) => {
    tell(
      { event: 'storage', state, reason },
      `storage is ${state}${reason === undefined ? '' : `: ${reason}`}`
    )
  })
}

/** The options of `createNode` out of the settings. */
async function nodeOptions(context: Context, dataDir: string): Promise<NodeOptions> {
  const { api, tokenFile, timeout, http, allowHosts, psk, join, ...options } = context.settings
  return {
    ...options,
    dataDir,
    ...(join === undefined ? {} : { join: await readInvite(join) }),
    ...(psk === undefined ? {} : { psk: readKey(psk) })
  }
}

/** `INVITE`, `@FILE` that holds one, or `-` for stdin. */
async function readInvite(given: string): Promise<string> {
  if (given === '-') return (await readValue('-', new AbortController().signal)).trim()
  return given.startsWith('@') ? readText(given.slice(1), 'invite').trim() : given
}

function readKey(path: string): Uint8Array {
  return parsePsk(readText(path, 'pre-shared key'))
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new NatterError('INVALID_ARGUMENT', `the file of the ${what} cannot be read: ${messageOf(cause)}`, {
      cause
    })
  }
}

/** `[HOST:]PORT`, or undefined for `off`. */
function parseHttp(text: NonNullable<Settings['http']>): { host: string; port: number } | undefined {
  if (text === 'off') return undefined
  const parts = /^(?:(\[[0-9a-fA-F:.]+\]|[^:[\]]+):)?(\d{1,5})$/.exec(text)
  const port = Number(parts?.[2])
  if (parts !== null && port < 65_536) return { host: parts[1] ?? '127.0.0.1', port }
  throw new NatterError('INVALID_ARGUMENT', `--http takes [HOST:]PORT or off, not ${text}`)
}

/** Beyond loopback a token is asked for; where no file is named, it is kept in the data directory. */
function serveOptions({ host, port }: { host: string; port: number }, dataDir: string, settings: Settings) {
  const tokenFile = settings.tokenFile ?? (isLoopbackHost(host) ? undefined : join(dataDir, 'http-token'))
  return {
    host,
    port,
    keepPort: join(dataDir, 'http-port'),
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(settings.allowHosts === undefined ? {} : { allowHosts: settings.allowHosts })
  }
}

function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host)
}

/** Resolves at the first signal, or when the parent that watches over this process is gone. */
function stopSignal(): Promise<void> {
  return new Promise(resolve => {
    let stopping = false
    const stop = () => {
      if (stopping) process.exit(1)
      stopping = true
      resolve()
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
    if (process.channel !== undefined) process.once('disconnect', () => (stopping ? undefined : stop()))
  })
}

/** A fault that nothing caught: the state in memory may be wrong, what is on disk is not. Better ended than half alive. */
function failLoudly(): void {
  const fail = (thrown: unknown) => {
    console.error(
      `natter: a fault, the node ends: ${thrown instanceof Error ? thrown.stack : messageOf(thrown)}`
    )
    process.exit(1)
  }
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)
}

export const addUp: AddCommands = (program, run) => {
  program
    .command('up')
    .description('run a node in the foreground')
    .option('--data <dir>', `its directory (default ${DEFAULT_DATA_DIR})`)
    .option('--network <name>', 'name of the network (kept in the directory; default "default")')
    .option('--name <text>', 'what peers call it (default: the host name)')
    .option('--listen <multiaddr>', 'where peers reach it; may be given again', collect)
    .option('--announce <multiaddr>', 'an address to tell others; may be given again', collect)
    .option(
      '--http <[host:]port>',
      `HTTP API, or off; port 0 chooses one and keeps it (default ${DEFAULT_HTTP})`
    )
    .option(
      '--join <invite>',
      'join a network: the line of natter invite, @FILE that holds it, or - for stdin'
    )
    .option('--bootstrap <multiaddr>', 'a peer to dial for ever; may be given again', collect)
    .option('--mdns', 'find peers on the local network')
    .option('--no-mdns', 'do not')
    .option('--no-gossip', 'direct streams only')
    .option('--psk <file>', 'pre-shared key: a swarm.key file, or 64 hex digits')
    .option('--allow <peer>', 'a peer id that may connect; may be given again', collect)
    .option('--open', 'anybody may connect')
    .option('--capability <text>', 'told to peers; may be given again', collect)
    .option(
      '--allow-host <name>',
      'a host name by which the HTTP API may be called; may be given again',
      collect
    )
    .option(
      '--deliver-to <url>',
      'host a delivery outbox for targets under this URL (natter delivery); may be given again',
      collect
    )
    .addHelpText('after', example('natter up', 'natter up --data ./b --http 0 --join @invite.txt'))
    .action(run(up))
}

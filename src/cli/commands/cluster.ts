/**
 * `cluster N`: N nodes as N processes on this machine, on loopback, with one key, each given the others' addresses.
 *
 * Keeps: a member that ends takes nobody with it, and the command printed then starts it again as it was; everything
 * (data, key, ports) stays in one directory; when this process goes, its members go.
 */
import { NatterError } from '../../base/index.js'
import { Client } from '../client.js'
import { prepareCluster } from '../cluster-plan.js'
import type { Action, AddCommands } from '../command.js'
import { example, textFlag } from '../command.js'
import type { Context } from '../context.js'
import type { Member } from '../member.js'
import { startMember } from '../member.js'
import { commandName, shellQuote } from '../shell.js'
import { shortPeer, table } from '../table.js'
import type { ReadyLine } from './up.js'

const DEFAULT_DATA_DIR = './natter-cluster'
const DEFAULT_BASE_PORT = 8081
/** Members: more processes than this are no use on one machine. */
const MAX_MEMBERS = 32
/** Milliseconds for a clean stop, after which members are killed. */
const STOP_MS = 9_000
/** Milliseconds in which members usually find each other; the table is printed then in any case. */
const MEET_MS = 5_000

const cluster: Action = async (context, options, count = '') => {
  const size = wholeNumber(count, 'N', 1, MAX_MEMBERS)
  const basePort = wholeNumber(
    textFlag(options, 'basePort') ?? String(DEFAULT_BASE_PORT),
    '--base-port',
    1,
    65_535
  )
  const natter = `${commandName()} cluster ${size}`
  context.advise(
    'PORT_IN_USE',
    `Stop the program that has the port, or choose others: ${natter} --base-port 9081`
  )
  context.advise(
    'DIRECTORY_IN_USE',
    `Stop the other cluster, or use another directory: ${natter} --data ./other`
  )
  const plans = await prepareCluster(textFlag(options, 'data') ?? DEFAULT_DATA_DIR, size, basePort)
  const stop = stopSignal()
  const members = plans.map(plan => startMember(plan, line => context.out.trace(`[${plan.name}] ${line}`)))
  stop.onForced(() => killAll(members))
  try {
    const ready = await Promise.race([Promise.all(members.map(member => member.ready)), stop.requested])
    if (ready === undefined) return
    if (context.out.json) for (const line of ready) await context.out.line(JSON.stringify(line))
    else {
      await meet(ready)
      await context.out.line(describe(ready, context))
    }
    const allEnded = Promise.all(members.map(member => tellEnd(context, member, stop)))
    await Promise.race([allEnded, stop.requested])
    if (!stop.wasRequested()) {
      throw new NatterError('INTERNAL', 'every member has ended', {
        remedy: `Start them again: ${natter}`
      })
    }
  } finally {
    await stopAll(members)
  }
}

function wholeNumber(text: string, what: string, min: number, max: number): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new NatterError(
    'INVALID_ARGUMENT',
    `${what} must be a whole number from ${min} to ${max}, not ${text}`
  )
}

/** Waits until every member sees all others, for a while: what is printed next can then be tried at once. */
async function meet(ready: readonly ReadyLine[]): Promise<void> {
  await Promise.all(
    ready.map(async ({ http }) => {
      if (http === null) return
      const client = new Client({ api: http, signal: AbortSignal.timeout(2 * MEET_MS) })
      try {
        await client.call('POST', '/wait', { body: { connected: ready.length - 1, timeout: MEET_MS } })
      } catch {
        // They go on looking for each other; natter peers shows how far they are.
      } finally {
        client.close()
      }
    })
  )
}

function describe(ready: readonly ReadyLine[], { out }: Context): string {
  const natter = commandName()
  const [first, second = first] = ready
  const rows = ready.map(({ peerId, http, dataDir, pid }, i) => [
    `node-${i + 1}`,
    http ?? 'off',
    shortPeer(peerId),
    String(pid),
    dataDir
  ])
  const columns = [
    { title: 'NAME' },
    { title: 'HTTP' },
    { title: 'PEER' },
    { title: 'PID' },
    { title: 'DATA' }
  ]
  return [
    table(columns, rows),
    '',
    out.paint('bold', 'Try in another terminal:'),
    `  curl -X PUT ${first?.http}/kv/name -d '{ "value": "Alice" }'`,
    `  curl ${second?.http}/kv/name`,
    `  export NATTER_API=${first?.http}`,
    `  ${natter} put name Bob --ack ${ready.length - 1}`,
    `  ${natter} peers`,
    '',
    'Ctrl-C stops all; the data stays.'
  ].join('\n')
}

/** Resolves when the member has ended; says so, and how to start it again, unless it was asked to. */
async function tellEnd({ out }: Context, member: Member, stop: StopSignal): Promise<void> {
  const how = await member.ended
  if (stop.wasRequested()) return
  const command = `${commandName()} ${member.plan.args.map(shellQuote).join(' ')}`
  if (out.json) await out.line(JSON.stringify({ event: 'ended', name: member.plan.name, how, command }))
  else
    await out.line(`${member.plan.name} has ended (${how}); the others go on. Start it again:\n  ${command}`)
}

function killAll(members: readonly Member[]): void {
  for (const member of members) member.kill('SIGKILL')
}

async function stopAll(members: readonly Member[]): Promise<void> {
  for (const member of members) member.kill('SIGTERM')
  const guard = setTimeout(() => killAll(members), STOP_MS)
  await Promise.all(members.map(member => member.ended))
  clearTimeout(guard)
}

interface StopSignal {
  /** Resolves at the first signal. */
  requested: Promise<undefined>
  wasRequested(): boolean
  /** Called at the second signal, before the process ends. */
  onForced(run: () => void): void
}

function stopSignal(): StopSignal {
  let requested = false
  let force: () => void = () => undefined
  const promise = new Promise<undefined>(resolve => {
    const stop = () => {
      if (requested) {
        force()
        process.exit(1)
      }
      requested = true
      resolve(undefined)
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  })
  return {
    requested: promise,
    wasRequested: () => requested,
    onForced: run => {
      force = run
    }
  }
}

export const addCluster: AddCommands = (program, run) => {
  program
    .command('cluster')
    .description('run N nodes as N processes on this machine; data, key and ports are kept')
    .argument('<n>')
    .option('--data <dir>', `where everything is kept (default ${DEFAULT_DATA_DIR})`)
    .option('--base-port <port>', `HTTP port of the first; the others follow (default ${DEFAULT_BASE_PORT})`)
    .addHelpText('after', example('natter cluster 3'))
    .action(run(cluster))
}

/**
 * `delivery`: the operations that a node sends to other servers: which wait and why, sending one again, dropping one.
 * Every subcommand works over HTTP, and with `--data` on a directory that no process has open.
 */

import { NatterError } from '../../base/index.js'
import type { OperationStatus } from '../../delivery/index.js'
import { OPERATION_STATUSES } from '../../delivery/keys.js'
import type { OperationPage, ShownOperation, WholeOperation } from '../../node/delivery/desk.js'
import { route } from '../client.js'
import type { Action, AddCommands, Flags } from '../command.js'
import { example, textFlag } from '../command.js'
import type { Context } from '../context.js'
import { formatDuration } from '../duration.js'
import type { Color, Output } from '../output.js'
import { shellQuote } from '../shell.js'
import { nearest } from '../suggest.js'
import { formatBytes, sheet, table } from '../table.js'
import { inlineValue } from '../values.js'
import { parseLimit } from './list.js'

const COLORS: Partial<Record<ShownOperation['status'], Color>> = {
  done: 'green',
  failed: 'yellow',
  'permanent-failed': 'red'
}
/** Characters of a payload that are shown to people; programs get all of it. */
const PREVIEW = 200

interface Filter {
  status?: OperationStatus | undefined
  target?: string | undefined
  limit?: number | undefined
  after?: string | undefined
}

/** The four calls, over HTTP or on a directory; each resolves with the body of its HTTP answer. */
interface Desk {
  list(filter: Filter): Promise<OperationPage & { ok: true }>
  show(id: string): Promise<WholeOperation & { ok: true }>
  retry(id: string): Promise<ShownOperation & { ok: true }>
  drop(id: string): Promise<{ ok: true }>
}

/** Runs `work` at the desk of a node, or of the directory of `--data`. */
async function atDesk(context: Context, options: Flags, work: (desk: Desk) => Promise<void>): Promise<void> {
  context.advise('NOT_FOUND', `List what is there with: natter delivery ls${dataFlag(options)}`)
  context.advise('OPERATION_IN_FLIGHT', 'Wait for the end of the attempt: some seconds at most.')
  const dataDir = textFlag(options, 'data')
  if (dataDir !== undefined) {
    const { openDelivery } = await import('../offline-delivery.js') // the database: not for commands that call a node
    await using offline = await openDelivery(dataDir)
    const { desk } = offline
    return await work({
      list: async filter => ({ ok: true, ...(await desk.list(defined(filter))) }),
      show: async id => ({ ok: true, ...(await desk.show(id)) }),
      retry: async id => ({ ok: true, ...(await desk.retry(id)) }),
      drop: async id => {
        await desk.drop(id)
        return { ok: true }
      }
    })
  }
  context.advise(
    'NODE_UNREACHABLE',
    'Name the node with --api URL, or look at the directory of one that does not run: natter delivery ls --data ./natter-data'
  )
  context.advise(
    'ROUTE_NOT_FOUND',
    'This node hosts no delivery outbox. Start it with the URL that it may deliver to: natter up --deliver-to URL'
  )
  const call = async <T>(method: string, path: string, query = {}) =>
    (await context.client.call<T & { ok: true }>(method, path, { query })).body
  return work({
    list: filter => call('GET', '/delivery', { ...filter }),
    show: id => call('GET', route`/delivery/${id}`),
    retry: id => call('POST', route`/delivery/${id}/retry`),
    drop: id => call('DELETE', route`/delivery/${id}`)
  })
}

function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}

const ls: Action = async (context, options) => {
  const { out } = context
  const limit = textFlag(options, 'limit')
  const filter = {
    status: statusFlag(options),
    target: textFlag(options, 'target'),
    limit: limit === undefined ? undefined : parseLimit(limit),
    after: textFlag(options, 'after')
  }
  await atDesk(context, options, async desk => {
    const page = await desk.list(filter)
    await out.result(page, ({ operations }) => (operations.length === 0 ? '' : describeList(operations, out)))
    for (const line of summaryOf(page)) out.note(line)
    if (page.next !== null) {
      out.note(`(and more: natter delivery ls${filterFlags(options)} --after ${shellQuote(page.next)})`)
    }
  })
}

function statusFlag(options: Flags): OperationStatus | undefined {
  const given = textFlag(options, 'status')
  const status = OPERATION_STATUSES.find(one => one === given)
  if (given === status) return status
  const near = nearest(given ?? '', OPERATION_STATUSES)
  const hint = near === undefined ? '' : ` (did you mean ${near}?)`
  throw new NatterError(
    'INVALID_ARGUMENT',
    `--status takes one of ${OPERATION_STATUSES.join(', ')}, not ${given}${hint}`
  )
}

function describeList(list: readonly ShownOperation[], out: Output): string {
  const server = commonServer(list)
  const text = table(
    [
      { title: 'ID' },
      { title: 'STATUS' },
      { title: 'TRIES', right: true },
      { title: 'AGE', right: true },
      { title: 'NEXT TRY', right: true },
      { title: 'TARGET', flexible: true },
      { title: 'LAST ERROR', flexible: true }
    ],
    list.map(op => [
      printable(op.id),
      op.status,
      String(op.attempt),
      ageOf(op.createdAt),
      op.nextRetryAt === null ? '-' : inTime(op.nextRetryAt),
      server === '' ? printable(op.target) : `…${op.target.slice(server.length)}`,
      op.lastError === null || op.status === 'done' ? '-' : printable(op.lastError)
    ])
  )
  return text.replace(/ (done|failed|permanent-failed)(?= +\d)/g, (whole, status: ShownOperation['status']) =>
    out.paint(COLORS[status] ?? 'dim', whole)
  )
}

/** The server of all targets where it is one only: it needs no place in each line. */
function commonServer([first, ...others]: readonly ShownOperation[]): string {
  const server = /^https?:\/\/[^/]+(?=\/)/.exec(first?.target ?? '')?.[0] ?? ''
  return others.every(({ target }) => target.startsWith(`${server}/`)) ? server : ''
}

function summaryOf({ counts, oldestMs, offline, operations }: OperationPage): string[] {
  const waiting = counts.pending + counts.inflight + counts.failed
  const total = waiting + counts.done + counts['permanent-failed']
  if (total === 0) return ['the delivery outbox is empty']
  const oldest = oldestMs === null ? '' : `, the oldest for ${formatDuration(oldestMs)}`
  const parts = [
    waiting === 0 ? 'nothing waits' : `${waiting} ${waiting === 1 ? 'waits' : 'wait'}${oldest}`,
    ...(counts['permanent-failed'] === 0 ? [] : [`${counts['permanent-failed']} failed for good`]),
    ...(counts.done === 0 ? [] : [`${counts.done} done`])
  ]
  return [
    `${operations.length === 0 ? 'none of these; ' : ''}${parts.join(', ')}`,
    ...(commonServer(operations) === '' ? [] : [`targets are at ${commonServer(operations)}`]),
    ...offline.map(({ server, sinceAt }) => `${server} cannot be reached, for ${ageOf(sinceAt)}`)
  ]
}

const show: Action = async (context, options, id = '') => {
  await atDesk(context, options, async desk => {
    const op = await desk.show(requireId(id))
    await context.out.result(op, whole => describe(whole, context.out))
  })
}

function describe(op: WholeOperation, out: Output): string {
  const color = COLORS[op.status]
  const reasons = op.why.map(({ text }) => printable(text))
  return sheet([
    ['id', printable(op.id)],
    ['kind', printable(op.kind)],
    ['target', printable(op.target)],
    ['status', color === undefined ? op.status : out.paint(color, op.status)],
    ...(reasons.length === 0 ? ['nothing holds it up: it is sent next'] : reasons).map(
      (text, i) => [i === 0 ? whyTitle(op) : '', text] as const
    ),
    ['tries', String(op.attempt)],
    ...(op.lastError === null ? [] : [['last error', printable(op.lastError)] as const]),
    ...(op.nextRetryAt === null
      ? []
      : [['next try', `${op.nextRetryAt}, ${inTime(op.nextRetryAt)}`] as const]),
    ['taken', `${op.createdAt}, ${ageOf(op.createdAt)} ago`],
    ['changed', `${op.updatedAt}, ${ageOf(op.updatedAt)} ago`],
    ['key', printable(op.idempotencyKey)],
    ['order', op.ordered ? 'after those before it on its target' : 'none'],
    ['payload', previewOf(op)]
  ])
}

function whyTitle({ status }: WholeOperation): string {
  if (status === 'done') return ''
  return status === 'inflight' ? 'now' : 'not sent as'
}

function previewOf({ payload, payload_base64: base64, payloadBytes }: WholeOperation): string {
  if (payload === undefined) return 'none'
  const text = printable(typeof payload === 'string' ? payload : inlineValue(payload, base64))
  const cut = text.length > PREVIEW ? `${text.slice(0, PREVIEW)}…   (all of it with --json)` : text
  return `${formatBytes(payloadBytes)}: ${cut}`
}

const retry: Action = async (context, options, ...given) => {
  const ids = idsOf(given)
  const all = options['all'] === true
  if (all === ids.length > 0) {
    throw new NatterError('INVALID_ARGUMENT', 'say what to send again: ids, or --all that failed for good')
  }
  await atDesk(context, options, async desk => {
    let count = 0
    const again = async (id: string) => {
      const op = await desk.retry(id)
      count++
      await context.out.result(op, ({ target }) => `${id} is sent again to ${target}`)
    }
    for (const id of ids) await again(id)
    if (!all) return
    for await (const id of failedOnes(desk)) await again(id)
    if (count === 0) context.out.note('nothing has failed for good')
  })
}

/** Ids of all that failed for good, a page at a time. */
async function* failedOnes(desk: Desk): AsyncGenerator<string> {
  for (let after: string | undefined; ; ) {
    const { operations, next } = await desk.list({ status: 'permanent-failed', after })
    for (const { id } of operations) yield id
    if (next === null) return
    after = next
  }
}

const drop: Action = async (context, options, ...given) => {
  await atDesk(context, options, async desk => {
    for (const id of idsOf(given)) {
      const body = await desk.drop(id)
      await context.out.result(body, () => '')
      context.out.note(`dropped: ${id}`)
    }
  })
}

/** commander gives the arguments of `<id...>` as one list. */
function idsOf(given: readonly unknown[]): string[] {
  return given.flat().map(requireId)
}

function requireId(id: unknown): string {
  if (typeof id === 'string' && id !== '') return id
  throw new NatterError('INVALID_ARGUMENT', 'the id is empty')
}

function dataFlag(options: Flags): string {
  return flagsOf(options, ['data'])
}

function filterFlags(options: Flags): string {
  return flagsOf(options, ['status', 'target', 'limit', 'data'])
}

/** Flags as they were given, to be put behind a command. */
function flagsOf(options: Flags, names: readonly string[]): string {
  const given = names.map(name => [name, textFlag(options, name)] as const)
  return given.map(([name, value]) => (value === undefined ? '' : ` --${name} ${shellQuote(value)}`)).join('')
}

function ageOf(at: string): string {
  return formatDuration(Math.max(0, Date.now() - Date.parse(at)))
}

function inTime(at: string): string {
  const ms = Date.parse(at) - Date.now()
  return ms <= 0 ? 'now' : `in ${formatDuration(ms)}`
}

/** On one line, and without what would move the cursor of a terminal: errors come from other servers. */
function printable(text: string): string {
  return text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim()
}

const DATA = [
  '--data <dir>',
  'a directory that no process has open: of a node, or of an outbox of the library'
] as const

export const addDelivery: AddCommands = (program, run) => {
  const delivery = program
    .command('delivery')
    .description(
      'what a node sends to other servers: what waits and why; for nodes started with --deliver-to URL'
    )
    .addHelpText(
      'after',
      `\nOperations are handed in over HTTP, or by natter/delivery of the library:\n${[
        '  $ natter up --deliver-to https://api.example.com/v1',
        "  $ curl http://127.0.0.1:7070/delivery -H 'content-type: application/json' -H 'idempotency-key: order-17' \\",
        '      -d \'{ "target": "https://api.example.com/v1/orders", "payload": { "items": 3 } }\''
      ].join('\n')}\n${example('natter delivery ls', 'natter delivery show order-17')}`
    )
  delivery
    .command('ls')
    .description('the operations in the order in which they were taken, and how many are in which state')
    .option('--status <status>', `only those: ${OPERATION_STATUSES.join(', ')}`)
    .option('--target <url>', 'only those for this target')
    .option('--limit <n>', 'so many at most (default 1000)')
    .option('--after <id>', 'only those behind this one')
    .option(...DATA)
    .addHelpText('after', example('natter delivery ls --status permanent-failed'))
    .action(run(ls))
  delivery
    .command('show')
    .description('one operation, and why it is not sent now')
    .argument('<id>')
    .option(...DATA)
    .addHelpText(
      'after',
      example('natter delivery show order-17', 'natter delivery show order-17 --data ./natter-data')
    )
    .action(run(show))
  delivery
    .command('retry')
    .description(
      'send again what failed: at once, and what failed for good with as many attempts as a new one'
    )
    .argument('[id...]')
    .option('--all', 'all that failed for good')
    .option(...DATA)
    .addHelpText('after', example('natter delivery retry order-17', 'natter delivery retry --all'))
    .action(run(retry))
  delivery
    .command('drop')
    .description('forget operations, whatever became of them')
    .argument('<id...>')
    .option(...DATA)
    .addHelpText('after', example('natter delivery drop order-17'))
    .action(run(drop))
}

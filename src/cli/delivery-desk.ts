/**
 * The desk at which `natter delivery` asks: that of a node over HTTP, or that of a directory by `--data`. Both answer with
 * the bodies of the HTTP API.
 */
import type { OperationStatus } from '../delivery/index.js'
import type { OperationPage, ShownOperation, WholeOperation } from '../node/delivery/desk.js'
import { route } from './client.js'
import type { Flags } from './command.js'
import { textFlag } from './command.js'
import type { Context } from './context.js'
import { shellQuote } from './shell.js'

export interface Filter {
  status?: OperationStatus | undefined
  target?: string | undefined
  limit?: number | undefined
  after?: string | undefined
}

/** The four calls, over HTTP or on a directory; each resolves with the body of its HTTP answer. */
export interface Desk {
  list(filter: Filter): Promise<OperationPage & { ok: true }>
  show(id: string): Promise<WholeOperation & { ok: true }>
  retry(id: string): Promise<ShownOperation & { ok: true }>
  drop(id: string): Promise<{ ok: true }>
}

/** Runs `work` at the desk of a node, or of the directory of `--data`. */
export async function atDesk(
  context: Context,
  options: Flags,
  work: (desk: Desk) => Promise<void>
): Promise<void> {
  context.advise('NOT_FOUND', `List what is there with: natter delivery ls${dataFlag(options)}`)
  context.advise('OPERATION_IN_FLIGHT', 'Wait for the end of the attempt: some seconds at most.')
  const dataDir = textFlag(options, 'data')
  if (dataDir === undefined) {
    // Over HTTP the database is open: it is one operation that cannot be read.
    context.advise(
      'STORE_DAMAGED',
      'Forget the operation that is named, if it can be missed: natter delivery drop ID'
    )
  } else {
    const { openDelivery } = await import('./offline-delivery.js') // the database: not for commands that call a node
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

function dataFlag(options: Flags): string {
  return flagsOf(options, ['data'])
}

export function filterFlags(options: Flags): string {
  return flagsOf(options, ['status', 'target', 'limit', 'data'])
}

/** Flags as they were given, to be put behind a command. */
function flagsOf(options: Flags, names: readonly string[]): string {
  const given = names.map(name => [name, textFlag(options, name)] as const)
  return given.map(([name, value]) => (value === undefined ? '' : ` --${name} ${shellQuote(value)}`)).join('')
}

/** What a node shows of its keys: listings, concurrent versions, history. Reads only. */
import type { CellInfo, ListOptions, VersionInfo, WriteOp } from '../base/index.js'
import { NatterError } from '../base/index.js'
import { requireOpId } from '../log/index.js'
import type { Version } from '../merge/index.js'
import { distinct } from '../merge/index.js'
import type { Store } from '../store/index.js'
import { keyRange } from './key-range.js'
import { cellInfo, encodeKey, keyText, versionInfo } from './values.js'
import { throwIfAborted } from './wait.js'

/** Keys read at a time by a listing. */
const PAGE = 256

export async function* listCells(store: Store, options: ListOptions): AsyncGenerator<CellInfo> {
  const { limit = Number.POSITIVE_INFINITY, signal } = options
  const walk = store.iterate(keyRange(options))
  try {
    for (let left = limit; left > 0; ) {
      throwIfAborted(signal)
      const page = await walk.next(Math.min(left, PAGE))
      if (page.length === 0) return
      for (const { key, cell } of page) yield cellInfo(key, cell)
      left -= page.length
    }
  } finally {
    await walk.close()
  }
}

/** The versions that nobody has overwritten, copies of one client's op as one. Throws `NOT_FOUND`. */
export async function listVersions(store: Store, key: string): Promise<VersionInfo[]> {
  const cell = await store.get(encodeKey(key))
  if (cell === undefined) throw new NatterError('NOT_FOUND', 'not found')
  const { winner } = cell
  return Promise.all(
    distinct(cell.heads).map(async head => versionInfo(head, winner, await writerTimeOf(store, head)))
  )
}

/** A cell keeps no time of the writer's own: it stands in the log. */
async function writerTimeOf(store: Store, head: Version): Promise<number | undefined> {
  return (await store.findOp({ ...head, branch: head.id.slice(0, 8) }))?.writerTimeMs
}

export async function* listHistory(
  store: Store,
  key: string,
  signal: AbortSignal | undefined
): AsyncGenerator<VersionInfo> {
  const bytes = encodeKey(key)
  const winner = (await store.get(bytes))?.winner
  for await (const op of store.history(bytes)) {
    throwIfAborted(signal)
    yield versionInfo(op, winner)
  }
}

export async function* listConflicts(
  store: Store,
  signal: AbortSignal | undefined
): AsyncGenerator<{ key: string; versions: number }> {
  for await (const { key, cell } of store.conflicts()) {
    throwIfAborted(signal)
    yield { key: keyText(key), versions: distinct(cell.heads).length }
  }
}

/** The op that settles a key with one of its versions, or with a value. Throws `NOT_FOUND` for what is no version. */
export async function resolvingOp(
  store: Store,
  key: string,
  choice: { take: string } | { value: unknown }
): Promise<WriteOp> {
  const given = ['value', 'take'].filter(name => Object.hasOwn(choice, name))
  if (given.length !== 1) throw new NatterError('INVALID_ARGUMENT', 'give either take, an op id, or value')
  if ('value' in choice) return { type: 'put', key, value: choice.value }
  const name = requireOpId(choice.take)
  const cell = await store.get(encodeKey(key))
  const taken = cell?.heads.find(
    head =>
      head.author === name.author &&
      head.epoch === name.epoch &&
      head.seq === name.seq &&
      head.index === name.index &&
      (name.branch === undefined || head.id.startsWith(name.branch))
  )
  if (taken === undefined) throw new NatterError('NOT_FOUND', `${choice.take} is no version of this key`)
  return taken.value === undefined ? { type: 'del', key } : { type: 'put', key, value: taken.value }
}

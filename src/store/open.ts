/**
 * Opening a store: reads what memory holds, checks the end of the log, no replay. And opening it again after a fence:
 * memory is built anew from what the disk turned out to hold, the newest batch is written once more in a synced commit
 * before anybody hears of it, and what the interrupted commit did make is announced.
 */

import { failpoint } from '../base/failpoints.js'
import type { NodeEvents } from '../base/index.js'
import { NatterError, toHex } from '../base/index.js'
import type { Disk, DiskWrite } from '../disk/index.js'
import type { StoreId } from '../log/index.js'
import { authorOf, databaseIdOf } from '../log/index.js'
import type { AuthorTable } from './authors.js'
import { Committer } from './commit.js'
import { DamageReports } from './damage.js'
import type { IsForked } from './heads.js'
import { LogReader } from './history.js'
import { HoleKeeper } from './hole-keeper.js'
import type { AppliedBatch, Store, StoreInit } from './index.js'
import type { InspectionInit } from './inspection.js'
import { KeyFilterLoader } from './key-filter-loader.js'
import { logKey, META_KEY, REPAIR_KEY } from './keys.js'
import { Lineage } from './lineage.js'
import { Listeners } from './listeners.js'
import { Memory, readMeta } from './memory.js'
import { ProgramAcks } from './program-acks.js'
import { CellReader } from './reads.js'
import type { RebuildCell } from './rebuild.js'
import { cellRebuilder } from './rebuild.js'
import { damaged } from './records.js'
import { isLaidOut } from './relay.js'
import { Renewal } from './renewal.js'
import type { UpkeepRequest } from './requests.js'
import type { Meta, State } from './state.js'
import { encodeMeta } from './state.js'
import { LogStore } from './store.js'
import { repairStore } from './verify.js'

/**
 * Opens the store on an open disk. Throws `NETWORK_MISMATCH` for a disk of another network, `FORMAT_UNKNOWN` for a
 * newer format, `STORE_DAMAGED` when the end of the log or what memory is made of cannot be trusted.
 */
export async function openStore(init: StoreInit): Promise<Store> {
  const { disk, crypto, strategy } = init
  const identity = await identityOf(init)
  await finishLayout({ ...init, ...identity })
  const memory = new Memory(init)
  await memory.load()
  const { branches, peers, holes } = memory
  const state = (): State => memory.state
  const events = new Listeners()
  const emit = <K extends keyof NodeEvents>(type: K, event: NodeEvents[K]): void => events.emit(type, event)
  const damage = new DamageReports(disk, emit)
  const lineage = new Lineage(disk, crypto, branches)
  const names = (): AuthorTable => memory.state.authors
  const rebuild: RebuildCell = (key, options) =>
    cellRebuilder({ disk, hashes: crypto, authors: names, strategy, log, lineage })(key, options)
  const repair = (key: Uint8Array): void => committer.repair(key)
  const isForked: IsForked = origin => memory.state.forks.covers(origin)
  const cells = new CellReader({ disk, hashes: crypto, names, strategy, isForked, emit, rebuild, repair })
  const onDamage = (position: number, error: NatterError): void => keeper.note(position, error)
  const isVacant = (position: number): boolean => holes.vacant.has(position)
  const base = { disk, hashes: crypto, state, lineage }
  const log = new LogReader({ ...base, cells, onDamage, isVacant })
  const committer = new Committer({
    ...init,
    ...identity,
    identity,
    branches,
    state,
    rebuild,
    holes,
    onDamage,
    mended: where => damage.mended(where),
    renewChecks: () => renewal.start(),
    missed: count => filterLoader.missed(count),
    addWaiting: draft => draft.afterwards.push(peers.writeTo(draft.write)),
    announce: notice => {
      log.keep(notice.applied)
      events.announce(notice)
    },
    emit,
    repeated: ops => log.repeated(ops)
  })
  const commit = (run: UpkeepRequest['run']): Promise<void> => committer.upkeep(run)
  const renewal = new Renewal({ ...base, holes, committer, log })
  const keeper = new HoleKeeper({ ...base, table: holes, damage, commit })
  const filterLoader = new KeyFilterLoader({ ...base, log, commit })
  const programs = new ProgramAcks({ disk, log, lineage, peers, state, commit })
  const noteLost = (): void => {
    for (const position of memory.lost) keeper.note(position, damaged(`position ${position} of the log`))
  }
  const reload = async (): Promise<Reloaded> => {
    const known = memory.state.mark.position
    committer.restart()
    log.clear()
    programs.clear()
    await memory.load()
    return { state: memory.state, known, lost: memory.lost }
  }
  const detach = followDisk({ disk, events, log, reload, noteLost })
  const upkeep = { programs, keeper, renewal, filterLoader }
  const parts = { committer, cells, log, peers, events, damage, holes, reload, detach, init }
  const store = new LogStore({ ...base, ...parts, ...upkeep, ...identity, scrub: { onDamage, isVacant } })
  if (holes.size > 0) keeper.recheck().catch(() => undefined) // noted, and tried again when it is filled
  renewal.start()
  noteLost()
  return store
}

/** Memory as the disk has it now. */
interface Reloaded {
  readonly state: State
  /** The position up to which listeners were told before. */
  readonly known: number
  /** Positions at the end of the log whose records are damaged. */
  readonly lost: readonly number[]
}

/** Has memory built anew when the disk was opened again, and passes on what the disk says of itself. */
function followDisk(parts: {
  disk: Disk
  events: Listeners
  log: LogReader
  reload: () => Promise<Reloaded>
  /** Has what the last reload found damaged asked of peers. */
  noteLost: () => void
}): () => void {
  const { disk, events, log, reload, noteLost } = parts
  let unannounced: readonly AppliedBatch[] = []
  /** Where listeners are, while memory may be ahead of them: a recovery may take several tries. */
  let toldTo: number | undefined
  const stopRebuild = disk.onReopen(async commit => {
    const { state, known, lost } = await reload()
    toldTo ??= known
    const { position } = state.mark
    await rewriteTail(disk, lost.includes(position) ? [META_KEY] : [logKey(position), META_KEY], commit)
    unannounced = await appliedAbove(log, toldTo)
  })
  const stopState = disk.onState((now, reason) => {
    const made = unannounced
    if (now === 'open') {
      unannounced = []
      toldTo = undefined
      events.announce({ applied: made })
    }
    events.emit('storage', reason === undefined ? { state: now } : { state: now, reason })
    if (now === 'open') noteLost()
  })
  return () => {
    stopRebuild()
    stopState()
  }
}

/** Before a repair that lays out the log is over, what follows from the log is not all there. */
async function finishLayout(init: InspectionInit): Promise<void> {
  if (isLaidOut(await init.disk.get(REPAIR_KEY))) await repairStore(init)
}

type Identity = Pick<Meta, 'storeId' | 'database' | 'author'>

export function requireNetwork(meta: Meta | undefined, { network, crypto }: StoreInit): void {
  if (meta !== undefined && meta.database !== databaseIdOf(network, crypto))
    throw new NatterError('NETWORK_MISMATCH', `the store belongs to another network than ${network}`)
}

/** Who this store is: kept in it, and made anew where it is first opened or was put back. */
async function identityOf(init: StoreInit): Promise<Identity> {
  const { disk, network, signer, crypto, random, storeId } = init
  const database = databaseIdOf(network, crypto)
  const author = authorOf(signer.publicKey)
  const meta = await readMeta(init)
  requireNetwork(meta, init)
  const isSame =
    meta !== undefined && meta.author === author && (storeId === undefined || storeId === meta.storeId)
  if (isSame) return { storeId: meta.storeId, database, author }
  const minted = { storeId: toHex(random.bytes(8)) as StoreId, database, author }
  const write = disk.write()
  const empty = { mark: { position: 0, check: '0'.repeat(16) }, totals: { ops: 0, keys: 0, bytes: 0 } }
  const rest = meta ?? { ...empty, digest: new Uint8Array(16), time: { ms: 0, counter: 0 } }
  write.put(META_KEY, encodeMeta({ ...rest, ...minted }, crypto))
  await disk.commit(write)
  return minted
}

/**
 * Writes the newest batch and the meta record once more. They may have been read from what the system still had in
 * memory after a failed sync; only a commit that resolved says that they are on disk. A damaged batch is left as it is.
 */
async function rewriteTail(
  disk: Disk,
  keys: readonly Uint8Array[],
  commit: (write: DiskWrite) => Promise<void>
): Promise<void> {
  const write = disk.write()
  for (const key of keys) {
    const value = await disk.get(key)
    if (value !== undefined) write.put(key, value)
  }
  failpoint('store.reopen.before-rewrite')
  await commit(write)
}

async function appliedAbove(log: LogReader, position: number): Promise<AppliedBatch[]> {
  const applied: AppliedBatch[] = []
  for await (const { position: at, record } of log.records(position)) {
    applied.push({ batch: record.batch, mark: { position: at, check: record.check }, local: record.local })
  }
  return applied
}

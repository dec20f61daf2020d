/**
 * Verifying a store, and repairing it: the whole log against its hashes, checks and signatures, and everything that
 * follows from the log computed anew and compared with what stands. Verification works on a snapshot, so writes may go
 * on; a repair makes each record that differs what the log says, and notes the batches that have to come from a peer.
 *
 * The log is never changed here, and nothing of it is made up. What rests on a batch that is missing stays as it is
 * where it can be read, and is out of use until the batch is back where it cannot.
 */
import type { VerifyReport } from '../base/index.js'
import { equalBytes } from '../base/index.js'
import type { HybridTime, Mark } from '../log/index.js'
import { observeTime, peerIdOf, ZERO_TIME } from '../log/index.js'
import { mendAuthors } from './authors-mend.js'
import { encodeRenewal } from './checks.js'
import type { Hole } from './holes.js'
import { decodeHole, putGap, putHole } from './holes.js'
import type { InspectionInit } from './inspection.js'
import { Inspection, positionName } from './inspection.js'
import { META_KEY, positionOfKey, RENEWAL_KEY, REPAIR_KEY, SPACE } from './keys.js'
import { NO_CHECK } from './log-record.js'
import { decodePeer, encodePeer } from './peers.js'
import { isLaidOut, layOut } from './relay.js'
import { scanLog } from './scan-log.js'
import type { Meta } from './state.js'
import { decodeMeta, encodeMeta } from './state.js'
import { inspectCells } from './verify-cells.js'
import { dropBrokenIndex, findHoles, giveUpVacant } from './verify-holes.js'
import { inspectKeyLists } from './verify-keys.js'
import { inspectLog } from './verify-log.js'

/** Checks a store on a snapshot of its disk. */
export async function verifyStore(init: InspectionInit): Promise<VerifyReport> {
  return (await inspect(new Inspection(init, false)))!
}

/** Checks a store and puts right what can be. Nobody else may write meanwhile, and memory is to be built anew behind it. */
export async function repairStore(init: InspectionInit): Promise<VerifyReport> {
  const inspection = new Inspection(init, true)
  if (!isLaidOut(await inspection.get(REPAIR_KEY))) {
    await inspection.put(REPAIR_KEY, new Uint8Array(0))
    await inspection.flush()
    const report = await inspect(inspection)
    if (report !== undefined) return report
    await inspection.put(REPAIR_KEY, undefined)
  }
  inspection.progress('laying out the log')
  await layOut(inspection)
  const again = new Inspection({ ...init, isTorn: true }, true)
  again.repaired.push({
    where: 'the log',
    what: 'batches stood before what they rest on: it is laid out anew'
  })
  return (await inspect(again, true))!
}

/** Undefined where a repair has to lay out the log first. */
async function inspect(inspection: Inspection, wasLaidOut = false): Promise<VerifyReport | undefined> {
  const { init } = inspection
  init.signal?.throwIfAborted()
  try {
    await inspectFiles(inspection)
    const meta = await readMeta(inspection)
    const begun = inspection.repairs ? undefined : await inspection.get(REPAIR_KEY)
    if (begun !== undefined) inspection.fault('the store', 'a repair of it was cut: run it again')
    if (isLaidOut(begun)) return reportOf(inspection, { batches: 0, ops: 0, keys: 0 })
    inspection.progress('reading the log')
    const scan = await scanLog(inspection, meta?.mark.position ?? 0)
    await mendAuthors(inspection, scan)
    await findHoles(inspection, scan, meta !== undefined)
    inspection.progress('comparing the index with the log')
    const log = await inspectLog(inspection, scan, meta)
    // With batches that are still to come it waits for them: they have places where they stood.
    const isDue = inspection.isOutOfOrder && inspection.holes.every(({ kind }) => kind === 'cover')
    if (isDue && inspection.repairs && !wasLaidOut) return undefined
    await dropBrokenIndex(inspection)
    await giveUpVacant(inspection)
    inspection.progress('comparing the state with the log')
    const cells = await inspectCells(inspection, log.ops, await inspectKeyLists(inspection))
    await inspectPeers(inspection)
    // What was given up is counted no more; what is still to come keeps its place in the counts.
    const { ops, bytes } = inspection.bad.size === 0 ? log.held : log
    const totals = { ops, bytes, keys: cells.present }
    await inspectMeta(inspection, meta, { mark: log.mark, totals, digest: cells.digest, time: log.time })
    await finish(inspection)
    return reportOf(inspection, { batches: log.batches, ops, keys: cells.present })
  } finally {
    await inspection.close()
  }
}

/** No repair of an open database mends its files: LevelDB has them. */
async function inspectFiles(inspection: Inspection): Promise<void> {
  const { init } = inspection
  if (init.withFiles !== true) return
  const pace = (): void => init.signal?.throwIfAborted()
  for (const { file, what } of (await init.disk.checkFiles?.(pace)) ?? [])
    inspection.fault(
      `the file db/${file}`,
      `${what}: stop the node and run natter verify --repair --data DIR`
    )
}

async function readMeta(inspection: Inspection): Promise<Meta | undefined> {
  const value = await inspection.get(META_KEY)
  return value === undefined ? undefined : inspection.attempt(() => decodeMeta(value, inspection.init.crypto))
}

interface Expected {
  readonly mark: Mark | undefined
  readonly totals: Meta['totals']
  /** Undefined where it cannot be told: a cell is out of use until its log is whole. */
  readonly digest: Uint8Array | undefined
  readonly time: HybridTime
}

/** Identity, mark, totals, digest and time. */
async function inspectMeta(
  inspection: Inspection,
  meta: Meta | undefined,
  expected: Expected
): Promise<void> {
  const { author, database, storeId, crypto, clock, limits } = inspection.init
  const { totals } = expected
  const mark = expected.mark ?? meta?.mark ?? { position: 0, check: NO_CHECK }
  const time = observeTime(meta?.time ?? ZERO_TIME, expected.time, clock.now(), limits.clockDriftMs)
  const digest = expected.digest ?? meta?.digest ?? new Uint8Array(16)
  const identity = meta === undefined ? { author, database, storeId } : meta
  const right = encodeMeta({ ...identity, mark, totals, digest, time: meta?.time ?? time }, crypto)
  const stored = await inspection.get(META_KEY)
  if (stored !== undefined && equalBytes(stored, right)) return
  if (meta === undefined) {
    if (stored === undefined && mark.position === 0) return
    const what = stored === undefined ? 'it is missing' : 'its checksum does not fit'
    await inspection.mend('the meta record', what, META_KEY, right)
    return
  }
  const what = !sameMark(meta.mark, mark)
    ? 'its mark is not the newest batch'
    : meta.totals.ops !== totals.ops || meta.totals.bytes !== totals.bytes
      ? `it counts ${meta.totals.ops} ops, the log holds ${totals.ops}`
      : meta.totals.keys !== totals.keys
        ? `it counts ${meta.totals.keys} keys, there are ${totals.keys}`
        : 'its state digest is not that of the log'
  await inspection.mend('the meta record', what, META_KEY, right)
}

function sameMark(a: Mark, b: Mark): boolean {
  return a.position === b.position && a.check === b.check
}

/** The account of a peer rests on nothing in the log: a damaged one begins anew. */
async function inspectPeers(inspection: Inspection): Promise<void> {
  const lenient = new TextDecoder()
  for await (const [key, value] of inspection.entries(SPACE.peer)) {
    const account = inspection.attempt(() => decodePeer(key, value, inspection.init.crypto))
    if (account !== undefined) {
      const { theirs, ...rest } = account
      if (inspection.isTorn && theirs !== undefined)
        await inspection.put(key, encodePeer(key, rest, inspection.init.crypto))
      continue
    }
    const where = `the account of ${lenient.decode(key.subarray(1))}`
    const what = 'its checksum does not fit: it begins anew, and if the peer was blocked, block it again'
    await inspection.mend(where, what, key, undefined)
  }
}

/** Keeps notes of what is to come from peers, and of nothing else; then the repair is over. */
async function finish(inspection: Inspection): Promise<void> {
  const { crypto } = inspection.init
  const open = new Map(inspection.holes.map(hole => [hole.position, hole]))
  for (const hole of inspection.holes) {
    const what =
      hole.kind === 'cover'
        ? `nothing proves batch ${nameOf(inspection, hole)} to others: a peer that has it is asked`
        : `batch ${nameOf(inspection, hole)}: ${inspection.bad.get(hole.position)}; a peer that has it is asked`
    inspection.fault(positionName(hole.position), what)
  }
  const known = new Set(inspection.holes.map(({ position }) => position))
  for (const [position, what] of inspection.bad) {
    if (!known.has(position))
      inspection.fault(positionName(position), `${what}, and nothing tells which batch stood there`)
  }
  if (!inspection.repairs) return
  for await (const [key, value] of inspection.entries(SPACE.hole)) {
    if (inspection.vacant.has(positionOfKey(key))) continue
    const noted = value.length === 6 ? undefined : inspection.attempt(() => decodeHole(key, value, crypto))
    if (noted === undefined || open.get(positionOfKey(key))?.id !== noted.id)
      await inspection.put(key, undefined)
  }
  for (const hole of inspection.holes) {
    await putHole({ put: (key, value) => inspection.put(key, value) }, hole, crypto)
  }
  const notes = { put: (key: Uint8Array, value: Uint8Array) => inspection.put(key, value) }
  for (const position of inspection.vacant) await putGap(notes, position, 'vacant', crypto)
  for (const position of inspection.bad.keys())
    if (!known.has(position)) await putGap(notes, position, 'open', crypto)
  if ((await inspection.get(RENEWAL_KEY)) !== undefined)
    await inspection.put(RENEWAL_KEY, encodeRenewal('made', crypto))
  await inspection.put(REPAIR_KEY, undefined)
  await inspection.flush()
}

function nameOf({ authors }: Inspection, { author, epoch, seq, id }: Hole): string {
  return `${peerIdOf(authors.nameOf(author))}.${epoch}.${seq} (${id.slice(0, 16)})`
}

function reportOf(
  inspection: Inspection,
  counted: Pick<VerifyReport, 'batches' | 'ops' | 'keys'>
): VerifyReport {
  const { damage, repaired, holes, authors, init } = inspection
  const waiting = holes.map(({ id, author, epoch, seq, position }) => ({
    batch: id,
    author: peerIdOf(authors.nameOf(author)),
    epoch,
    seq,
    position,
    own: authors.nameOf(author) === init.author,
    nobody: init.isUnanswered?.(id) ?? false
  }))
  return { ok: damage.length === 0, ...counted, damage, repaired, waiting }
}

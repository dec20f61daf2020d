/**
 * The log laid out anew, by a repair that finds batches standing before what they rest on: batches whose names were lost
 * with their records came back wherever there was room. What is whole stays, in an order in which each rests on those
 * before it, ends at the position where the log ended, and everything that follows from it is dropped and made again.
 *
 * Keeps: every whole batch stands at one place at least, whenever this is cut. The stages are named on disk; a store in one
 * of them is not opened before its repair was done.
 */
import type { Author, BatchId, Epoch } from '../log/index.js'
import { bodyFits, NO_BATCH, ZERO_TIME } from '../log/index.js'
import { encodeRenewal } from './checks.js'
import { putGap } from './holes.js'
import type { Inspection } from './inspection.js'
import { logKey, META_KEY, positionOfKey, RENEWAL_KEY, REPAIR_KEY, SPACE } from './keys.js'
import type { LogRecord } from './log-record.js'
import { decodeLog, encodeLog, NO_CHECK, nextCheck } from './log-record.js'
import { decodePeer, encodePeer } from './peers.js'
import { decodeMeta, encodeMeta } from './state.js'

/** Copies stand so far behind the positions that they are for. */
const aside = 2 ** 47

/** What follows from the log, and is made again. */
const derived = [
  SPACE.branch,
  SPACE.clientId,
  SPACE.hole,
  SPACE.fork,
  SPACE.history,
  SPACE.index,
  SPACE.keyList,
  SPACE.cell,
  SPACE.branchName,
  SPACE.conflict,
  SPACE.programAck,
  SPACE.tip,
  SPACE.overwritten
]

/** Copied aside, what was there cleared, put in place, and everything else made again. */
const STAGE = { copy: 1, clear: 2, place: 3, derive: 4 } as const

interface Entry {
  readonly from: number
  readonly author: Author
  readonly epoch: Epoch
  readonly id: BatchId
  readonly previous: BatchId
  /** What it rests on: the one before it, and its deps. */
  readonly grounds: readonly BatchId[]
  to: number
  branch: number
}

/** Whether a repair was cut while it laid the log out: nothing that follows from the log can be trusted before it is over. */
export function isLaidOut(note: Uint8Array | undefined): boolean {
  return note !== undefined && note.length > 0
}

/** Lays the log out anew, or goes on where that was cut. An inspection begins anew behind it. */
export async function layOut(inspection: Inspection): Promise<void> {
  let stage: number = (await inspection.get(REPAIR_KEY))?.[0] ?? STAGE.copy
  const reach = async (next: number): Promise<void> => {
    await inspection.flush() // what the stage rests on is there before its name is
    await inspection.put(REPAIR_KEY, Uint8Array.of(next))
    await inspection.flush()
    stage = next
  }
  if (stage === STAGE.copy) {
    await reach(STAGE.copy)
    await copy(inspection)
    await reach(STAGE.clear)
  }
  if (stage === STAGE.clear) {
    await clear(inspection)
    await reach(STAGE.place)
  }
  if (stage === STAGE.place) {
    await place(inspection)
    await reach(STAGE.derive)
  }
}

/** Copies of all whole batches, in order, behind the log. */
async function copy(inspection: Inspection): Promise<void> {
  const { crypto, disk } = inspection.init
  const known = await entriesOf(inspection)
  const { order, last } = inOrder(known, await endOf(inspection, known))
  let before: { check: string; ops: number; bytes: number } | undefined
  for (const step of order) {
    const { check, ops, bytes } = before ?? { check: NO_CHECK, ops: 0, bytes: 0 }
    if (typeof step === 'string') {
      before = { check: nextCheck(check, step, crypto), ops, bytes }
      continue
    }
    const value = await disk.get(logKey(step.from))
    if (value === undefined) continue
    const record = decodeLog(logKey(step.from), value, step.from, crypto)
    const { header, id } = record.batch
    const own = nextCheck(check, id, crypto)
    const key = logKey(aside + step.to)
    const counts = { opsBefore: ops, bytesBefore: bytes }
    const moved: LogRecord = { ...record, ...counts, branch: step.branch, check: own }
    await inspection.put(key, encodeLog(key, moved, crypto))
    before = { check: own, ops: ops + header.opCount, bytes: bytes + header.bodyLength }
  }
  const stored = await inspection.get(META_KEY)
  const meta = stored && inspection.attempt(() => decodeMeta(stored, crypto))
  const { author, database, storeId } = inspection.init
  const made = { author, database, storeId, totals: { ops: 0, keys: 0, bytes: 0 }, time: ZERO_TIME }
  const mark = { position: last, check: before?.check ?? NO_CHECK }
  const right = { ...made, digest: new Uint8Array(16), ...meta, mark }
  await inspection.put(META_KEY, encodeMeta(right, crypto))
}

/** The whole batches by position, each once. What was copied by a run that was cut goes. */
async function entriesOf(inspection: Inspection): Promise<Map<BatchId, Entry>> {
  const { crypto, database } = inspection.init
  const known = new Map<BatchId, Entry>()
  for await (const [key, value] of inspection.entries(SPACE.log, 8)) {
    const from = positionOfKey(key)
    if (from > aside) {
      await inspection.put(key.slice(), undefined)
      continue
    }
    const record = inspection.attempt(() => decodeLog(key, value, from, crypto))
    if (record === undefined) continue
    const { id, header, body } = record.batch
    if (known.has(id) || header.database !== database || !bodyFits(header, body, crypto)) continue
    const { author, epoch, previous, deps } = header
    const grounds = deps.map(dep => dep.id)
    if (previous !== NO_BATCH) grounds.push(previous)
    known.set(id, { from, author, epoch, id, previous, grounds, to: 0, branch: 0 })
  }
  await inspection.flush()
  return known
}

async function endOf(inspection: Inspection, known: ReadonlyMap<BatchId, Entry>): Promise<number> {
  const stored = await inspection.get(META_KEY)
  const meta = stored && inspection.attempt(() => decodeMeta(stored, inspection.init.crypto))
  let last = meta?.mark.position ?? 0
  for (const { from } of known.values()) last = Math.max(last, from)
  return last
}

/**
 * As it stood, but what a batch rests on before it; a batch that is named and missing has a position, by its id alone. The
 * log ends where it ended, for peers and the manifest remember how far it went.
 */
function inOrder(
  known: ReadonlyMap<BatchId, Entry>,
  end: number
): { order: (Entry | BatchId)[]; last: number } {
  const order: (Entry | BatchId)[] = []
  const done = new Set<BatchId>()
  for (const first of known.keys()) {
    const open = [first]
    while (open.length > 0) {
      const id = open[open.length - 1]!
      const entry = known.get(id)
      const grounds = done.has(id) ? [] : (entry?.grounds ?? []).filter(ground => !done.has(ground))
      if (grounds.length > 0) open.push(...grounds)
      else {
        open.pop()
        if (done.has(id)) continue
        done.add(id)
        order.push(entry ?? id)
      }
    }
  }
  const skipped = Math.max(0, end - order.length)
  const ends = new Map<string, BatchId>()
  const branches = new Map<string, number>()
  for (const [index, step] of order.entries()) {
    if (typeof step === 'string') continue
    step.to = skipped + index + 1
    step.branch = branchOf(step, known, ends, branches)
  }
  return { order, last: skipped + order.length }
}

/** The branch of the batch before it where that is its end, and the next number of the epoch otherwise. */
function branchOf(
  { author, epoch, id, previous }: Entry,
  known: ReadonlyMap<BatchId, Entry>,
  ends: Map<string, BatchId>,
  branches: Map<string, number>
): number {
  const name = `${author}/${epoch}`
  const count = branches.get(name) ?? 0
  const on = known.get(previous)?.branch
  const branch = on !== undefined && ends.get(`${name}/${on}`) === previous ? on : count
  ends.set(`${name}/${branch}`, id)
  branches.set(name, Math.max(count, branch + 1))
  return branch
}

/** What was there goes, and with it what others and programs are remembered to have of positions. */
async function clear(inspection: Inspection): Promise<void> {
  const { crypto } = inspection.init
  for (const space of derived)
    for await (const [key] of inspection.entries(space)) await inspection.put(key.slice(), undefined)
  let first: number | undefined
  for await (const [key] of inspection.entries(SPACE.log, 8)) {
    const position = positionOfKey(key)
    if (position > aside) first ??= position - aside
    else await inspection.put(key.slice(), undefined)
  }
  for await (const [key, value] of inspection.entries(SPACE.peer)) {
    const account = inspection.attempt(() => decodePeer(key, value, crypto))
    if (account === undefined) continue
    const { theirs: _, ...rest } = account
    await inspection.put(key.slice(), encodePeer(key, { ...rest, acked: 0, ackedAtMs: 0 }, crypto))
  }
  const notes = { put: (key: Uint8Array, value: Uint8Array) => inspection.put(key, value) }
  for (let position = 1; position < (first ?? 1); position++) await putGap(notes, position, 'vacant', crypto)
  await inspection.put(RENEWAL_KEY, encodeRenewal('made', crypto))
}

/** Each copy to its position, and then the end of the copy. */
async function place(inspection: Inspection): Promise<void> {
  const { crypto } = inspection.init
  for await (const [key, value] of inspection.entries(SPACE.log, 8)) {
    const position = positionOfKey(key) - aside
    if (position < 1) continue
    const record = decodeLog(key, value, position + aside, crypto)
    const right = logKey(position)
    await inspection.put(right, encodeLog(right, record, crypto))
    await inspection.put(key.slice(), undefined)
  }
}

/**
 * Verifying a store: the whole log against its hashes, checks and signatures, and everything that follows from the log
 * computed anew and compared with what stands. Works on a snapshot, so writes may go on.
 *
 * The heads are computed for one part of the keys at a time, in as many walks over the log as keep memory bounded.
 */
import type { Crypto, VerifyReport } from '../base/index.js'
import { messageOf } from '../base/index.js'
import type { Disk, DiskSnapshot } from '../disk/index.js'
import type { BareHeader } from '../log/index.js'
import { bodyFits, NO_BATCH, nameBytes, shortId, signedMessage } from '../log/index.js'
import type { Strategy } from '../merge/index.js'
import { decodeFork, ForkTable } from './forks.js'
import type { LogReader } from './history.js'
import type { Chain } from './keys.js'
import {
  chainOfKey,
  coverKey,
  indexKey,
  META_KEY,
  positionOfKey,
  readUint,
  SPACE,
  spaceRange
} from './keys.js'
import type { Lineage } from './lineage.js'
import { chainText } from './lineage.js'
import type { LogRecord } from './log-record.js'
import { decodeLog, NO_CHECK, nextCheck } from './log-record.js'
import { decodeBranch, decodeCover, decodeIndex, decodeTip } from './records.js'
import type { Meta, State } from './state.js'
import { decodeMeta } from './state.js'
import { verifyCells } from './verify-cells.js'

export interface VerifyInit {
  readonly disk: Disk
  readonly crypto: Crypto
  readonly strategy: (key: Uint8Array) => Strategy
  readonly state: State
  readonly log: LogReader
  readonly lineage: Lineage
  readonly signal: AbortSignal | undefined
}

/** Faults that one report lists: the first tell what happened, and a torn disk could have millions. */
const listedFaults = 1000

/** One walk of verification: the snapshot it reads and the faults it found. */
export class Inspection {
  readonly init: VerifyInit
  readonly snapshot: DiskSnapshot
  readonly damage: { where: string; what: string }[] = []

  constructor(init: VerifyInit) {
    this.init = init
    this.snapshot = init.disk.snapshot()
  }

  fault(where: string, what: string): void {
    if (this.damage.length < listedFaults) this.damage.push({ where, what })
  }

  /** Runs `check`; what it throws is a fault of `where`. */
  attempt<T>(where: string, check: () => T): T | undefined {
    try {
      return check()
    } catch (error) {
      this.fault(where, messageOf(error))
      return undefined
    }
  }

  async *entries(space: number, page = 256): AsyncGenerator<[key: Uint8Array, value: Uint8Array]> {
    const { disk, signal } = this.init
    const iterator = disk.iterate(spaceRange(space), { snapshot: this.snapshot })
    try {
      for (let list = await iterator.next(page); list.length > 0; list = await iterator.next(page)) {
        signal?.throwIfAborted()
        yield* list
      }
    } finally {
      await iterator.close()
    }
  }

  /** The batches that can be read, in order. */
  async *batches(report: boolean): AsyncGenerator<{ position: number; record: LogRecord }> {
    const { crypto } = this.init
    for await (const [key, value] of this.entries(SPACE.log, 4)) {
      const position = positionOfKey(key)
      try {
        yield { position, record: decodeLog(key, value, position, crypto) }
      } catch (error) {
        if (report) this.fault(`position ${position} of the log`, messageOf(error))
      }
    }
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.init.disk.get(key, { snapshot: this.snapshot })
  }
}

export async function verifyStore(init: VerifyInit): Promise<VerifyReport> {
  init.signal?.throwIfAborted()
  const inspection = new Inspection(init)
  try {
    const metaValue = await inspection.get(META_KEY)
    const meta =
      metaValue === undefined
        ? undefined
        : inspection.attempt('the meta record', () => decodeMeta(metaValue, init.crypto))
    if (metaValue === undefined) inspection.fault('the meta record', 'it is missing')
    const counted = await verifyLog(inspection, meta)
    const keys = await verifyCells(inspection, meta, counted.ops)
    await verifyForks(inspection)
    await verifyRest(inspection)
    const { damage } = inspection
    return { ok: damage.length === 0, batches: counted.batches, ops: counted.ops, keys, damage }
  } finally {
    await inspection.snapshot.close()
  }
}

/** Where a branch of the log ends, and what of its own author it names. */
interface End {
  readonly chain: Chain
  readonly seq: number
  readonly position: number
  readonly bare: BareHeader
}

async function verifyLog(
  inspection: Inspection,
  meta: Meta | undefined
): Promise<{ batches: number; ops: number }> {
  const { crypto, state } = inspection.init
  const ends = new Map<string, End>()
  const tips = new Map<string, number>()
  const named = new Map<string, string[]>()
  let check: string | undefined = NO_CHECK
  let last = 0
  const counted = { batches: 0, ops: 0, bytes: 0 }
  for await (const { position, record } of inspection.batches(true)) {
    const where = `position ${position} of the log`
    const { batch, branch } = record
    const { header, id, signature, headerBytes } = batch
    if (position !== last + 1) inspection.fault(where, `the one before it is ${last}`)
    // Behind a batch that could not be read the chain of checks begins anew.
    if (position === last + 1 && check !== undefined && nextCheck(check, id, crypto) !== record.check) {
      inspection.fault(where, 'the running check does not fit')
    }
    if (!bodyFits(header, batch.body, crypto))
      inspection.fault(where, 'the body does not have the root of its header')
    if (meta !== undefined && header.database !== meta.database)
      inspection.fault(where, 'it is of another database')
    const author = state.authors.numberOf(header.author)
    if (author === undefined) inspection.fault(where, 'its author has no number')
    else {
      const chain = { author, epoch: header.epoch, branch }
      const bare = { header, headerBytes, id, ...(signature !== undefined && { signature }) }
      await verifyPlace(inspection, { chain, seq: header.seq, position, bare }, ends)
      if (header.previous !== NO_BATCH) tips.delete(shortId(header.previous))
      const deps = named.get(chainText(chain)) ?? []
      for (const dep of header.deps) {
        if (dep.author !== header.author) continue
        tips.delete(shortId(dep.id))
        deps.push(`${header.seq}/${dep.epoch}/${dep.seq}`)
      }
      named.set(chainText(chain), deps)
      tips.set(shortId(id), position)
    }
    counted.batches++
    counted.ops += header.opCount
    counted.bytes += header.bodyLength
    check = record.check
    last = position
  }
  await verifyEnds(inspection, ends)
  await verifyTips(inspection, tips)
  await verifyBranches(inspection, named)
  if (meta !== undefined) {
    if (meta.mark.position !== last || meta.mark.check !== check)
      inspection.fault('the meta record', 'its mark is not the newest batch')
    if (meta.totals.ops !== counted.ops || meta.totals.bytes !== counted.bytes) {
      inspection.fault('the meta record', `it counts ${meta.totals.ops} ops, the log holds ${counted.ops}`)
    }
  }
  return counted
}

/** The batch follows the one before it on its branch, and the index names it. */
async function verifyPlace(inspection: Inspection, end: End, ends: Map<string, End>): Promise<void> {
  const { crypto, lineage } = inspection.init
  const { chain, seq, position, bare } = end
  const where = `position ${position} of the log`
  const text = chainText(chain)
  const before = ends.get(text)
  ends.set(text, end)
  let previous: string | undefined = NO_BATCH
  if (before !== undefined) {
    previous = before.seq + 1 === seq ? before.bare.id : undefined
  } else if (seq > 1) {
    const parent = await lineage.branch(chain).then(
      record => record?.parent,
      () => undefined
    )
    const record =
      parent && (await lineage.at({ ...chain, branch: parent.branch }, parent.seq).catch(() => undefined))
    previous = parent?.seq === seq - 1 ? record?.id : undefined
  }
  if (previous !== bare.header.previous) inspection.fault(where, 'it does not follow the batch before it')
  const key = indexKey(chain, seq)
  const value = await inspection.get(key)
  const entry =
    value &&
    inspection.attempt(`the index entry of position ${position}`, () => decodeIndex(key, value, crypto))
  if (entry?.position !== position || entry.id !== bare.id) {
    inspection.fault(`the index entry of position ${position}`, 'it does not name the batch')
  }
}

/** A signature at the end of a branch covers all of it, for each header holds the id of the one before. */
async function verifyEnds(inspection: Inspection, ends: ReadonlyMap<string, End>): Promise<void> {
  const { crypto } = inspection.init
  for (const { chain, position, bare } of ends.values()) {
    const where = `position ${position} of the log`
    let last = bare
    if (bare.signature === undefined) {
      const key = coverKey(chain)
      const value = await inspection.get(key)
      const cover = value && inspection.attempt(where, () => decodeCover(key, value, crypto))
      for (const next of cover ?? []) {
        if (next.header.previous !== last.id)
          inspection.fault(where, 'the headers that cover it do not follow')
        last = next
      }
    }
    const { signature, header, headerBytes } = last
    if (signature === undefined) inspection.fault(where, 'no signature covers it')
    else if (!(await crypto.verify(nameBytes(header.author), signedMessage(headerBytes), signature))) {
      inspection.fault(where, 'the signature that covers it is not of its author')
    }
  }
}

async function verifyTips(inspection: Inspection, expected: ReadonlyMap<string, number>): Promise<void> {
  const { crypto } = inspection.init
  let count = 0
  for await (const [key, value] of inspection.entries(SPACE.tip)) {
    count++
    const tip = inspection.attempt('a tip', () => decodeTip(key, value, readUint(key, 1, 4), crypto))
    if (tip === undefined) continue
    if (expected.get(shortId(tip.id)) !== tip.position)
      inspection.fault(`the tip ${tip.id}`, 'the log has no such tip')
  }
  if (count !== expected.size)
    inspection.fault('the frontier', `it has ${count} tips, the log ${expected.size}`)
}

/** There is a record of every branch, and it names what the batches of the branch name. */
async function verifyBranches(inspection: Inspection, named: ReadonlyMap<string, string[]>): Promise<void> {
  const { crypto } = inspection.init
  const found = new Set<string>()
  for await (const [key, value] of inspection.entries(SPACE.branch)) {
    const text = chainText(chainOfKey(key))
    found.add(text)
    const record = inspection.attempt(`branch ${text}`, () => decodeBranch(key, value, crypto))
    const deps = record?.deps.map(({ atSeq, epoch, seq }) => `${atSeq}/${epoch}/${seq}`)
    if (deps !== undefined && deps.join() !== named.get(text)?.join()) {
      inspection.fault(`branch ${text}`, 'it does not name what its batches name')
    }
  }
  for (const text of named.keys())
    if (!found.has(text)) inspection.fault(`branch ${text}`, 'its record is missing')
}

/** What is known as forked is what has branches, each from where it leaves the one before it. */
async function verifyForks(inspection: Inspection): Promise<void> {
  const { crypto } = inspection.init
  const expected = new ForkTable()
  for await (const [key, value] of inspection.entries(SPACE.branch)) {
    const { author, epoch, branch } = chainOfKey(key)
    if (branch === 0) continue
    // One that cannot be read is a fault already.
    const seq = attempted(() => decodeBranch(key, value, crypto).parent?.seq ?? 0)
    if (seq !== undefined) expected.add({ author, epoch, seq: seq + 1 })
  }
  const known = new Map([...expected.values()].map(fork => [`${fork.author}/${fork.epoch}`, fork.seq]))
  for await (const [key, value] of inspection.entries(SPACE.fork)) {
    const fork = inspection.attempt('the record of a fork', () => decodeFork(key, value, crypto))
    if (fork === undefined) continue
    const text = `${fork.author}/${fork.epoch}`
    if (known.get(text) !== fork.seq) inspection.fault(`the fork ${text}`, 'the log has none there')
    known.delete(text)
  }
  for (const text of known.keys()) inspection.fault(`the fork ${text}`, 'its record is missing')
}

function attempted<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** Records that nothing above has read. */
async function verifyRest(inspection: Inspection): Promise<void> {
  const { crypto } = inspection.init
  for await (const [key, value] of inspection.entries(SPACE.cover)) {
    inspection.attempt('the headers that cover a branch', () => decodeCover(key, value, crypto))
  }
}

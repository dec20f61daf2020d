/**
 * The part of an inspection that computes the state from the log anew: heads, history, conflicts, client ids, digest
 * and counts. The heads are computed for one part of the keys at a time, in as many walks over the log as keep memory
 * bounded.
 *
 * A key on which a missing batch has an op cannot be computed: what stands of it is kept where it can be read.
 */
import { toHex } from '../base/index.js'
import type { Batch, Identity, ShortId } from '../log/index.js'
import { StateDigest, shortId, stateHash } from '../log/index.js'
import { distinct } from '../merge/index.js'
import type { OpTarget } from './apply.js'
import { applyOps } from './apply.js'
import { Arena } from './arena.js'
import { decodeCell, encodeCell } from './cell-record.js'
import { DraftCells } from './cells.js'
import type { ClientOp } from './client-ids.js'
import { ClientIds } from './client-ids.js'
import { isDamage } from './damage.js'
import type { DraftCell } from './draft-cell.js'
import type { CellRecord, Head } from './heads.js'
import { cellOf, versionOf } from './heads.js'
import type { Inspection } from './inspection.js'
import { positionName } from './inspection.js'
import {
  cellKey,
  clientIdKey,
  conflictKey,
  historyKey,
  overwrittenKey,
  placeOfKey,
  SPACE,
  textOf
} from './keys.js'
import type { Lineage, Place } from './lineage.js'
import type { LogRecord } from './log-record.js'
import type { RemoteOp } from './prepare.js'
import { remoteOps } from './prepare.js'
import { compareClientIds } from './verify-client-ids.js'
import { HistorySum, mendHistory } from './verify-history.js'
import type { KeyCover } from './verify-keys.js'

/** Ops whose cells are held at once: about 100 MB with small values. */
const opsOfAPart = 250_000

export interface InspectedCells {
  readonly present: number
  /** Undefined where a cell is out of use. */
  readonly digest: Uint8Array | undefined
}

/** One part of the keys, computed from the log. */
class Part implements OpTarget {
  readonly cells: DraftCells
  readonly lineage: Lineage
  readonly clientIds = new ClientIds()
  readonly identities = new Set<Identity>()
  readonly #inspection: Inspection
  readonly #history: HistorySum

  constructor(inspection: Inspection, history: HistorySum) {
    const { authors, lineage, init } = inspection
    this.cells = new DraftCells({ hashes: init.crypto, names: authors, strategy: init.strategy })
    this.lineage = lineage
    this.#inspection = inspection
    this.#history = history
  }

  addClientOp(): void {
    // Ids are partitioned by themselves: see `takeId`.
  }

  addHistory(key: Uint8Array, position: number, index: number): void {
    this.#history.add(historyKey(key, position, index))
  }

  /** The first copy of a write that was applied here stands under its id. */
  takeId({ client }: RemoteOp, position: number, index: number): void {
    const { mark, identity } = client!
    const op: ClientOp = { number: mark.number, position, index, identity }
    if (this.clientIds.meet(mark.idHash, op) === 'first') this.clientIds.add(mark.idHash, op)
  }

  async apply(
    batch: Batch,
    branch: number,
    ops: readonly (RemoteOp | undefined)[],
    position: number
  ): Promise<void> {
    const { authors, bad } = this.#inspection
    const { header } = batch
    const author = authors.numberOf(header.author)
    if (author === undefined || ops.every(entry => entry === undefined)) return
    for (const entry of ops) {
      if (entry === undefined) continue
      if (!this.cells.has(entry.text))
        this.cells.load(entry.text, entry.op.key, cellKey(entry.op.key), undefined)
      if (entry.client !== undefined) this.identities.add(entry.client.identity)
    }
    const deps: Place[] = []
    for (const dep of header.deps) {
      const number = authors.numberOf(dep.author)
      const place =
        number === undefined
          ? undefined
          : await this.lineage.find(number, dep.epoch, dep.seq, shortId(dep.id))
      if (place !== undefined) deps.push(place)
      else if (bad.size === 0) this.#inspection.fault(positionName(position), 'a dep of it is not applied')
    }
    await applyOps(this, batch, { chain: { author, epoch: header.epoch, branch }, deps }, ops, position)
  }
}

/** Compares the cells and what stands beside them with the log. */
export async function inspectCells(
  inspection: Inspection,
  ops: number,
  cover: KeyCover | undefined
): Promise<InspectedCells> {
  const { crypto } = inspection.init
  const parts = Math.max(1, Math.ceil(ops / opsOfAPart))
  const expected = new HistorySum(crypto)
  const found = new HistorySum(crypto)
  const torn = await historyOfHoles(inspection, found)
  const sum: Sum = { digest: new StateDigest(), present: 0, lost: 0 }
  for (let part = 0; part < parts; part++) {
    inspection.progress(`comparing the state with the log, part ${part + 1} of ${parts}`)
    const computed = new Part(inspection, expected)
    const isOurs = (name: Uint8Array): boolean => parts === 1 || crypto.crc32(name) % parts === part
    const comparison = { computed, torn, isOurs, cover }
    for await (const { position, record } of inspection.batches()) {
      await applyPart(inspection, comparison, record, position)
    }
    await compareCells(inspection, comparison, sum)
    await compareIdentities(inspection, computed)
    await compareClientIds(inspection, computed.clientIds, isOurs)
  }
  if (!found.equals(expected)) await mendHistory(inspection, expected, found, parts)
  await inspection.flush()
  return {
    present: sum.present,
    digest: sum.lost > 0 && !inspection.repairs ? undefined : sum.digest.bytes()
  }
}

interface Sum {
  readonly digest: StateDigest
  present: number
  /** Cells that are out of use. */
  lost: number
}

/** The keys that batches write which are missing; the rest of the history goes into the sum. */
async function historyOfHoles(inspection: Inspection, found: HistorySum): Promise<Set<string>> {
  const torn = new Set<string>()
  for await (const [key] of inspection.entries(SPACE.history, 1024)) {
    if (inspection.bad.size > 0 && inspection.bad.has(placeOfKey(key).position))
      torn.add(textOf(key.subarray(3, key.length - 8)))
    else found.add(key)
  }
  return torn
}

async function applyPart(
  inspection: Inspection,
  { computed, isOurs, cover }: Comparison,
  { batch, branch }: LogRecord,
  position: number
): Promise<void> {
  const ops = remoteOps(batch, inspection.init.crypto).map((entry, index) => {
    const { op, text, client } = entry
    if (client !== undefined && isOurs(clientIdKey(client.mark.idHash).subarray(1)))
      computed.takeId(entry, position, index)
    if (!isOurs(op.key)) return undefined
    cover?.add(op.key, position)
    // Held for the whole walk: without the rest of its body.
    const kept = { ...op, key: op.key.slice(), ...(op.value !== undefined && { value: op.value.slice() }) }
    return client === undefined ? { op: kept, text } : { op: kept, text, client }
  })
  try {
    await computed.apply(batch, branch, ops, position)
  } catch (error) {
    if (!isDamage(error)) throw error
    inspection.fault(positionName(position), error.message)
  }
}

interface Comparison {
  readonly computed: Part
  /** Keys that missing batches write. */
  readonly torn: ReadonlySet<string>
  readonly isOurs: (key: Uint8Array) => boolean
  readonly cover: KeyCover | undefined
}

/** Compares the cells of one part with what stands, and the index of conflicts with the cells. */
async function compareCells(inspection: Inspection, comparison: Comparison, sum: Sum): Promise<void> {
  const { computed, isOurs, cover } = comparison
  const conflicts = new Map<string, Uint8Array>()
  const seen = new Set<string>()
  const settle = async (key: Uint8Array, record: CellRecord | undefined): Promise<void> => {
    if (record === undefined) return
    if (record.present) sum.present++
    const { crypto } = inspection.init
    for (const { origin, index } of record.heads) sum.digest.add(stateHash(key, origin.id, index, crypto))
    if (distinct(record.heads.map(head => versionOf(head))).length > 1)
      conflicts.set(textOf(key), key.slice())
  }
  for await (const [diskKey, value] of inspection.entries(SPACE.cell)) {
    const key = diskKey.subarray(1)
    if (!isOurs(key)) continue
    seen.add(textOf(key))
    await cover?.inspect(inspection, key)
    await settle(key, await compareCell(inspection, comparison, { diskKey, value }, sum))
  }
  for (const cell of computed.cells.values()) {
    if (seen.has(textOf(cell.key))) continue
    const diskKey = cellKey(cell.key)
    await settle(cell.key, await compareCell(inspection, comparison, { diskKey, value: undefined }, sum))
  }
  await compareConflicts(inspection, conflicts, isOurs)
}

/** The cell as it is from now on; undefined where there is none or it is out of use. */
async function compareCell(
  inspection: Inspection,
  { computed, torn }: Comparison,
  { diskKey, value }: { diskKey: Uint8Array; value: Uint8Array | undefined },
  sum: Sum
): Promise<CellRecord | undefined> {
  const { authors, init } = inspection
  const key = diskKey.subarray(1)
  const text = textOf(key)
  const where = `the cell of key ${toHex(key)}`
  const stored =
    value === undefined
      ? undefined
      : inspection.attempt(() => decodeCell(diskKey, value, init.crypto, authors))
  const made = computed.cells.has(text) ? computed.cells.get(text) : undefined
  const isReadable = stored !== undefined && stored.lostAfter === undefined
  if (isReadable && made !== undefined && sameHeads(stored, made)) return stored
  if (torn.has(text) || (await restsOnMissing(inspection, stored, made))) {
    if (isReadable) return stored
    sum.lost++
    inspection.fault(where, 'it waits for a batch of its history that is missing')
    const lost = { heads: [], changedAt: 0, present: false, lostAfter: 0 }
    if (stored?.lostAfter !== 0)
      await inspection.put(diskKey, encodeCell(diskKey, lost, init.crypto, new Arena(false)))
    return undefined
  }
  if (made === undefined) {
    await inspection.mend(where, 'no op of the log writes this key', diskKey, undefined)
    return undefined
  }
  const what =
    value === undefined
      ? 'it is missing'
      : stored === undefined
        ? 'its checksum does not fit'
        : stored.lostAfter !== undefined
          ? 'it is out of use'
          : 'its versions are not those of the log'
  const right = recordOf(inspection, made)
  await inspection.mend(where, what, diskKey, encodeCell(diskKey, right, init.crypto, new Arena(false)))
  return right
}

function recordOf(inspection: Inspection, { key, heads, changedAt }: DraftCell): CellRecord {
  const record = { heads, changedAt, present: false }
  return { ...record, present: cellOf(record, inspection.init.strategy(key)).winner !== undefined }
}

/** Whether what stands differs from what the log gives for the sake of a batch that is missing. */
async function restsOnMissing(
  inspection: Inspection,
  stored: CellRecord | undefined,
  made: DraftCell | undefined
): Promise<boolean> {
  const { bad, holes, lineage } = inspection
  if (bad.size === 0) return false
  // Without any op that is known the history went with the batch.
  if (made === undefined) return true
  const missing = new Set<ShortId>(holes.map(({ id }) => shortId(id)))
  for (const { origin } of stored?.heads ?? []) {
    if (missing.has(origin.id)) return true
    const place = await lineage.at(origin, origin.seq)
    if (place === undefined || bad.has(place.position)) return true
  }
  return false
}

function sameHeads(a: CellRecord, b: CellRecord): boolean {
  if (a.heads.length !== b.heads.length) return false
  const texts = new Set(a.heads.map(textOfHead))
  return b.heads.every(head => texts.has(textOfHead(head)))
}

function textOfHead({ origin, index, kind, value, identity, demoted }: Head): string {
  const content = value === undefined ? '-' : textOf(value)
  return `${origin.id}/${index}/${kind}/${identity ?? '-'}/${demoted}/${content}`
}

async function compareConflicts(
  inspection: Inspection,
  conflicts: ReadonlyMap<string, Uint8Array>,
  isOurs: (key: Uint8Array) => boolean
): Promise<void> {
  const where = 'the index of conflicts'
  const found = new Set<string>()
  for await (const [diskKey] of inspection.entries(SPACE.conflict)) {
    const key = diskKey.subarray(1)
    if (!isOurs(key)) continue
    const text = textOf(key)
    found.add(text)
    if (!conflicts.has(text)) {
      const what = `it names key ${toHex(key)}, which has one version`
      await inspection.mend(where, what, diskKey, undefined)
    }
  }
  for (const [text, key] of conflicts) {
    if (found.has(text)) continue
    await inspection.mend(where, `it does not name key ${toHex(key)}`, conflictKey(key), new Uint8Array(0))
  }
}

async function compareIdentities(inspection: Inspection, computed: Part): Promise<void> {
  for (const identity of computed.identities) {
    const key = overwrittenKey(identity)
    const stored = (await inspection.get(key)) !== undefined
    const right = computed.cells.isOverwritten(identity)
    // A batch that is missing may have overwritten a copy.
    if (stored === right || (stored && inspection.bad.size > 0)) continue
    const what = 'whether a copy of it was overwritten is not what the log says'
    await inspection.mend(`the identity ${identity}`, what, key, right ? new Uint8Array(0) : undefined)
  }
}

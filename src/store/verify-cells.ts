/** The part of verification that computes the state from the log anew: heads, history, client ids, digest, counts. */
import { equalBytes, messageOf, toHex } from '../base/index.js'
import type { Batch, ClientIdHash, Identity } from '../log/index.js'
import { StateDigest, shortId, stateHash } from '../log/index.js'
import { distinct } from '../merge/index.js'
import type { OpTarget } from './apply.js'
import { applyOps } from './apply.js'
import { decodeCell } from './cell-record.js'
import { DraftCells } from './cells.js'
import type { ClientOp } from './client-ids.js'
import { decodeClientOps } from './client-ids.js'
import type { CellRecord, Head } from './heads.js'
import { versionOf } from './heads.js'
import { cellKey, clientIdKey, historyKey, overwrittenKey, SPACE, textOf } from './keys.js'
import type { Lineage, Place } from './lineage.js'
import type { LogRecord } from './log-record.js'
import type { RemoteOp } from './prepare.js'
import { remoteOps } from './prepare.js'
import type { Meta } from './state.js'
import type { Inspection } from './verify.js'

/** Ops whose cells are held at once: about 100 MB with small values. */
const opsOfAPart = 250_000

/** Keys without order: how many, and a sum that any other set would miss with all but certainty. */
class KeySum {
  count = 0
  sum = 0

  add(crc: number): void {
    this.count++
    this.sum = (this.sum + crc) % 2 ** 48
  }

  equals(other: KeySum): boolean {
    return this.count === other.count && this.sum === other.sum
  }
}

/** One part of the keys, computed from the log. */
class Part implements OpTarget {
  readonly cells: DraftCells
  readonly lineage: Lineage
  readonly clientIds = new Map<ClientIdHash, ClientOp[]>()
  readonly identities = new Set<Identity>()
  readonly #inspection: Inspection
  readonly #history: KeySum

  constructor(inspection: Inspection, history: KeySum) {
    const { crypto, state, strategy, lineage } = inspection.init
    this.cells = new DraftCells({ hashes: crypto, names: state.authors, strategy })
    this.lineage = lineage
    this.#inspection = inspection
    this.#history = history
  }

  setClientOps(): void {
    // Which copy was first is checked from the records: see verifyClientIds.
  }

  addHistory(key: Uint8Array, position: number, index: number): void {
    this.#history.add(this.#inspection.init.crypto.crc32(historyKey(key, position, index)))
  }

  /** Every id that an op of the log carries is known. */
  async #checkIds(ops: readonly (RemoteOp | undefined)[], position: number): Promise<void> {
    const ids = new Set<ClientIdHash>()
    for (const entry of ops) if (entry?.client !== undefined) ids.add(entry.client.mark.idHash)
    for (const id of ids) {
      if ((await this.#inspection.get(clientIdKey(id))) !== undefined) continue
      this.#inspection.fault(
        `the record of client id ${id}`,
        `it is missing, position ${position} carries the id`
      )
    }
  }

  async apply(
    batch: Batch,
    branch: number,
    ops: readonly (RemoteOp | undefined)[],
    position: number
  ): Promise<void> {
    const { authors } = this.#inspection.init.state
    const { header } = batch
    const author = authors.numberOf(header.author)
    if (author === undefined) return
    for (const entry of ops) {
      if (entry === undefined) continue
      if (!this.cells.has(entry.text))
        this.cells.load(entry.text, entry.op.key, cellKey(entry.op.key), undefined)
      if (entry.client !== undefined) this.identities.add(entry.client.identity)
    }
    await this.#checkIds(ops, position)
    const deps: Place[] = []
    for (const dep of header.deps) {
      const number = authors.numberOf(dep.author)
      const place =
        number === undefined
          ? undefined
          : await this.lineage.find(number, dep.epoch, dep.seq, shortId(dep.id))
      if (place === undefined)
        this.#inspection.fault(`position ${position} of the log`, 'a dep of it is not applied')
      else deps.push(place)
    }
    await applyOps(this, batch, { chain: { author, epoch: header.epoch, branch }, deps }, ops, position)
  }
}

/** Compares the cells with the log; answers the number of present keys. */
export async function verifyCells(
  inspection: Inspection,
  meta: Meta | undefined,
  ops: number
): Promise<number> {
  const { crypto } = inspection.init
  const parts = Math.max(1, Math.ceil(ops / opsOfAPart))
  const digest = new StateDigest()
  const history = new KeySum()
  const conflicts = new KeySum()
  let present = 0
  for (let part = 0; part < parts; part++) {
    const computed = new Part(inspection, history)
    const isOurs = (key: Uint8Array): boolean => parts === 1 || crypto.crc32(key) % parts === part
    for await (const { position, record } of inspection.batches(false)) {
      await applyPart(inspection, computed, record, position, isOurs)
    }
    present += await compare(inspection, computed, isOurs, digest, conflicts)
  }
  await verifyKeys(inspection, SPACE.history, history, 'the history of keys')
  await verifyKeys(inspection, SPACE.conflict, conflicts, 'the index of conflicts')
  await verifyClientIds(inspection)
  if (meta !== undefined) {
    if (!equalBytes(meta.digest, digest.bytes()))
      inspection.fault('the meta record', 'its state digest is not that of the log')
    if (meta.totals.keys !== present) {
      inspection.fault('the meta record', `it counts ${meta.totals.keys} keys, there are ${present}`)
    }
  }
  return present
}

async function applyPart(
  inspection: Inspection,
  computed: Part,
  { batch, branch }: LogRecord,
  position: number,
  isOurs: (key: Uint8Array) => boolean
): Promise<void> {
  const ops = remoteOps(batch, inspection.init.crypto).map(entry => {
    if (!isOurs(entry.op.key)) return undefined
    const { op, text, client } = entry
    // Held for the whole walk: without the rest of its body.
    const kept = { ...op, key: op.key.slice(), ...(op.value !== undefined && { value: op.value.slice() }) }
    return client === undefined ? { op: kept, text } : { op: kept, text, client }
  })
  try {
    await computed.apply(batch, branch, ops, position)
  } catch (error) {
    inspection.fault(`position ${position} of the log`, messageOf(error))
  }
}

/** Compares the cells of one part; answers how many of them read as present. */
async function compare(
  inspection: Inspection,
  computed: Part,
  isOurs: (key: Uint8Array) => boolean,
  digest: StateDigest,
  conflicts: KeySum
): Promise<number> {
  const { crypto, state } = inspection.init
  const seen = new Set<string>()
  let present = 0
  for await (const [diskKey, value] of inspection.entries(SPACE.cell)) {
    const key = diskKey.subarray(1)
    if (!isOurs(key)) continue
    const where = `the cell of key ${toHex(key)}`
    const stored = inspection.attempt(where, () => decodeCell(diskKey, value, crypto, state.authors))
    const text = textOf(key)
    seen.add(text)
    if (stored?.present) present++
    if (!computed.cells.has(text)) inspection.fault(where, 'no op of the log writes this key')
    else if (stored !== undefined && !sameHeads(stored, computed.cells.get(text))) {
      inspection.fault(where, 'its versions are not those of the log')
    }
  }
  for (const cell of computed.cells.values()) {
    const { key, heads } = cell
    if (!seen.has(textOf(key))) inspection.fault(`the cell of key ${toHex(key)}`, 'it is missing')
    for (const { origin, index } of heads) digest.add(stateHash(key, origin.id, index, crypto))
    if (distinct(heads.map(head => versionOf(head))).length > 1) conflicts.add(crypto.crc32(key))
  }
  for (const identity of computed.identities) {
    const stored = (await inspection.get(overwrittenKey(identity))) !== undefined
    if (stored !== computed.cells.isOverwritten(identity)) {
      inspection.fault(
        `the identity ${identity}`,
        'whether a copy of it was overwritten is not what the log says'
      )
    }
  }
  return present
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

async function verifyKeys(
  inspection: Inspection,
  space: number,
  expected: KeySum,
  where: string
): Promise<void> {
  const { crypto } = inspection.init
  const found = new KeySum()
  for await (const [key] of inspection.entries(space, 1024)) {
    found.add(crypto.crc32(space === SPACE.conflict ? key.subarray(1) : key))
  }
  if (!found.equals(expected))
    inspection.fault(where, `it has ${found.count} entries, the log gives ${expected.count}`)
}

/** Every op that stands under a client id carries that id. */
async function verifyClientIds(inspection: Inspection): Promise<void> {
  const { crypto, log } = inspection.init
  let last: { position: number; ops: RemoteOp[] } | undefined
  for await (const [key, value] of inspection.entries(SPACE.clientId)) {
    const where = `the record of client id ${toHex(key.subarray(1))}`
    const ops = inspection.attempt(where, () => decodeClientOps(key, value, crypto))
    for (const { position, index, identity } of ops ?? []) {
      if (last?.position !== position) {
        const record = await log.record(position).catch(() => undefined)
        last = { position, ops: record === undefined ? [] : remoteOps(record.batch, crypto) }
      }
      const client = last.ops[index]?.client
      if (client?.identity !== identity || client.mark.idHash !== toHex(key.subarray(1))) {
        inspection.fault(where, `op ${index} at position ${position} does not carry it`)
      }
    }
  }
}

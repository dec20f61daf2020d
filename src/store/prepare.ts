/** Reads what a commit will touch, each kind of record with one read of the disk, before any op is applied. */
import type { Hashes } from '../base/index.js'
import { messageOf } from '../base/index.js'
import type { Batch, ClientIdHash, ClientMark, Identity, Op } from '../log/index.js'
import { clientIdHash, clientMarkOf, decodeBody, identityOf } from '../log/index.js'
import { decodeClientOps } from './client-ids.js'
import { isDamage, readIntact } from './damage.js'
import type { Draft } from './draft.js'
import type { LocalWrite } from './index.js'
import { cellKey, clientIdKey, overwrittenKey, textOf } from './keys.js'
import { damaged } from './records.js'

/** An op of another node with what follows from its bytes alone. */
export interface RemoteOp {
  readonly op: Op
  readonly text: string
  readonly client?: { readonly mark: ClientMark; readonly identity: Identity }
}

/** The ops of a body. One that breaks the grammar has none, on every node. */
export function opsOf(batch: Batch): Op[] {
  try {
    return decodeBody(batch.body, batch.header.opCount)
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return []
    throw error
  }
}

export function remoteOps(batch: Batch, hashes: Hashes): RemoteOp[] {
  return opsOf(batch).map(op => {
    const text = textOf(op.key)
    const mark = clientMarkOf(op, hashes)
    return mark === undefined
      ? { op, text }
      : { op, text, client: { mark, identity: identityOf(op, mark, hashes) } }
  })
}

/** What a commit has to know before it begins. */
export class Wanted {
  readonly #draft: Draft
  readonly #cells = new Map<string, { key: Uint8Array; diskKey: Uint8Array }>()
  /** Cells that are made again although their records can be read. */
  readonly #again = new Set<string>()
  readonly #ids = new Set<ClientIdHash>()
  readonly #identities = new Set<Identity>()

  constructor(draft: Draft) {
    this.#draft = draft
  }

  cell(text: string, key: Uint8Array, again = false): void {
    if (again) this.#again.add(text)
    if (!this.#cells.has(text)) this.#cells.set(text, { key, diskKey: cellKey(key, this.#draft.arena) })
  }

  remote(ops: readonly RemoteOp[]): void {
    for (const { op, text, client } of ops) {
      this.cell(text, op.key)
      if (client === undefined) continue
      this.#ids.add(client.mark.idHash)
      this.#identities.add(client.identity)
    }
  }

  local(write: LocalWrite, texts: readonly string[], hashes: Hashes): void {
    for (let i = 0; i < texts.length; i++) this.cell(texts[i]!, write.ops[i]!.key)
    for (const { key } of write.conditions ?? []) this.cell(textOf(key), key)
    if (write.id !== undefined) this.#ids.add(clientIdHash(write.id, hashes))
  }

  async load(): Promise<void> {
    const draft = this.#draft
    const { disk } = draft.init
    const cells = [...this.#cells]
    const ids = [...this.#ids]
    const identities = [...this.#identities]
    const [cellValues, idValues, marks] = await Promise.all([
      this.#readCells(cells.map(([, cell]) => cell)),
      ids.length === 0 ? [] : readIntact(disk, ids.map(clientIdKey)),
      identities.length === 0 ? [] : disk.getMany(identities.map(overwrittenKey))
    ])
    for (let i = 0; i < cells.length; i++) {
      const [text, { key, diskKey }] = cells[i]!
      if (!this.#take(text, key, diskKey, cellValues[i])) await this.#rebuild(text, key, diskKey)
      else if (this.#again.has(text)) await this.#remake(text, key)
    }
    for (let i = 0; i < ids.length; i++) this.#takeId(ids[i]!, idValues[i])
    for (let i = 0; i < identities.length; i++) {
      draft.cells.knowOverwritten(identities[i]!, marks[i] !== undefined)
    }
  }

  /** The records of cells, without looking for those that are known not to be there. */
  async #readCells(
    cells: readonly { key: Uint8Array; diskKey: Uint8Array }[]
  ): Promise<(Uint8Array | undefined)[]> {
    const { disk, state } = this.#draft.init
    const found = new Array<Uint8Array | undefined>(cells.length).fill(undefined)
    const places: number[] = []
    const diskKeys: Uint8Array[] = []
    for (let i = 0; i < cells.length; i++) {
      const { key, diskKey } = cells[i]!
      if (state.keys.isNew(key)) continue
      places.push(i)
      diskKeys.push(diskKey)
    }
    const values = await readIntact(disk, diskKeys)
    for (let i = 0; i < places.length; i++) {
      found[places[i]!] = values[i]
      if (values[i] === undefined) this.#draft.missed++
    }
    return found
  }

  /** False where the heads have to be made again. */
  #take(text: string, key: Uint8Array, diskKey: Uint8Array, value: Uint8Array | undefined): boolean {
    try {
      return this.#draft.cells.load(text, key, diskKey, value)
    } catch (error) {
      if (!isDamage(error)) throw error
      return false
    }
  }

  /** Makes a cell again from the log. Where that is damaged as well, the cell alone is out of use, not the commit. */
  async #rebuild(text: string, key: Uint8Array, diskKey: Uint8Array): Promise<void> {
    const { cells, mark, init } = this.#draft
    const accountedTo = cells.has(text) ? cells.get(text).lostAfter : undefined
    try {
      const cell = await init.rebuild(key, { accountedTo })
      if (cell === undefined) throw damaged('the history of a key', new Error('it is empty'))
      cells.loadRebuilt(text, key, diskKey, cell)
    } catch (error) {
      if (!isDamage(error)) throw error
      cells.loadLost(text, key, diskKey, accountedTo ?? mark.position, messageOf(error))
    }
  }

  /** Makes a cell again that is intact and lacks what the log holds. Where the log is damaged it stays as it is. */
  async #remake(text: string, key: Uint8Array): Promise<void> {
    const { cells, init } = this.#draft
    try {
      const cell = await init.rebuild(key)
      if (cell !== undefined) cells.replace(text, cell)
    } catch (error) {
      if (!isDamage(error)) throw error
    }
  }

  #takeId(id: ClientIdHash, value: Uint8Array | undefined): void {
    const { clientIds, lostIds, init } = this.#draft
    try {
      const known = value === undefined ? undefined : decodeClientOps(clientIdKey(id), value, init.hashes)
      clientIds.set(id, known)
    } catch (error) {
      if (!isDamage(error)) throw error
      clientIds.set(id, undefined)
      lostIds.add(id)
    }
  }
}

/** Watches the history for what `sometimes.ts` names and nobody else sees happen. */
import type { Batch } from '../../src/log/index.js'
import { decodeBody } from '../../src/log/index.js'
import type { Framed, HistoryEvent } from './history.js'
import type { Machine } from './machine.js'

export class Spotter {
  readonly #sometimes: (what: string) => void
  /** Batches that were held back at a node: for a predecessor, or for a dep. */
  readonly #missing = new Map<string, 'gap filled' | 'missing dep met'>()
  /** Nodes whose directory was put back and that have not written since. */
  readonly #restored = new Set<string>()
  readonly #epochs = new Map<string, string>()
  readonly #fenced = new Set<string>()

  constructor(sometimes: (what: string) => void) {
    this.#sometimes = sometimes
  }

  see(event: HistoryEvent, machines: readonly Machine[]): void {
    switch (event.type) {
      case 'apply':
        for (const result of event.results) this.#applied(event.node, result)
        return
      case 'fail':
        if (event.code === 'ID_REUSED') this.#sometimes('client id reused')
        else if (event.code === 'PRECONDITION_FAILED') this.#sometimes('condition failed')
        else if (event.code === 'DISK_FULL') this.#sometimes('disk full by the guard')
        else if (event.code === 'STORE_DAMAGED') this.#sometimes('flip detected')
        return
      case 'life':
        if (event.what === 'restored' || event.what === 'rolled-back') this.#restored.add(event.node)
        if (event.what === 'refused' && event.detail === 'STORE_DAMAGED') this.#sometimes('flip detected')
        return
      case 'signed':
        this.#signed(event.node, event.epoch)
        return
      case 'peer':
        if (event.before !== undefined && event.record.acked < event.before.acked)
          this.#sometimes('cursor lowered')
        return
      case 'commit':
        this.#committed(event, machines)
        return
      case 'disk':
        this.#disk(event)
        return
      case 'notice':
        this.#noticed(event)
        return
      case 'received':
        this.#received(event, machines)
        return
      case 'penalty':
        this.#sometimes('peer penalized')
        return
    }
  }

  #applied(node: string, result: Extract<HistoryEvent, { type: 'apply' }>['results'][number]): void {
    const { author, epoch } = result.batch.header
    const name = `${node} ${result.batch.id}`
    if (result.status === 'duplicate') this.#sometimes('duplicate dropped')
    else if (result.status === 'applied') {
      const was = this.#missing.get(name)
      if (was !== undefined) this.#sometimes(was)
    } else if (result.status === 'missing') {
      const isGap = result.missing.some(tip => tip.author === author && tip.epoch === epoch)
      this.#missing.set(name, isGap ? 'gap filled' : 'missing dep met')
    }
  }

  #signed(node: string, epoch: string): void {
    if (this.#restored.has(node) && this.#epochs.get(node) !== epoch) {
      this.#restored.delete(node)
      this.#sometimes('epoch minted after a restore')
    }
    this.#epochs.set(node, epoch)
  }

  #committed(event: Extract<HistoryEvent, { type: 'commit' }>, machines: readonly Machine[]): void {
    const author = machines.find(({ name }) => name === event.node)?.author
    const { applied } = event.notice
    for (const { batch, local } of applied)
      if (!local && isEmptied(batch)) this.#sometimes('bad body applied as empty')
    if (applied.some(({ batch, local }) => !local && batch.header.author === author))
      this.#sometimes('own batches fetched from peers')
    if (this.#fenced.has(event.node) && applied.length > 0)
      this.#sometimes('a recovery tells of what an interrupted commit made')
  }

  #disk(event: Extract<HistoryEvent, { type: 'disk' }>): void {
    if (event.what === 'kept') this.#sometimes('crash while a write was in flight, found whole')
    else if (event.what === 'torn') this.#sometimes('crash while a write was in flight, torn')
    else if (event.what === 'write-failed') {
      this.#sometimes(`write failed: ${event.code}`)
      if (event.reached === true) this.#sometimes('write failed, its bytes in the file')
    } else if (event.what === 'open-failed') this.#sometimes('open failed')
    else if (event.what === 'read-failed') this.#sometimes('read failed')
  }

  #noticed(event: Extract<HistoryEvent, { type: 'notice' }>): void {
    if (event.what === 'fork') this.#sometimes('fork kept')
    else if (event.what === 'clock') this.#sometimes('clock leap told')
    else if (event.what === 'unreadable') this.#sometimes('cell of an unknown kind')
    else if (event.what === 'storage' && 'state' in event.event) {
      const { state, reason } = event.event as { state: string; reason?: string }
      if (state === 'fenced') {
        this.#sometimes('fence')
        this.#fenced.add(event.node)
      } else if (this.#fenced.delete(event.node)) this.#sometimes('recovery from a fence')
      if (reason?.includes('is damaged')) this.#sometimes('flip detected')
    }
  }

  #received(event: Framed, machines: readonly Machine[]): void {
    const { message } = event
    if (message?.type === 'hello' && message.cursor !== undefined) {
      const store = machines.find(({ name }) => name === event.node)?.store
      if (store === undefined) return
      const { cursor } = message
      if (cursor.store !== store.storeId || cursor.position > store.mark.position)
        this.#sometimes('cursor void')
    } else if (message?.type === 'err' && message.code === 'NO_COMMON')
      this.#sometimes('wanted again from further back')
  }
}

/** A body that breaks the grammar: everywhere a batch without ops. */
function isEmptied({ header, body }: Batch): boolean {
  try {
    decodeBody(body, header.opCount)
    return false
  } catch {
    return true
  }
}

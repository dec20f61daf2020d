/**
 * An executable reference of what a set of batches comes to: no store, no order of arrival, only the definitions.
 *
 * A version is a head unless an op that overwrites it with effect exists. An entry of `over` has effect on a version of
 * the own branch, and on one of another batch that lies behind a dep or the chain in its author's log.
 */
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { toHex } from '../../src/base/index.js'
import type { Batch, BatchId, Op } from '../../src/log/index.js'
import { clientMarkOf, compareTime, decodeBody, identityOf, NO_BATCH, OP_FLAG } from '../../src/log/index.js'

interface ModelVersion {
  readonly batch: Batch
  readonly index: number
  readonly op: Op
  readonly identity: string | undefined
}

export interface ModelCell {
  /** `batch id/index`, with `!` behind a demoted one, sorted. */
  readonly heads: string[]
  /** The value that `latest` shows as text, or undefined. */
  readonly shown: string | undefined
}

export function opsOf(batch: Batch): Op[] {
  try {
    return decodeBody(batch.body, batch.header.opCount)
  } catch {
    return []
  }
}

export class Model {
  readonly #batches: ReadonlyMap<BatchId, Batch>
  readonly #behind = new Map<BatchId, Set<BatchId>>()

  constructor(batches: Iterable<Batch>) {
    this.#batches = new Map([...batches].map(batch => [batch.id, batch]))
  }

  /** The batch itself and all behind it in its author's log. */
  #closure(id: BatchId): Set<BatchId> {
    const known = this.#behind.get(id)
    if (known !== undefined) return known
    const closure = new Set<BatchId>([id])
    this.#behind.set(id, closure)
    const { header } = this.#batches.get(id)!
    const parents = header.deps.filter(dep => dep.author === header.author).map(dep => dep.id)
    if (header.previous !== NO_BATCH) parents.push(header.previous)
    for (const parent of parents) for (const behind of this.#closure(parent)) closure.add(behind)
    return closure
  }

  #isOnBranch(batch: Batch, of: Batch): boolean {
    for (let at: Batch | undefined = of; at !== undefined; at = this.#batches.get(at.header.previous)) {
      if (at.id === batch.id) return true
    }
    return false
  }

  #overwrites(by: Batch, byIndex: number, op: Op, { batch, index }: ModelVersion): boolean {
    return op.over.some(ref => {
      if (ref.index !== index) return false
      if ('seq' in ref) {
        if (ref.seq !== batch.header.seq || !this.#isOnBranch(batch, by)) return false
        return batch.id !== by.id || index < byIndex
      }
      if (!batch.id.startsWith(ref.batch) || batch.id === by.id) return false
      const roots = by.header.deps.map(dep => dep.id)
      if (by.header.previous !== NO_BATCH) roots.push(by.header.previous)
      return roots.some(root => this.#closure(root).has(batch.id))
    })
  }

  cells(): Map<string, ModelCell> {
    const byKey = new Map<string, ModelVersion[]>()
    for (const batch of this.#batches.values()) {
      const ops = opsOf(batch)
      for (let index = 0; index < ops.length; index++) {
        const op = ops[index]!
        const mark = clientMarkOf(op, nodeCrypto)
        const identity = mark && identityOf(op, mark, nodeCrypto)
        const name = toHex(op.key)
        byKey.set(name, [...(byKey.get(name) ?? []), { batch, index, op, identity }])
      }
    }
    const cells = new Map<string, ModelCell>()
    for (const [name, versions] of byKey) cells.set(name, this.#cell(versions))
    return cells
  }

  #cell(versions: readonly ModelVersion[]): ModelCell {
    const heads: ModelVersion[] = []
    const overwritten = new Set<string>()
    for (const version of versions) {
      const isHead = (version.op.flags & OP_FLAG.head) !== 0
      const gone = versions.some(other => this.#overwrites(other.batch, other.index, other.op, version))
      if (isHead && !gone) heads.push(version)
      if (isHead && gone && version.identity !== undefined) overwritten.add(version.identity)
    }
    const isDemoted = ({ identity }: ModelVersion): boolean =>
      identity !== undefined && overwritten.has(identity)
    const names = heads.map(
      head => `${head.batch.id.slice(0, 32)}/${head.index}${isDemoted(head) ? '!' : ''}`
    )
    const winner = latest(heads, isDemoted)
    const value = winner?.op.value
    return { heads: names.sort(), shown: value === undefined ? undefined : new TextDecoder().decode(value) }
  }

  /** Ids of the batches that none of the same author names, sorted. */
  tips(): string[] {
    const named = new Set<string>()
    for (const { header } of this.#batches.values()) {
      named.add(header.previous)
      for (const dep of header.deps) if (dep.author === header.author) named.add(dep.id)
    }
    return [...this.#batches.keys()].filter(id => !named.has(id)).sort()
  }
}

function order(a: ModelVersion, b: ModelVersion): number {
  const [x, y] = [a.batch.header, b.batch.header]
  return (
    compareTime(x.time, y.time) ||
    (x.author < y.author ? -1 : x.author > y.author ? 1 : 0) ||
    (x.epoch < y.epoch ? -1 : x.epoch > y.epoch ? 1 : 0) ||
    x.seq - y.seq ||
    a.index - b.index ||
    (a.batch.id < b.batch.id ? -1 : 1)
  )
}

function latest(
  heads: readonly ModelVersion[],
  isDemoted: (version: ModelVersion) => boolean
): ModelVersion | undefined {
  const copies = new Map<string, ModelVersion>()
  for (const head of heads) {
    const name = head.identity ?? `${head.batch.id}/${head.index}`
    const known = copies.get(name)
    if (known === undefined || order(head, known) < 0) copies.set(name, head)
  }
  const all = [...copies.values()]
  const upright = all.filter(head => !isDemoted(head))
  return (upright.length > 0 ? upright : all).sort(order).pop()
}

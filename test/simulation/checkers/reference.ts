/**
 * An executable reference of what batches come to, made from the definitions in protocols/batch.md and nothing of the
 * store: heads of each key, which copies of a client's op are demoted, the winner, tips and both digests.
 *
 * `Graph` holds what is true of batches wherever they are; `Fold` is what one node comes to that applied them in some
 * order. Shared with the product are the decoder of a body and the hash function.
 */
import { nodeCrypto } from '../../../src/base/crypto-node.js'
import { concatBytes, fromHex, toHex, utf8 } from '../../../src/base/index.js'
import type { Author, Batch, BatchId, HybridTime, Op } from '../../../src/log/index.js'
import { clientMarkOf, decodeBody, identityOf, OP_FLAG } from '../../../src/log/index.js'
import type { Strategy } from '../../../src/merge/index.js'

const NO_BATCH = '0'.repeat(64)
const digestMod = 1n << 128n

/** An op of a batch, and what follows from its bytes. */
export interface GraphOp {
  readonly op: Op
  readonly key: string
  /** Of an op with a client id. */
  readonly client: { readonly id: string; readonly number: number; readonly identity: string } | undefined
}

/** Batches as a graph: what each stands on, and its ops. Batches are only ever added. */
export class Graph {
  readonly batches = new Map<BatchId, Batch>()
  /** How a read picks among versions. */
  strategy: Strategy = 'latest'
  readonly #ops = new Map<BatchId, readonly GraphOp[]>()
  readonly #behind = new Map<BatchId, ReadonlySet<BatchId>>()

  add(batch: Batch): void {
    if (!this.batches.has(batch.id)) this.batches.set(batch.id, batch)
  }

  ops(batch: Batch): readonly GraphOp[] {
    let ops = this.#ops.get(batch.id)
    if (ops === undefined) {
      ops = opsOf(batch)
      this.#ops.set(batch.id, ops)
    }
    return ops
  }

  /** The batch itself and all that can be reached from it in its author's log. */
  behind(id: BatchId): ReadonlySet<BatchId> {
    const known = this.#behind.get(id)
    if (known !== undefined) return known
    const found = new Set<BatchId>()
    const open = [id]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (found.has(next)) continue
      found.add(next)
      const header = this.batches.get(next)?.header
      if (header === undefined) continue
      if (header.previous !== NO_BATCH) open.push(header.previous)
      for (const dep of header.deps) if (dep.author === header.author) open.push(dep.id)
    }
    this.#behind.set(id, found)
    return found
  }

  /** Whether `batch` is `of` or can be reached from it by `previous` alone. */
  isOnChain(batch: BatchId, of: Batch): boolean {
    for (let at: Batch | undefined = of; at !== undefined; at = this.batches.get(at.header.previous)) {
      if (at.id === batch) return true
    }
    return false
  }

  /** Whether the op at `index` of `by` overwrites this version with effect. */
  overwrites(by: Batch, index: number, op: Op, version: { batch: Batch; index: number }): boolean {
    const { batch } = version
    return op.over.some(ref => {
      if (ref.index !== version.index) return false
      if ('seq' in ref) {
        if (ref.seq !== batch.header.seq || batch.header.epoch !== by.header.epoch) return false
        if (!this.isOnChain(batch.id, by)) return false
        return batch.id !== by.id || version.index < index
      }
      if (!batch.id.startsWith(ref.batch) || batch.id === by.id) return false
      const { previous, deps } = by.header
      if (previous !== NO_BATCH && this.behind(previous).has(batch.id)) return true
      return deps.some(dep => this.behind(dep.id).has(batch.id))
    })
  }
}

export function opsOf(batch: Batch): GraphOp[] {
  let ops: Op[]
  try {
    ops = decodeBody(batch.body, batch.header.opCount)
  } catch {
    return []
  }
  return ops.map(op => {
    const mark = clientMarkOf(op, nodeCrypto)
    const client = mark && {
      id: mark.idHash,
      number: mark.number,
      identity: identityOf(op, mark, nodeCrypto)
    }
    return { op, key: toHex(op.key), client }
  })
}

/** A version of a key that nobody has overwritten. */
export interface RefHead {
  readonly batch: Batch
  readonly index: number
  readonly op: Op
  readonly identity: string | undefined
  demoted: boolean
}

/** What a read shows of a key from a position on. */
export interface Shown {
  readonly from: number
  readonly winner: RefHead | undefined
}

export function nameOf(head: { batch: Batch; index: number }): string {
  return `${head.batch.id.slice(0, 32)}/${head.index}`
}

/** What one node comes to: batches applied one by one, in the order of its positions. */
export class Fold {
  readonly order: Batch[] = []
  readonly positions = new Map<BatchId, number>()
  readonly heads = new Map<string, RefHead[]>()
  /** By key, what a read shows at which time; oldest first. */
  readonly shown = new Map<string, Shown[]>()
  readonly tips = new Map<BatchId, Batch>()
  /** By name of a version, the position at which it was overwritten. */
  readonly gone = new Map<string, number>()
  /** By client id (its hash), the first batch that carried it, and what it was used for: identities by number. */
  readonly clients = new Map<
    string,
    { readonly position: number; readonly identities: Map<number, string> }
  >()
  readonly #checks: string[] = ['0'.repeat(16)]
  readonly #graph: Graph
  readonly #overwritten = new Set<string>()
  #digest = 0n

  constructor(graph: Graph, batches: readonly Batch[] = []) {
    this.#graph = graph
    for (const batch of batches) this.apply(batch)
  }

  has(id: BatchId): boolean {
    return this.positions.has(id)
  }

  apply(batch: Batch): void {
    this.#graph.add(batch)
    const position = this.order.push(batch)
    this.positions.set(batch.id, position)
    const { header } = batch
    this.tips.delete(header.previous)
    for (const dep of header.deps) if (dep.author === header.author) this.tips.delete(dep.id)
    this.tips.set(batch.id, batch)
    for (const [index, entry] of this.#graph.ops(batch).entries())
      this.#applyOp(batch, index, entry, position)
  }

  #applyOp(batch: Batch, index: number, { op, key, client }: GraphOp, position: number): void {
    if (client !== undefined) this.#noteClient(client, position)
    const identity = client?.identity
    const heads = this.heads.get(key) ?? []
    const left: RefHead[] = []
    for (const head of heads) {
      if (op.over.length === 0 || !this.#graph.overwrites(batch, index, op, head)) {
        left.push(head)
        continue
      }
      this.#digest = (this.#digest - termOf(op.key, head) + digestMod) % digestMod
      this.gone.set(nameOf(head), position)
      if (head.identity !== undefined) this.#overwritten.add(head.identity)
    }
    if ((op.flags & OP_FLAG.head) !== 0) {
      const own = { batch, index, op, identity, demoted: false }
      left.push(own)
      this.#digest = (this.#digest + termOf(op.key, own)) % digestMod
    }
    for (const head of left)
      head.demoted = head.identity !== undefined && this.#overwritten.has(head.identity)
    this.heads.set(key, left)
    const winner = pick(left, this.#graph.strategy)
    const history = this.shown.get(key) ?? []
    const last = history.at(-1)
    if (last?.from === position) history.pop()
    history.push({ from: position, winner })
    this.shown.set(key, history)
  }

  #noteClient({ id, number, identity }: NonNullable<GraphOp['client']>, position: number): void {
    const known = this.clients.get(id) ?? { position, identities: new Map() }
    if (known.position !== position) return
    this.clients.set(id, known)
    if (!known.identities.has(number)) known.identities.set(number, identity)
  }

  /** The running check over the ids of all batches up to a position. */
  checkAt(position: number): string | undefined {
    if (position > this.order.length) return undefined
    for (let at = this.#checks.length; at <= position; at++) {
      const bytes = concatBytes(fromHex(this.#checks[at - 1]!), fromHex(this.order[at - 1]!.id))
      this.#checks.push(toHex(nodeCrypto.sha256(bytes).subarray(0, 8)))
    }
    return this.#checks[position]
  }

  /** What a read showed at a position. */
  shownAt(key: string, position: number): RefHead | undefined {
    return this.shown.get(key)?.findLast(({ from }) => from <= position)?.winner
  }

  winner(key: string): RefHead | undefined {
    return pick(this.heads.get(key) ?? [], this.#graph.strategy)
  }

  /** Tips of one author. */
  tipsOf(author: Author): Batch[] {
    return [...this.tips.values()].filter(tip => tip.header.author === author)
  }

  stateDigest(): string {
    return this.#digest.toString(16).padStart(32, '0')
  }

  frontierDigest(): string {
    const ids = [...this.tips.keys()].map(id => id.slice(0, 32)).sort()
    const bytes = concatBytes(utf8('natter/frontier/1\0'), fromHex(ids.join('')))
    return toHex(nodeCrypto.sha256(bytes).subarray(0, 16))
  }
}

const terms = new WeakMap<Batch, Map<number, bigint>>()

/** The term of a head in the state digest: it is asked for on every node, so each is hashed once. */
function termOf(key: Uint8Array, { batch, index }: { batch: Batch; index: number }): bigint {
  let known = terms.get(batch)
  if (known === undefined) {
    known = new Map()
    terms.set(batch, known)
  }
  let term = known.get(index)
  if (term === undefined) {
    const parts = [
      utf8('natter/state/1\0'),
      varint(key.length),
      key,
      fromHex(batch.id.slice(0, 32)),
      varint(index)
    ]
    term = BigInt(`0x${toHex(nodeCrypto.sha256(concatBytes(...parts)).subarray(0, 16))}`)
    known.set(index, term)
  }
  return term
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80)
  return Uint8Array.from([...bytes, value])
}

/** The order of versions: hybrid time, author, epoch, seq, index, id. */
export function compareHeads(a: { batch: Batch; index: number }, b: { batch: Batch; index: number }): number {
  const [x, y] = [a.batch.header, b.batch.header]
  return (
    compareTimes(x.time, y.time) ||
    (x.author === y.author ? 0 : x.author < y.author ? -1 : 1) ||
    (x.epoch === y.epoch ? 0 : x.epoch < y.epoch ? -1 : 1) ||
    x.seq - y.seq ||
    a.index - b.index ||
    (a.batch.id === b.batch.id ? 0 : a.batch.id < b.batch.id ? -1 : 1)
  )
}

export function compareTimes(a: HybridTime, b: HybridTime): number {
  return a.ms - b.ms || a.counter - b.counter
}

/** What a read shows: copies of one client's op are the least of them, and demoted ones count when there is no other. */
function pick(heads: readonly RefHead[], strategy: Strategy): RefHead | undefined {
  const versions = new Map<string, RefHead>()
  for (const head of heads) {
    const name = head.identity ?? nameOf(head)
    const known = versions.get(name)
    if (known === undefined || compareHeads(head, known) < 0) versions.set(name, head)
  }
  const all = [...versions.values()].sort(compareHeads)
  const upright = all.filter(head => !head.demoted)
  const ranked = upright.length > 0 ? upright : all
  if (strategy === 'latest' || strategy === 'earliest') {
    const winner = strategy === 'latest' ? ranked.at(-1) : ranked[0]
    return winner?.op.value === undefined ? undefined : winner
  }
  const live = ranked.filter(({ op }) => op.value !== undefined)
  // Of several values under `all` the last gives its name to all of them.
  if (strategy === 'all' || live.length < 2) return live.at(-1)
  const byValue = [...live].sort((a, b) => compareValues(a.op.value!, b.op.value!))
  const best = byValue[strategy === 'max' ? byValue.length - 1 : 0]!
  return live.findLast(({ op }) => compareValues(op.value!, best.op.value!) === 0)
}

/** JSON numbers, then JSON texts, then other bytes. */
function compareValues(a: Uint8Array, b: Uint8Array): number {
  const [x, y] = [ranked(a), ranked(b)]
  if (x.rank !== y.rank) return x.rank - y.rank
  if (typeof x.value === 'number') return x.value - (y.value as number)
  return x.value < y.value ? -1 : x.value > y.value ? 1 : 0
}

function ranked(bytes: Uint8Array): { rank: number; value: number | string } {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (typeof value === 'number') return { rank: 0, value }
    if (typeof value === 'string') return { rank: 1, value: toHex(utf8(value)) }
  } catch {
    // No JSON: then the bytes themselves are compared.
  }
  return { rank: 2, value: toHex(bytes) }
}
